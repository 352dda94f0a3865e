/**
 * One pass over one installation, the whole walk in one direction: read spec → resolve → plan → render → diff → apply →
 * observe → status. Level-triggered: everything is decided from what the caches show now, nothing from an event.
 */
import { isDeepStrictEqual } from 'node:util';
import { deletionOf, finalizer, type ParsedStatus } from '../../api/v1/index.ts';
import {
	type ApplierOptions,
	type ApplyResult,
	applyInstallation,
	countDifferences,
	emptyMemory,
	type InstallationMemory,
	isWebhook,
	webhookGraceLeft,
} from '../apply/applier.ts';
import type { Child } from '../apply/child.ts';
import { addFinalizer, removeFinalizer } from '../apply/finalizer.ts';
import { statusFieldManager } from '../apply/identity.ts';
import { applyInjectionLabels, type LiveNamespaces, planInjectionLabels } from '../apply/injection-labels.ts';
import { releaseChildren, removeChildren } from '../apply/remove.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import { observeCertificateAuthority } from '../plan/classic/certificate-authority.ts';
import {
	factsOf,
	type RootMemory,
	rememberRoots,
	type Sight,
	secretsOf,
	waitingOf,
} from '../plan/classic/mesh-facts.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import { injectorWebhook } from '../render/classic/injector-names.ts';
import { meshConfigHash } from '../render/classic/mesh-config.ts';
import { applySetId, type ClusterFacts, render, renderCrds, type ServingCertificate } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey } from '../runtime/object.ts';
import type { PassContext, PassResult } from '../runtime/queue/work-queue.ts';
import type { NamedObjects } from '../runtime/watch/named-objects.ts';
import type { CertificateAuthorityObservation } from '../status/certificate-authority.ts';
import { computeStatus, type Observation } from '../status/compute-status.ts';
import { findingOfError } from '../status/finding.ts';
import { describeTransitions, type StatusNotice } from '../status/transitions.ts';
import { injectorCertificate } from './injector-certificate.ts';
import { type InstallationCache, rivalriesOf, type StoredInstallation } from './installation.ts';
import type { JoinedClusters } from './joined/joined-clusters.ts';
import { observeRunning, observeWorkloads } from './observe.ts';
import { type Prepared, type PreparedMesh, prepare } from './prepare.ts';

export interface ReconcilerOptions {
	readonly api: ApiServer;
	readonly installations: InstallationCache;
	readonly namespaces: LiveNamespaces;
	/** Secrets that others make. */
	readonly secrets: Pick<NamedObjects<SecretFacts>, 'get' | 'setInterest' | 'synced'>;
	readonly clusters: JoinedClusters;
	/** Version of the cluster's API server, `v1.36.3`. */
	readonly serverVersion: () => string;
	/** How children are written; the hooks are per installation and come from `onNotice` and `onApply`. */
	readonly applier: Omit<ApplierOptions, 'hooks'>;
	readonly onApply?: ApplyHooks['onOutcome'];
	/** Wall clock, milliseconds since 1970: for what people and API objects see. */
	readonly wallClock: () => number;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A pass without a cause comes about this often, milliseconds, ±20 %. */
	readonly resyncMs: number;
	/** After how many milliseconds every Pilot follows a changed mesh configuration. */
	readonly configFollowedAfterMs: number;
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
	/** Tells metrics how an installation is after each pass; undefined when it is gone. */
	readonly onStatus?: (name: string, status: ParsedStatus | undefined) => void;
}

/** A mesh with what the cluster adds to it. */
interface Rendered {
	readonly facts: ClusterFacts;
	readonly objects: readonly KubeObject[];
	/** Something of it is not adopted yet, and looked at again after so many milliseconds. */
	readonly againInMs: number | undefined;
}

