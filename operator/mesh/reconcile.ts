/**
 * One pass over one installation, the whole walk in one direction: read spec → resolve → plan → render → diff → apply →
 * observe → status. Level-triggered: everything is decided from what the caches show now, nothing from an event.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ParsedStatus } from '../../api/v1/index.ts';
import {
	type ApplierOptions,
	applyInstallation,
	assertNamespaceStays,
	childrenOf,
	type InstallationPlan,
	planInstallation,
} from '../apply/applier.ts';
import type { LiveNamespaces } from '../apply/injection-labels.ts';
import { type LiveObjects, namespaceIn } from '../apply/live.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import type { Lines } from '../lines/index.ts';
import { podSecurityNote } from '../plan/pod-security.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { MeshLimits, ResolvedMesh } from '../releases/index.ts';
import { applySetId } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { PassContext, PassResult } from '../runtime/queue/work-queue.ts';
import type { NamedObjects } from '../runtime/watch/named-objects.ts';
import { type Finding, findingOfError, findingOfProblem } from '../status/finding.ts';
import type { StatusNotice } from '../status/transitions.ts';
import { finalize } from './finalize.ts';
import { labelNamespaces } from './injection.ts';
import { type InstallationCache, rivalriesOf, type StoredInstallation } from './installation.ts';
import { InstallationWriter } from './installation-writer.ts';
import type { JoinedClusters } from './joined/joined-clusters.ts';
import { Memories, type Memory } from './memory.ts';
import type { Mutators } from './mutators.ts';
import { observeRunning, observeWorkloads } from './observe.ts';
import { lookAtOperator, type OperatorLook } from './operator-change/look.ts';
import { errorOf, isOnlyConflict, isOnlyForeign, type Outcome } from './outcome.ts';
import type { MeshPods } from './pods.ts';
import { type Prepared, type PreparedMesh, prepare } from './prepare.ts';
import { heldByProxies } from './proxies/held.ts';
import type { MeshProxies } from './proxies/mesh-proxies.ts';
import { type Access, rightsRecheckMs } from './rights/access.ts';
import { servingCertificate } from './serving-certificate.ts';
import type { UserObjects } from './user-objects.ts';
import { type Lookout, type MeshView, viewMesh } from './view.ts';
import type { MeshWebhooks } from './webhooks/mesh-webhooks.ts';

export interface ReconcilerOptions {
	readonly api: ApiServer;
	readonly lines: Lines;
	readonly installations: InstallationCache;
	readonly namespaces: LiveNamespaces;
	/** Secrets that others make. */
	readonly secrets: Pick<NamedObjects<SecretFacts>, 'get' | 'setInterest' | 'synced'>;
	readonly clusters: JoinedClusters;
	/** Who may change what is written. */
	readonly mutators: Pick<Mutators, 'describe'>;
	/** Webhooks of others that keep pods from being made. */
	readonly webhooks: Pick<MeshWebhooks, 'of' | 'forget'>;
	/** Users' proxies. */
	readonly proxies: Pick<MeshProxies, 'of' | 'inUse' | 'forget'>;
	/** Users' Istio objects that are wrong. */
	readonly userObjects: Pick<UserObjects, 'of' | 'forget'>;
	/** Why pods do not run. */
	readonly pods: Pick<MeshPods, 'of' | 'forget'>;
	/** What whoever runs the operator lets meshes do. */
	readonly limits?: MeshLimits | undefined;
	/** Whether the operator may do what a mesh needs. */
	readonly access: Access;
	/** Version of this operator. */
	readonly operatorVersion: string;
	/** Version of the cluster's API server, `v1.36.3`. */
	readonly serverVersion: () => string;
	/** How children are written. The hooks differ per installation and come from `onNotice` and `onApply`. */
	readonly applier: Omit<ApplierOptions, 'hooks'>;
	readonly onApply?: ApplyHooks['onOutcome'];
	/** Wall clock, milliseconds since 1970, for what people and API objects see. */
	readonly wallClock: () => number;
	/** Uniform in [0, 1). */
	readonly random: () => number;
	/** A pass without a cause comes about this often, ±20 %. */
	readonly resyncMs: number;
	/** After this time every control plane follows a changed mesh configuration. */
	readonly configFollowedAfterMs: number;
	readonly onNotice: (object: StoredInstallation, notice: StatusNotice) => void;
	/** Called after each pass with the installation's status, for metrics. Undefined when the installation is gone. */
	readonly onStatus?: (name: string, status: ParsedStatus | undefined) => void;
}