/** What the process remembers of an installation. */
interface Memory {
	readonly uid: string;
	readonly apply: InstallationMemory;
	prepared: { readonly spec: unknown; readonly serverVersion: string; readonly value: Prepared } | undefined;
	rendered: (Omit<Rendered, 'againInMs'> & { readonly mesh: ResolvedMesh }) | undefined;
	/** What the last own write of the installation was answered with. */
	answered: { readonly resourceVersion: string | undefined; readonly spec: unknown } | undefined;
	/** The mesh configuration that is asked for, and since when all passes could write it (monotonic milliseconds). */
	config: { readonly mesh: ResolvedMesh; readonly hash: string; readonly since: number } | undefined;
	/** The injector's certificate with its key, where the operator makes it. */
	certificate: ServingCertificate | undefined;
	/** By which authorities Citadel has signed the injector's certificate. */
	citadelRoots: RootMemory;
}

/** A waiting deletion is looked at again at least this often, milliseconds: a missed event must not make it last. */
const deletionRecheckMs = 10_000;
/** Clusters that can't be left in time get so long, milliseconds, to say so. */
const leaveGraceMs = 20_000;
/** An object of somebody else that is in the way is looked at again about this often, milliseconds. */
const foreignRecheckMs = 10_000;

/** A Secret that can't be read is waited for so long, milliseconds; after that the pass goes on without. */
const secretsDeadlineMs = 5_000;

/** What stays only for a while is looked at again after so long, milliseconds. */
const keptRecheckMs = 1_000;

/** So many passes in a row may end in nothing but conflicts before the status tells of them. */
const silentConflicts = 3;

export class Reconciler {
	readonly #options: ReconcilerOptions;
	readonly #memories = new Map<string, Memory>();

	constructor(options: ReconcilerOptions) {
		this.#options = options;
	}

	/** The worker of the queue; the key is the installation's name. */
	async reconcile(name: string, { signal, attempt }: Pick<PassContext, 'signal' | 'attempt'>): Promise<PassResult> {
		const object = this.#options.installations.get(name);
		if (object === undefined) {
			this.#memories.delete(name);
			this.#options.secrets.setInterest(name, []);
			this.#options.clusters.forget(name);
			this.#options.onStatus?.(name, undefined);
			return {};
		}
		if (object.metadata.deletionTimestamp !== undefined) return this.#finalize(object, signal);
		return this.#keep(this.#asAnswered(object), signal, attempt);
	}

	/** The cached object; at the resourceVersion of an own write with the spec that the answer had, see `#write`. */
	#asAnswered(object: StoredInstallation): StoredInstallation {
		const { answered } = this.#memoryOf(object);
		return answered !== undefined && answered.resourceVersion === object.metadata.resourceVersion
			? { ...object, spec: answered.spec }
			: object;
	}

	// Making and keeping

	async #keep(object: StoredInstallation, signal: AbortSignal, attempt: number): Promise<PassResult> {
		const memory = this.#memoryOf(object);
		const prepared = this.#prepare(object, memory);
		const findings = [
			...(prepared.ok ? [] : prepared.findings),
			...rivalriesOf(object, [...this.#options.installations.all()]),
		];
		if (!prepared.ok || findings.length > 0) {
			await this.#writeStatus(
				object,
				{ findings, workloads: observeRunning(object, this.#options.applier.live) },
				signal,
			);
			return { requeueAfterMs: this.#resync() };
		}
		if (prepared.paused) return this.#watchOnly(object, prepared, memory, signal);

		const { api, applier, clusters } = this.#options;
		const withFinalizer = await this.#write(object, () => addFinalizer(api, object, finalizer, signal));

		let rendered: Rendered;
		try {
			rendered = await this.#render(object, prepared, memory, signal);
		} catch (error) {
			signal.throwIfAborted();
			const workloads = observeRunning(object, this.#options.applier.live);
			await this.#writeStatus(withFinalizer, { findings: [findingOfError(error)], workloads }, signal);
			throw error;
		}
		const { mesh } = prepared;
		const followedInMs = this.#configFollowedIn(mesh, memory);
		const sight = this.#sightOf(mesh);
		const waiting = waitingOf(mesh, rendered.facts, rendered.objects, sight, followedInMs === 0);
		const kept = new Map([...waiting.kept, ...clusters.keptReaders(mesh)]);
		const desired = { ...this.#desired(object, rendered.objects), held: waiting.held, kept };
		// Each cluster has its Secret in the namespace. What fails in this cluster keeps nobody from renewing tokens for others.
		const hasNamespace = applier.live.get(objectKey({ ...kinds.Namespace, name: mesh.namespace })) !== undefined;
		const wish = hasNamespace ? await this.#want(object, prepared, signal) : [];
		const applied = await applyInstallation({ ...applier, hooks: this.#hooks(object) }, desired, memory.apply, signal);
		const injection = await this.#labelNamespaces(object, prepared.mesh, applied, signal);
		const isMade = !hasNamespace && applied.errors.length === 0;
		const lateWish = isMade ? await this.#want(object, prepared, signal) : [];
		const result = { ...applied, errors: [...applied.errors, ...injection.errors, ...wish, ...lateWish] };
		if (applied.errors.length > 0) memory.config = undefined;
		// Somebody was faster: the pass that follows at once settles it, and nobody needs to hear of it.
		if (attempt <= silentConflicts && result.errors.length > 0 && result.errors.every(isConflict)) {
			throw new AggregateError(result.errors, `${describeObject(object)} changed meanwhile`);
		}
		await this.#writeStatus(
			withFinalizer,
			{
				findings: result.errors.map(findingOfError),
				gate: result.gate,
				version: prepared.version,
				workloads: observeWorkloads(object, rendered.objects, prepared.version, memory.apply, applier.live),
				inventory: result.hash === undefined ? undefined : { objects: result.objects, hash: result.hash },
				note: [...injection.notes, ...new Set(kept.values())].join('; ') || undefined,
				certificateAuthority: this.#authorityOf(prepared.mesh),
				clusters: clusters.observationOf(object, mesh),
			},
			signal,
		);
		// Objects of others are in the way. They are not watched: whether they still are has to be asked.
		if (result.errors.length > 0 && result.errors.every((error) => error instanceof InvalidError)) {
			return { requeueAfterMs: this.#jittered(foreignRecheckMs) };
		}
		if (result.errors.length > 0) throw new AggregateError(result.errors, `${describeObject(object)} is not as asked`);
		const again = [
			result.againInMs,
			rendered.againInMs,
			waiting.kept.size > 0 ? Math.max(followedInMs, keptRecheckMs) : undefined,
		];
		return { requeueAfterMs: Math.min(this.#resync(), ...again.filter((wait) => wait !== undefined)) };
	}

	/** In how many milliseconds every Pilot follows this mesh configuration; 0 where it does. */
	#configFollowedIn(mesh: ResolvedMesh, memory: Memory): number {
		const now = this.#options.applier.now();
		// The same mesh until the spec changes, so most passes hash nothing.
		if (memory.config?.mesh !== mesh) {
			const hash = meshConfigHash(mesh);
			memory.config = { mesh, hash, since: memory.config?.hash === hash ? memory.config.since : now };
		}
		return Math.max(0, memory.config.since + this.#options.configFollowedAfterMs - now);
	}

	/** `spec.paused`: the status goes on, nothing else is written. */
	async #watchOnly(
		object: StoredInstallation,
		prepared: PreparedMesh,
		memory: Memory,
		signal: AbortSignal,
	): Promise<PassResult> {
		const { applier, clusters } = this.#options;
		const { objects } = await this.#render(object, prepared, memory, signal);
		const errors = await this.#want(object, prepared, signal);
		const differing = countDifferences(applier, this.#desired(object, objects), memory.apply);
		const { version } = prepared;
		const workloads = observeWorkloads(object, objects, version, memory.apply, applier.live);
		const certificateAuthority = this.#authorityOf(prepared.mesh);
		const paused = { differing };
		const joined = clusters.observationOf(object, prepared.mesh);
		await this.#writeStatus(
			object,
			{ findings: errors.map(findingOfError), version, paused, workloads, certificateAuthority, clusters: joined },
			signal,
		);
		if (errors.length > 0) throw new AggregateError(errors, `${describeObject(object)}: not all could be looked at`);
		return { requeueAfterMs: this.#resync() };
	}

	/** What keeps it from being said is told, and delays nothing of the mesh itself. */
	async #want(object: StoredInstallation, prepared: PreparedMesh, signal: AbortSignal): Promise<readonly unknown[]> {
		try {
			await this.#options.clusters.want(object, prepared, signal);
			return [];
		} catch (error) {
			signal.throwIfAborted();
			return [error];
		}
	}

	#memoryOf({ metadata: { name, uid = '' } }: StoredInstallation): Memory {
		const known = this.#memories.get(name);
		if (known?.uid === uid) return known;
		const memory: Memory = {
			uid,
			apply: emptyMemory(),
			prepared: undefined,
			rendered: undefined,
			answered: undefined,
			config: undefined,
			certificate: undefined,
			citadelRoots: { former: new Map() },
		};
		this.#memories.set(name, memory);
		return memory;
	}

	/** Parses and resolves once per spec: all of it depends on the spec alone, and on the version of Kubernetes. */
	#prepare(object: StoredInstallation, memory: Memory): Prepared {
		const serverVersion = this.#options.serverVersion();
		const known = memory.prepared;
		if (known?.serverVersion !== serverVersion || !isDeepStrictEqual(known.spec, object.spec)) {
			const value = prepare(object, serverVersion);
			memory.prepared = { spec: object.spec, serverVersion, value };
			return value;
		}
		return known.value;
	}

	/** Renders once per spec and facts of the cluster. */
	async #render(
		object: StoredInstallation,
		{ mesh, paused }: PreparedMesh,
		memory: Memory,
		signal: AbortSignal,
	): Promise<Rendered> {
		const { api, secrets, wallClock, clusters } = this.#options;
		const { name } = object.metadata;
		secrets.setInterest(name, secretsOf(mesh));
		await secrets.synced(name, secretsDeadlineMs, signal);
		memory.certificate = await injectorCertificate(mesh, {
			api,
			known: memory.certificate,
			now: wallClock(),
			mayIssue: !paused,
			signal,
		});
		const sight = this.#sightOf(mesh);
		memory.citadelRoots = rememberRoots(mesh, memory.citadelRoots, sight, wallClock());
		const joined = clusters.factsOf(object, mesh);
		const facts = { ...factsOf(mesh, memory.certificate, sight, memory.citadelRoots), ...joined.facts };
		if (memory.rendered?.mesh !== mesh || !isDeepStrictEqual(memory.rendered.facts, facts)) {
			const objects = [...renderCrds(mesh), ...render(mesh, facts), ...clusters.readersHere(mesh)];
			memory.rendered = { mesh, facts, objects };
		}
		return { ...memory.rendered, againInMs: joined.againInMs };
	}

	#authorityOf(mesh: ResolvedMesh): CertificateAuthorityObservation | 'none' {
		return observeCertificateAuthority(mesh, this.#sightOf(mesh).secret, new Date(this.#options.wallClock()));
	}

	#sightOf({ namespace }: ResolvedMesh): Sight {
		const { applier, secrets } = this.#options;
		return {
			child: (key) => applier.live.get(key),
			secret: (name) => secrets.get({ namespace, name }),
		};
	}

	/** Labels go on when the webhook stands, so that nobody counts on it before, and off as soon as they are not asked for. */
	async #labelNamespaces(
		{ metadata: { name } }: StoredInstallation,
		mesh: ResolvedMesh,
		applied: ApplyResult,
		signal: AbortSignal,
	): Promise<{ readonly errors: readonly unknown[]; readonly notes: readonly string[] }> {
		const { applier, namespaces } = this.#options;
		const wanted = mesh.injector?.namespaces ?? [];
		const plan = planInjectionLabels(name, wanted, namespaces);
		const webhook = objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) });
		const isServed = applied.errors.length === 0 && applier.live.get(webhook) !== undefined;
		const { release, missing, refused } = plan;
		const errors = await applyInjectionLabels(applier, name, { label: isServed ? plan.label : [], release }, signal);
		return {
			errors: [...errors, ...refused],
			notes:
				missing.length === 0
					? []
					: [`not there yet, and labelled as soon as they are: namespaces ${missing.join(', ')}`],
		};
	}

	#desired(object: StoredInstallation, objects: readonly KubeObject[]) {
		const { name, uid = '' } = object.metadata;
		const recorded = object.status as ParsedStatus | undefined;
		return {
			owner: { apiVersion: object.apiVersion, kind: object.kind, name, uid },
			partOf: applySetId(name),
			objects,
			recordedHash: recorded?.inventory?.hash,
		};
	}

	// Taking away

	async #finalize(object: StoredInstallation, signal: AbortSignal): Promise<PassResult> {
		if (object.metadata.finalizers?.includes(finalizer) !== true) return {};
		const { api, applier, wallClock, onNotice, clusters } = this.#options;
		const { policy, force, timeoutMs } = deletionOf(object);
		const children = applier.live.ofApplySet(applySetId(object.metadata.name));
		if (policy === 'Retain') {
			// First of all, so that nobody repairs what is let go.
			clusters.forget(object.metadata.name);
			const released = [...children, ...clusters.recordChildren(object)];
			const errors = await releaseChildren(api, released, object.metadata.uid ?? '', signal);
			if (errors.length > 0) {
				const deleting = 'letting go of its objects, which stay';
				await this.#writeStatus(object, { findings: errors.map(findingOfError), deleting }, signal);
				throw new AggregateError(errors, `${describeObject(object)}: not all objects could be released`);
			}
			return this.#letGo(object, signal);
		}
		const leftMs = Date.parse(object.metadata.deletionTimestamp ?? '') + timeoutMs - wallClock();
		// Other clusters first: while the control plane stands, nothing there looks for one that is gone. They have a bound of
		// their own, which is the same, and a little more to say what they leave behind.
		const leaving = clusters.leaveAll(object);
		if (leaving.length > 0 && leftMs > -leaveGraceMs) {
			const names = leaving.slice(0, 10).join(', ');
			await this.#writeStatus(object, { findings: [], deleting: `waiting for clusters to leave: ${names}` }, signal);
			return { requeueAfterMs: Math.min(deletionRecheckMs, Math.max(leftMs + leaveGraceMs, 0)) };
		}
		const memory = this.#memoryOf(object);
		const labelErrors = await this.#releaseNamespaces(object, signal);
		if (children.length === 0 && labelErrors.length === 0) return this.#letGo(object, signal);

		const isOverdue = leftMs <= 0;
		const graceMs = force || isOverdue ? 0 : webhookGraceLeft(memory.apply, applier.now());
		// What answers a webhook stays until no API server calls it any more.
		const targets = graceMs > 0 ? children.filter(isWebhook) : children;
		const removal = await removeChildren(api, applier.live, targets, force || isOverdue, signal, (child) => {
			if (isWebhook(child)) memory.apply.webhookGoneAt = applier.now();
			this.#options.onApply?.(child.kind, 'deleted');
		});
		const errors = [...labelErrors, ...removal.errors];
		if (isOverdue || (force && errors.length === 0)) {
			const left = applier.live.ofApplySet(applySetId(object.metadata.name));
			if (isOverdue && left.length > 0) {
				onNotice(object, {
					type: 'Warning',
					reason: 'DeletionTimedOut',
					message: `not gone within spec.deletion.timeout, and left to you: ${listObjects(left)}`,
				});
			}
			return this.#letGo(object, signal);
		}
		await this.#writeStatus(
			object,
			{ findings: errors.map(findingOfError), deleting: `waiting for ${listObjects(children)} to be gone` },
			signal,
		);
		if (errors.length > 0)
			throw new AggregateError(errors, `${describeObject(object)}: not all objects could be deleted`);
		return { requeueAfterMs: Math.min(leftMs, deletionRecheckMs, graceMs > 0 ? graceMs : deletionRecheckMs) };
	}

	async #releaseNamespaces(
		{ metadata: { name } }: StoredInstallation,
		signal: AbortSignal,
	): Promise<readonly unknown[]> {
		const { applier, namespaces } = this.#options;
		return applyInjectionLabels(applier, name, planInjectionLabels(name, [], namespaces), signal);
	}

	async #letGo(object: StoredInstallation, signal: AbortSignal): Promise<PassResult> {
		await removeFinalizer(this.#options.api, object, finalizer, signal);
		return {};
	}

	// Telling

	#hooks(object: StoredInstallation): ApplyHooks {
		const { onNotice, onApply } = this.#options;
		return {
			onNotice: (notice) => onNotice(object, notice),
			...(onApply === undefined ? {} : { onOutcome: onApply }),
		};
	}

	async #writeStatus(
		object: StoredInstallation,
		observed: Omit<Observation, 'generation' | 'previous' | 'now'>,
		signal: AbortSignal,
	): Promise<void> {
		const { api, wallClock, onNotice, onStatus } = this.#options;
		const { name, uid, generation = 0 } = object.metadata;
		const previous = object.status as ParsedStatus | undefined;
		const now = `${new Date(wallClock()).toISOString().slice(0, 19)}Z`;
		const status = computeStatus({ ...observed, generation, previous, now });
		onStatus?.(name, status);
		if (isDeepStrictEqual(status, previous)) return;
		const body = {
			apiVersion: object.apiVersion,
			kind: object.kind,
			metadata: { name, ...(uid === undefined ? {} : { uid }) },
			status,
		};
		await this.#write(object, async () => {
			return (
				await api.apply(body, {
					fieldManager: statusFieldManager,
					force: true,
					subresource: 'status',
					signal,
					// What a mesh consists of comes before the word about it.
					isPatient: true,
				})
			).object;
		});
		for (const notice of describeTransitions(previous, status)) onNotice(object, notice);
	}

	/**
	 * A write of the installation itself, whose event is not to wake us. The answer is how the object really stands, and
	 * every new generation has one: for a moment after a change of the CRD, watches still prune by the schema before it
	 * (apiextensions-apiserver `customresource_handler.go` keeps the old storage until its requests have ended), and no
	 * event follows that would show what was left out. Nor does the answer replace an event that came before it, which
	 * has the same resourceVersion: so it is remembered.
	 */
	async #write(object: StoredInstallation, send: () => Promise<StoredInstallation>): Promise<StoredInstallation> {
		const settle = this.#options.installations.expectWrite(object);
		let written: StoredInstallation;
		try {
			written = await send();
			settle(written);
		} catch (error) {
			settle();
			throw error;
		}
		const { generation } = object.metadata;
		const { resourceVersion } = written.metadata;
		this.#memoryOf(object).answered = { resourceVersion, spec: written.spec };
		if (written.metadata.generation === generation && !isDeepStrictEqual(written.spec, object.spec)) {
			throw new ConflictError(`${describeObject(object)} is not as the watch showed it: its definition has changed`);
		}
		return written;
	}

	#resync(): number {
		return this.#jittered(this.#options.resyncMs);
	}

	#jittered(milliseconds: number): number {
		return milliseconds * (0.8 + 0.4 * this.#options.random());
	}
}

function isConflict(error: unknown): boolean {
	return error instanceof ConflictError;
}

function listObjects(children: readonly Child[]): string {
	const shown = children.slice(0, 10).map(describeObject).join(', ');
	return children.length > 10 ? `${shown} and ${children.length - 10} more` : shown;
}