/** An object of somebody else that is in the way is looked at again about this often. */
const foreignRecheckMs = 10_000;

/** A deletion that waits for proxies is looked at again about this often. */
const proxiesRecheckMs = 10_000;

/** A pass waits this long for a Secret that can't be read, and then goes on without it. */
const secretsDeadlineMs = 5_000;

/** Up to this many passes in a row may end in nothing but conflicts before the status tells it. */
const silentConflicts = 3;

export class Reconciler {
	readonly #options: ReconcilerOptions;
	readonly #writer: InstallationWriter;
	readonly #memories = new Memories();

	constructor(options: ReconcilerOptions) {
		this.#options = options;
		this.#writer = new InstallationWriter(options);
	}

	/** The worker of the queue. The key is the installation's name. */
	async reconcile(name: string, { signal, attempt }: Pick<PassContext, 'signal' | 'attempt'>): Promise<PassResult> {
		const object = this.#options.installations.get(name);
		if (object === undefined) return this.#forget(name);
		const isGoing = object.metadata.deletionTimestamp !== undefined;
		const outcome = isGoing ? await this.#takeAway(object, signal) : await this.#keep(object, signal);
		if (outcome === undefined) return {};
		// The next pass settles this, so nobody needs to know.
		if (!isGoing && attempt <= silentConflicts && isOnlyConflict(outcome)) throw errorOf(outcome);
		await this.#writer.writeStatus(outcome.object, outcome.observed, signal);
		if (isOnlyForeign(outcome)) return { requeueAfterMs: this.#jittered(foreignRecheckMs) };
		if (outcome.errors.length > 0) throw errorOf(outcome);
		const resyncMs = this.#jittered(this.#options.resyncMs);
		return { requeueAfterMs: Math.min(resyncMs, outcome.againInMs ?? resyncMs) };
	}

	#forget(name: string): PassResult {
		const { secrets, clusters, onStatus } = this.#options;
		this.#endLooks(name);
		this.#memories.forget(name);
		this.#writer.forget(name);
		secrets.setInterest(name, []);
		clusters.forget(name);
		onStatus?.(name, undefined);
		return {};
	}

	/** Of a mesh that goes nothing more is told than how it goes. */
	#endLooks(name: string): void {
		const { pods, proxies, userObjects, webhooks } = this.#options;
		for (const look of [pods, proxies, userObjects, webhooks]) look.forget(name);
	}

	async #takeAway(object: StoredInstallation, signal: AbortSignal): Promise<Outcome | undefined> {
		const memory = this.#memories.of(object);
		const held = await heldByProxies(object, memory, this.#options, signal);
		if (held !== undefined) {
			// Who still uses it is served until nobody does.
			const kept = await this.#keep(object, signal);
			return { ...kept, observed: { ...kept.observed, deleting: held }, againInMs: proxiesRecheckMs };
		}
		this.#endLooks(object.metadata.name);
		return finalize(object, memory, { ...this.#options, writer: this.#writer }, signal);
	}

	async #keep(cached: StoredInstallation, signal: AbortSignal): Promise<Outcome> {
		const object = this.#writer.asAnswered(cached);
		const memory = this.#memories.of(object);
		const prepared = this.#prepare(object, memory);
		const findings = [
			...(prepared.ok ? [] : prepared.problems.map(findingOfProblem)),
			...rivalriesOf(object, [...this.#options.installations.all()], this.#options.lines.exclusives),
		];
		if (!prepared.ok || findings.length > 0) {
			const workloads = observeRunning(object, this.#options.applier.live);
			return { object, observed: { findings, workloads }, errors: [], failure: '', againInMs: undefined };
		}
		let owned = object;
		try {
			assertNamespaceStays(prepared.mesh.namespace, this.#options.applier.live);
			const { access, clusters } = this.#options;
			const lacking = await access.toLook(prepared.mesh, (mesh) => clusters.recordsOf(mesh), signal);
			if (lacking !== undefined) return this.#refuse(object, lacking, memory);
			if (!prepared.paused) owned = await this.#writer.addFinalizer(object, signal);
			const looked = await this.#view(object, prepared, memory, signal);
			const change = this.#operatorChange(owned, prepared, looked, memory);
			const { view } = change;
			if (prepared.paused) return await this.#watchOnly(object, prepared, view, memory, signal);
			const planned = planInstallation(this.#options.applier, this.#desired(owned, view), memory.apply);
			const isQuiet = planned.differing === 0;
			const refusal = isQuiet ? undefined : await access.toWrite(prepared.mesh, view.objects, signal);
			return refusal === undefined
				? await this.#apply(owned, prepared, { ...view, planned, change }, memory, signal)
				: this.#refuse(owned, refusal, memory);
		} catch (error) {
			signal.throwIfAborted();
			const workloads = observeRunning(object, this.#options.applier.live);
			const observed = { findings: [findingOfError(error)], workloads };
			return { object: owned, observed, errors: [error], failure: ' could not be looked at', againInMs: undefined };
		}
	}

	/** Writes nothing, tells why, and looks again: nobody tells when rights come. */
	#refuse(object: StoredInstallation, finding: Finding, memory: Memory): Outcome {
		const workloads = observeRunning(object, this.#options.applier.live);
		const observed = { findings: [finding], workloads };
		const againInMs = this.#jittered(rightsRecheckMs(memory.refusals++));
		return { object, observed, errors: [], failure: '', againInMs };
	}

	async #apply(
		object: StoredInstallation,
		prepared: PreparedMesh,
		view: OperatorLook['view'] & { readonly planned: InstallationPlan; readonly change: OperatorLook },
		memory: Memory,
		signal: AbortSignal,
	): Promise<Outcome> {
		const { applier, namespaces, lines } = this.#options;
		const { mesh } = prepared;
		// Each cluster has its Secret in the namespace. A failure in this cluster keeps nobody from renewing tokens for others.
		const hasNamespace = namespaceIn(applier.live, mesh.namespace) !== undefined;
		const wish = hasNamespace ? await this.#want(object, prepared, signal) : [];
		const desired = this.#desired(object, view);
		const writing = { ...applier, hooks: this.#hooks(object) };
		const applied = await applyInstallation(writing, desired, memory.apply, signal, view.planned);
		const isApplied = applied.errors.length === 0;
		const place = { mesh: mesh.name, namespaces, live: applier.live, writer: applier };
		const labelled = await labelNamespaces(place, lines.of(mesh).injection(mesh), isApplied, signal);
		const lateWish = !hasNamespace && isApplied ? await this.#want(object, prepared, signal) : [];
		if (!isApplied) memory.configuration = undefined;

		const failures = [...applied.errors, ...labelled.errors, ...wish, ...lateWish];
		const explained = await this.#options.access.explain(failures, mesh, view.objects, signal);
		const errors = explained.others;
		const changed = await this.#options.mutators.describe(applied.changed, signal);
		const observed = {
			...this.#observe(object, prepared, view, memory),
			findings: [...explained.findings, ...errors.map(findingOfError)],
			gate: applied.gate ?? view.change.gate,
			inventory:
				applied.hash === undefined
					? undefined
					: view.change.inventory({ objects: applied.objects, hash: applied.hash, applied: memory.apply.applied }),
			operatorUpgrade: view.change.status(applied.hash !== undefined),
			note: notesOf(mesh, view, labelled.notes, applier.live),
			changed,
		};
		const isRefused = explained.findings.length > 0;
		const recheckMs = isRefused ? this.#jittered(rightsRecheckMs(memory.refusals)) : undefined;
		memory.refusals = isRefused ? memory.refusals + 1 : 0;
		const againInMs = earliest(applied.againInMs, view.againInMs, recheckMs);
		return { object, observed, errors, failure: ' is not as asked', againInMs };
	}

	/** What this version of the operator changes by itself. What its owner has not approved is left as it stands. */
	#operatorChange(object: StoredInstallation, prepared: PreparedMesh, view: MeshView, memory: Memory): OperatorLook {
		return lookAtOperator(object, prepared, view, {
			operator: this.#options.operatorVersion,
			live: this.#options.applier.live,
			children: childrenOf(this.#desired(object, view)),
			memory: memory.operator,
		});
	}

	/** `spec.paused`: the status goes on, and nothing else is written. */
	async #watchOnly(
		object: StoredInstallation,
		prepared: PreparedMesh,
		view: OperatorLook['view'],
		memory: Memory,
		signal: AbortSignal,
	): Promise<Outcome> {
		const errors = await this.#want(object, prepared, signal);
		const { differing } = planInstallation(this.#options.applier, this.#desired(object, view), memory.apply);
		const observed = {
			...this.#observe(object, prepared, view, memory),
			findings: errors.map(findingOfError),
			paused: { differing },
		};
		return { object, observed, errors, failure: ': not all could be looked at', againInMs: undefined };
	}

	/** What is told about a mesh, whether it is written or not. */
	#observe(
		object: StoredInstallation,
		{ installation, mesh }: PreparedMesh,
		{ objects, standing }: OperatorLook['view'],
		memory: Memory,
	) {
		const { applier, clusters, lines, pods, proxies, secrets, userObjects, wallClock, webhooks } = this.#options;
		const { version } = installation.spec;
		const secret = (name: string) => secrets.get({ namespace: mesh.namespace, name });
		return {
			version,
			workloads: observeWorkloads(
				object,
				objects,
				version,
				memory.apply,
				applier.live,
				pods.of(mesh, objects, applier.live),
				standing,
			),
			certificateAuthority: lines.of(mesh).authority(mesh, secret, new Date(wallClock())),
			clusters: clusters.observationOf(object, mesh),
			webhooks: webhooks.of(mesh, objects, tellsOfWebhooks(object)),
			wrongObjects: userObjects.of(mesh),
			proxies: proxies.of(object, mesh),
		};
	}

	/**
	 * Sets what the mesh wants of its joined clusters. When that fails, the failure is told, and delays nothing of the mesh
	 * itself.
	 */
	async #want(object: StoredInstallation, prepared: PreparedMesh, signal: AbortSignal): Promise<readonly unknown[]> {
		try {
			await this.#options.clusters.want(object, prepared, signal);
			return [];
		} catch (error) {
			signal.throwIfAborted();
			return [error];
		}
	}

	/** Parses and resolves once per spec, because the result depends only on the spec and on the version of Kubernetes. */
	#prepare(object: StoredInstallation, memory: Memory): Prepared {
		const { lines, limits } = this.#options;
		const serverVersion = this.#options.serverVersion();
		const known = memory.prepared;
		if (known?.serverVersion === serverVersion && isDeepStrictEqual(known.spec, object.spec)) return known.value;
		const value = prepare(object, { lines, serverVersion, limits });
		memory.prepared = { spec: object.spec, serverVersion, value };
		return value;
	}

	async #view(
		object: StoredInstallation,
		prepared: PreparedMesh,
		memory: Memory,
		signal: AbortSignal,
	): Promise<MeshView> {
		const { clusters, lines, wallClock } = this.#options;
		const { mesh } = prepared;
		const joined = clusters.factsOf(object, mesh);
		const readers = clusters.readersHere(mesh);
		const subject = {
			line: lines.of(mesh),
			mesh,
			joined: joined.facts,
			render: (facts: object) => [...lines.renderCrds(mesh), ...lines.render(mesh, facts), ...readers],
			basis: readers,
			gates: joined.gates,
		};
		const view = await viewMesh(subject, this.#lookout(prepared, signal), memory.view, {
			nowMs: wallClock(),
			configFollowedInMs: this.#configFollowedInMs(mesh, memory),
			signal,
		});
		return { ...view, againInMs: earliest(view.againInMs, joined.againInMs) };
	}

	/** This cluster, as a view looks at it. */
	#lookout({ mesh, paused }: PreparedMesh, signal: AbortSignal): Lookout {
		const { api, applier, secrets, wallClock } = this.#options;
		const isThere = (name: string) => namespaceIn(applier.live, name) !== undefined;
		return {
			child: (key) => applier.live.get(key),
			// Nothing is in a namespace that is not there: that is known at once.
			secret: (name) => (isThere(name.namespace) ? secrets.get(name) : undefined),
			async expectSecrets(names) {
				secrets.setInterest(mesh.name, names);
				if (names.some(({ namespace }) => isThere(namespace)))
					await secrets.synced(mesh.name, secretsDeadlineMs, signal);
			},
			certificate: (request, known) =>
				servingCertificate(request, {
					api,
					namespace: mesh.namespace,
					applySet: applySetId(mesh.name),
					known,
					nowMs: wallClock(),
					mayIssue: !paused,
					signal,
				}),
		};
	}

	/** How long it takes until every control plane follows this mesh configuration; 0 when it does. */
	#configFollowedInMs(mesh: ResolvedMesh, memory: Memory): number {
		const { applier, configFollowedAfterMs, lines } = this.#options;
		const now = applier.now();
		// The mesh stays the same object until the spec changes, so most passes hash nothing.
		if (memory.configuration?.mesh !== mesh) {
			const hash = lines.of(mesh).configurationHash(mesh);
			const since = memory.configuration?.hash === hash ? memory.configuration.since : now;
			memory.configuration = { mesh, hash, since };
		}
		return Math.max(0, memory.configuration.since + configFollowedAfterMs - now);
	}

	#desired({ apiVersion, kind, metadata, status }: StoredInstallation, view: OperatorLook['view']) {
		const { objects, written = objects, held, kept } = view;
		const { name, uid = '' } = metadata;
		return {
			owner: { apiVersion, kind, name, uid },
			partOf: applySetId(name),
			objects: written,
			recordedHash: status?.inventory?.hash,
			held,
			kept,
		};
	}

	#hooks(object: StoredInstallation): ApplyHooks {
		const { onNotice, onApply } = this.#options;
		return {
			onNotice: (notice) => onNotice(object, notice),
			...(onApply === undefined ? {} : { onOutcome: onApply }),
		};
	}

	#jittered(milliseconds: number): number {
		return milliseconds * (0.8 + 0.4 * this.#options.random());
	}
}

/** What a person may want to know although nothing is wrong. */
function notesOf(
	{ namespace }: ResolvedMesh,
	{ objects, kept, delayed }: MeshView,
	others: readonly string[],
	live: Pick<LiveObjects, 'get'>,
): string | undefined {
	const refused = podSecurityNote(namespace, namespaceIn(live, namespace)?.injection?.labels ?? {}, objects);
	const notes = [...others, ...(refused === undefined ? [] : [refused]), ...kept.values(), ...delayed.values()];
	return [...new Set(notes)].join('; ') || undefined;
}

function tellsOfWebhooks({ status }: StoredInstallation): boolean {
	return status?.conditions?.some(({ type }) => type === 'WebhooksAnswer') === true;
}

/** The smallest of the given times. */
function earliest(...waits: readonly (number | undefined)[]): number | undefined {
	const given = waits.filter((wait) => wait !== undefined);
	return given.length === 0 ? undefined : Math.min(...given);
}
