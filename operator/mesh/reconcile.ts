/**
 * One pass over one installation, the whole walk in one direction: read spec → resolve → plan → render → diff → apply →
 * observe → status. Level-triggered: everything is decided from what the caches show now, nothing from an event.
 */
import { unobservedGeneration } from '../../api/v1/index.ts';
import { type ApplyResult, applyInstallation, assertNamespaceStays } from '../apply/applier.ts';
import { childrenOf, type InstallationPlan, planInstallation } from '../apply/installation-plan.ts';
import { type LiveObjects, namespaceIn } from '../apply/live.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import { podSecurityNote } from '../plan/pod-security.ts';
import type { Step } from '../plan/upgrade/advance.ts';
import type { UpgradeRecord } from '../plan/upgrade/course.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import { applySetId } from '../render/index.ts';
import { objectKey } from '../runtime/object.ts';
import type { PassContext, PassResult } from '../runtime/queue/work-queue.ts';
import { type Finding, findingOfError, findingOfProblem } from '../status/finding.ts';
import { finalize } from './finalize.ts';
import { labelNamespaces } from './injection.ts';
import { rivalriesOf, type StoredInstallation } from './installation.ts';
import { InstallationWriter } from './installation-writer.ts';
import { Memories, type Memory } from './memory.ts';
import { observeRunning, observeWorkloads } from './observe.ts';
import { inventoryOf, madeBy } from './operator-change/hold.ts';
import { lookAtOperator, type OperatorLook } from './operator-change/look.ts';
import { errorOf, isOnlyConflict, isOnlyForeign, type Outcome } from './outcome.ts';
import { earliest, viewHere } from './own-view.ts';
import type { PodsSeen } from './pods.ts';
import type { PreparedMesh } from './prepare.ts';
import { type PrepareOnceOptions, prepareOnce } from './prepare-once.ts';
import { heldByProxies } from './proxies/held.ts';
import { restartStep, restartsWorkloads } from './proxies/restart-step.ts';
import type { ReconcilerOptions } from './reconciler-options.ts';
import { revisionsAtFirst } from './revisions/led.ts';
import { SideBySide } from './revisions/side-by-side.ts';
import { standingRevisions } from './revisions/standing.ts';
import { rightsRecheckMs } from './rights/access.ts';
import { wantedOfClusters } from './upgrade/data-planes.ts';
import { againstInvalid } from './upgrade/invalid.ts';
import { passOver } from './upgrade/pass-over.ts';
import { lookBefore, nextStep, type StepInput } from './upgrade/step.ts';
import { findWalk, viewWalk, type Walk, type WalkView } from './upgrade/walk.ts';
import type { MeshView } from './view.ts';

/** What a pass wants a mesh to be. */
interface Wanted {
	/** What the spec asks for. */
	readonly prepared: PreparedMesh;
	/** The mesh that decides what is not rendered. It is another one while the version changes. */
	readonly leading: PreparedMesh;
	readonly view: OperatorLook['view'];
	/** The change of version that goes on. */
	readonly walk: (Walk & { readonly view: WalkView }) | undefined;
	/** What the operator changes by itself. Not looked at while objects of two versions stand beside each other. */
	readonly change: OperatorLook | undefined;
	/** The revisions that stand beside. */
	readonly beside: SideBySide;
}

const standingNote =
	'what this change of version has not come to stays as it stands, and is not repaired, since nobody has recorded from which settings it was made';

const everything: Pick<ReadonlySet<string>, 'has'> = { has: () => true };

/** An object of somebody else that is in the way is looked at again about this often. */
const foreignRecheckMs = 10_000;

/** A deletion that waits for proxies is looked at again about this often. */
const proxiesRecheckMs = 10_000;

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
		const { errors } = outcome;
		const tellInMs = await this.#writer.writeStatus(outcome.object, outcome.observed, signal, errors.length === 0);
		if (isOnlyForeign(outcome)) return { requeueAfterMs: this.#jittered(foreignRecheckMs) };
		if (errors.length > 0) throw errorOf(outcome);
		const resyncMs = this.#jittered(this.#options.resyncMs);
		return { requeueAfterMs: Math.min(resyncMs, outcome.againInMs ?? resyncMs, tellInMs ?? resyncMs) };
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
		const { gatewayApi, ownWords, pods, proxies, revisionAnswers, upgradeChecks, userObjects, webhooks } =
			this.#options;
		const looks = [gatewayApi, ownWords, pods, proxies, revisionAnswers, upgradeChecks, userObjects, webhooks];
		for (const look of looks) look.forget(name);
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
		const { lines, limits, serverVersion } = this.#options;
		const prepared = prepareOnce(object, memory.present, this.#prepareOptions(object));
		const findings = [
			...(prepared.ok ? [] : prepared.problems.map(findingOfProblem)),
			...rivalriesOf(object, [...this.#options.installations.all()], this.#options.lines.exclusives),
		];
		if (!prepared.ok || findings.length > 0) {
			const workloads = observeRunning(object, this.#options.applier.live);
			const options = { lines, limits, serverVersion: serverVersion() };
			const against = prepared.ok ? [] : againstInvalid(object, prepared, this.#options.upgradeChecks, options);
			return {
				object,
				observed: { findings: [...findings, ...against], workloads },
				errors: [],
				failure: '',
				againInMs: undefined,
			};
		}
		let owned = object;
		try {
			assertNamespaceStays(prepared.mesh.namespace, this.#options.applier.live);
			const { access, clusters } = this.#options;
			const lacking =
				(await access.toLook(prepared.mesh, (mesh) => clusters.recordsOf(mesh), signal)) ??
				(restartsWorkloads(prepared) ? await access.toRestart(prepared.mesh.namespace, signal) : undefined);
			if (lacking !== undefined) return this.#refuse(object, lacking, memory);
			if (!prepared.paused) owned = await this.#writer.addFinalizer(object, signal);
			const found = this.#findWalk(object, prepared, memory);
			const walk = prepared.paused && found?.isNew === true ? undefined : found;
			if (walk?.isNew === true) owned = await this.#record(owned, walk, signal);
			const wanted = await this.#want(owned, prepared, walk, memory, signal);
			if (prepared.paused) return await this.#watchOnly(object, wanted, memory, signal);
			const planned = planInstallation(this.#options.applier, this.#desired(owned, wanted), memory.apply);
			const isQuiet = planned.differing === 0;
			const refusal = isQuiet ? undefined : await access.toWrite(wanted.leading.mesh, wanted.view.objects, signal);
			if (refusal !== undefined) return this.#refuse(owned, refusal, memory);
			const outcome = await this.#apply(owned, { ...wanted, planned }, memory, signal);
			return (await this.#settle(owned, prepared, outcome, memory, signal)) ?? outcome;
		} catch (error) {
			signal.throwIfAborted();
			const workloads = observeRunning(object, this.#options.applier.live);
			const observed = { findings: [findingOfError(error)], workloads };
			return { object: owned, observed, errors: [error], failure: ' could not be looked at', againInMs: undefined };
		}
	}

	#findWalk(object: StoredInstallation, prepared: PreparedMesh, memory: Memory): Walk | undefined {
		const { applier, wallClock } = this.#options;
		const proxiesOf = (version: string) => this.#options.proxies.ofVersion(object, prepared.mesh, version);
		const options = { ...this.#prepareOptions(object), live: applier.live, proxiesOf };
		return findWalk(object, prepared, memory, options, wallClock());
	}

	#prepareOptions(object: StoredInstallation): PrepareOnceOptions {
		const { applier, lines, limits, serverVersion } = this.#options;
		return {
			lines,
			limits,
			serverVersion: serverVersion(),
			revisions: standingRevisions(object, applier.live),
		};
	}

	/** Records a change of version. The checks begin meanwhile: they read alone. */
	async #record(object: StoredInstallation, walk: Walk, signal: AbortSignal): Promise<StoredInstallation> {
		const revisions = revisionsAtFirst(object, walk, this.#options.wallClock());
		const written = this.#writer.writeUpgrade(object, walk.course.record, revisions, signal);
		lookBefore(object, walk, this.#options.upgradeChecks);
		return written;
	}

	/** Looks at what the mesh is to be: as the spec asks for, or on its way there. */
	async #want(
		object: StoredInstallation,
		prepared: PreparedMesh,
		walk: Walk | undefined,
		memory: Memory,
		signal: AbortSignal,
	): Promise<Wanted> {
		const beside = new SideBySide(object, prepared, walk, memory, this.#prepareOptions(object), this.#options);
		if (walk !== undefined) {
			const seen = await viewWalk(object, walk, memory, this.#options, beside.secrets, signal);
			const view = await beside.with(seen, signal);
			const change =
				walk.old === undefined || isOnTheMove(walk)
					? undefined
					: this.#operatorChange({ ...object, spec: formerOf(object) }, walk.old, view, memory);
			return { prepared, leading: walk.leading, view: change?.view ?? view, walk: { ...walk, view }, change, beside };
		}
		const shared = { secrets: beside.secrets, certificates: new Map() };
		const seen = await viewHere(object, prepared, memory.present, this.#options, shared, signal);
		const view = await beside.with(seen, signal);
		const change = this.#operatorChange(object, prepared, view, memory);
		return { prepared, leading: prepared, view: change.view, walk: undefined, change, beside };
	}

	/** What this version of the operator changes by itself. What its owner has not approved is left as it stands. */
	#operatorChange(object: StoredInstallation, prepared: PreparedMesh, view: MeshView, memory: Memory): OperatorLook {
		return lookAtOperator(object, prepared, view, {
			operator: this.#options.operatorVersion,
			live: this.#options.applier.live,
			children: childrenOf(this.#desired(object, { view, walk: undefined, beside: undefined })),
			memory: memory.operator,
		});
	}

	/**
	 * Looks once more when the last stage is over. Where nothing of the version before is left, here or elsewhere, one status
	 * tells the end and that the mesh is ready. Otherwise the end is recorded before anything goes.
	 */
	async #settle(
		object: StoredInstallation,
		prepared: PreparedMesh,
		{ observed: { inventory, upgrade }, errors }: Outcome,
		memory: Memory,
		signal: AbortSignal,
	): Promise<Outcome | undefined> {
		const isOver = upgrade !== undefined && upgrade !== 'none' && upgrade.record === undefined;
		const { mesh } = prepared;
		// What stands beside is told first.
		if (object.status?.revisions !== undefined) return undefined;
		if (!isOver || errors.length > 0 || mesh.multiCluster.clusters.length > 0 || restartsWorkloads(prepared))
			return undefined;
		const { upgrade: _, ...status } = object.status ?? { observedGeneration: unobservedGeneration };
		const recorded = inventory === undefined ? {} : { inventory };
		const after = { ...object, status: { ...status, ...recorded, version: upgrade.to } };
		const wanted = await this.#want(after, prepared, undefined, memory, signal);
		const planned = planInstallation(this.#options.applier, this.#desired(after, wanted), memory.apply);
		if (planned.differing > 0) return undefined;
		const outcome = await this.#apply(after, { ...wanted, planned }, memory, signal);
		return { ...outcome, object, observed: { ...outcome.observed, upgrade: { ...upgrade, isSettled: true } } };
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
		wanted: Wanted & { readonly planned: InstallationPlan },
		memory: Memory,
		signal: AbortSignal,
	): Promise<Outcome> {
		const { applier, namespaces, lines } = this.#options;
		const { view, leading, planned, prepared, change } = wanted;
		const { mesh } = leading;
		// Each cluster has its Secret in the namespace. A failure in this cluster keeps nobody from renewing tokens for others.
		const hasNamespace = namespaceIn(applier.live, mesh.namespace) !== undefined;
		const wish = hasNamespace ? await this.#wantOfClusters(object, wanted, signal) : [];
		const desired = this.#desired(object, wanted);
		const writing = { ...applier, hooks: this.#hooks(object) };
		const applied = await applyInstallation(writing, desired, memory.apply, signal, planned);
		const isApplied = applied.errors.length === 0;
		const place = { mesh: mesh.name, namespaces, live: applier.live, writer: applier };
		const labelled = await labelNamespaces(place, lines.of(mesh).injection(mesh), isApplied, signal);
		const lateWish = !hasNamespace && isApplied ? await this.#wantOfClusters(object, wanted, signal) : [];
		if (!isApplied)
			for (const side of [memory.present, memory.other]) if (side !== undefined) side.configuration = undefined;

		const failures = [...applied.errors, ...labelled.errors, ...wish, ...lateWish];
		const explained = await this.#options.access.explain(failures, mesh, view.objects, signal);
		const errors = explained.others;
		const findings = [...explained.findings, ...errors.map(findingOfError)];
		const changed = await this.#options.mutators.describe(applied.changed, signal);
		const pods = this.#podsOf(wanted);
		const seen = this.#observe(object, wanted, pods, memory);
		const restarted = await restartStep(object, prepared, seen.proxies, this.#options.proxies, signal);
		const { restarts } = restarted;
		const found = { applied, findings, pods, restarts };
		const step = await passOver(this.#stepOf(object, wanted, found, memory), (record) =>
			this.#stepAfter(object, record, prepared, found, memory, signal),
		);
		const listed = wanted.beside.listed(applied.hash !== undefined, step);
		const observed = {
			...seen,
			proxies: restarted.proxies,
			findings,
			gate: applied.gate ?? change?.gate ?? (isPartial(wanted.walk) ? standingNote : undefined),
			inventory: this.#inventoryOf(object, wanted, applied, memory, step),
			operatorUpgrade: change?.status(applied.hash !== undefined),
			note: notesOf(mesh, view, labelled.notes, applier.live),
			changed,
			upgrade: step === undefined ? ('none' as const) : { ...step, to: prepared.installation.spec.version },
			revisions: listed?.revisions ?? ('none' as const),
		};
		const isRefused = explained.findings.length > 0;
		const recheckMs = isRefused ? this.#jittered(rightsRecheckMs(memory.refusals)) : undefined;
		memory.refusals = isRefused ? memory.refusals + 1 : 0;
		const againInMs = earliest(
			...[applied.againInMs, view.againInMs, restarted.againInMs, recheckMs, step?.againInMs, listed?.againInMs],
		);
		return { object, observed, errors, failure: ' is not as asked', againInMs };
	}

	/** The inventory for the status. Of objects of two versions beside each other it does not say from what they were made. */
	#inventoryOf(
		{ spec, status }: StoredInstallation,
		{ change, prepared, walk }: Wanted,
		{ hash, objects }: ApplyResult,
		{ apply: { applied } }: Memory,
		step: Step | undefined,
	) {
		// What stays as it stands is not in the hash, so that it would say less than what is recorded.
		if (hash === undefined || isPartial(walk)) return undefined;
		if (change !== undefined) return change.inventory({ objects, hash, applied });
		if (step?.record !== undefined) return { objects, hash };
		const by = madeBy(this.#options.operatorVersion, prepared.installation.spec.version, spec);
		return inventoryOf({ objects, hash, applied }, by, status?.inventory, false);
	}

	/** The next step of a change of version. */
	#stepOf(
		object: StoredInstallation,
		{ prepared, walk }: Wanted,
		seen: Pick<StepInput, 'applied' | 'findings' | 'pods' | 'restarts'>,
		memory: Memory,
	): Step | undefined {
		const { applier, clusters, lines, ownWords, proxies, upgradeChecks, wallClock } = this.#options;
		if (walk === undefined) {
			ownWords.forget(object.metadata.name);
			upgradeChecks.forget(object.metadata.name);
			return undefined;
		}
		return nextStep({
			...seen,
			object,
			prepared,
			walk,
			view: walk.view,
			live: applier.live,
			clusters: clusters.observationsOf(object.metadata.name),
			memory,
			checks: upgradeChecks,
			proxiesOf: (version, isNow) => proxies.ofVersion(object, (walk.next ?? prepared).mesh, version, isNow),
			words: lines.of(walk.leading.mesh).ownWords(walk.leading.mesh),
			ownWords,
			nowMs: wallClock(),
			ticksMs: applier.now(),
		});
	}

	/** The step to which the next pass would come if this were recorded. Undefined when that pass would write objects. */
	async #stepAfter(
		object: StoredInstallation,
		upgrade: UpgradeRecord,
		prepared: PreparedMesh,
		seen: Pick<StepInput, 'applied' | 'findings' | 'pods' | 'restarts'>,
		memory: Memory,
		signal: AbortSignal,
	): Promise<Step | undefined> {
		const { observedGeneration = unobservedGeneration } = object.status ?? {};
		const after = { ...object, status: { ...object.status, observedGeneration, upgrade } };
		const walk = this.#findWalk(after, prepared, memory);
		// What a revision beside waits for is told by its own rules.
		if (walk === undefined || walk.isNew || upgrade.revision !== undefined) return undefined;
		const wanted = await this.#want(after, prepared, walk, memory, signal);
		const { differing } = planInstallation(this.#options.applier, this.#desired(after, wanted), memory.apply);
		return differing > 0 ? undefined : this.#stepOf(after, wanted, seen, memory);
	}

	/** `spec.paused`: the status goes on, and nothing else is written. */
	async #watchOnly(object: StoredInstallation, wanted: Wanted, memory: Memory, signal: AbortSignal): Promise<Outcome> {
		const errors = await this.#wantOfClusters(object, wanted, signal);
		const { differing } = planInstallation(this.#options.applier, this.#desired(object, wanted), memory.apply);
		const { prepared, walk } = wanted;
		const observed = {
			...this.#observe(object, wanted, this.#podsOf(wanted), memory),
			findings: errors.map(findingOfError),
			paused: { differing },
			// It stands in the middle of two versions, and that is told although nothing moves.
			...(walk === undefined
				? {}
				: { upgrade: { record: walk.course.record, to: prepared.installation.spec.version, trouble: undefined } }),
		};
		return { object, observed, errors, failure: ': not all could be looked at', againInMs: undefined };
	}

	#podsOf({ leading: { mesh }, view, walk }: Wanted): PodsSeen | undefined {
		const { applier, pods } = this.#options;
		return pods.of(mesh, view.objects, applier.live, walk !== undefined && isOnTheMove(walk));
	}

	/** What is told about a mesh, whether it is written or not. */
	#observe(
		object: StoredInstallation,
		{ prepared, leading: { mesh }, view: { objects, held, standing: heldBack }, walk, beside }: Wanted,
		pods: PodsSeen | undefined,
		memory: Memory,
	) {
		const { applier, clusters, gatewayApi, lines, proxies, secrets, userObjects, wallClock, webhooks } = this.#options;
		const { version } = prepared.installation.spec;
		const { standing = [], versionOf = new Map<string, string>() } = walk?.view.composition ?? {};
		const secret = (name: string) => secrets.get({ namespace: mesh.namespace, name });
		const versionOfKey = (key: string) => beside.versionOf(key) ?? (walk === undefined ? version : versionOf.get(key));
		return {
			version,
			unchecked: prepared.mesh.release.unchecked,
			besides: beside.names,
			workloads: observeWorkloads(
				object,
				standing.length === 0 ? objects : [...objects, ...standing],
				versionOfKey,
				memory.apply,
				applier.live,
				pods,
				// What waits for a gate stands as it was written before: nobody has replaced its image.
				new Set([...(heldBack ?? standing.map(objectKey)), ...held.keys()]),
			),
			certificateAuthority: clusters.authorityOf(mesh, lines.of(mesh).authority(mesh, secret, new Date(wallClock()))),
			clusters: clusters.observationOf(object, mesh),
			webhooks: webhooks.of(mesh, objects, tellsOfWebhooks(object)),
			wrongObjects: userObjects.of(mesh),
			gatewayApi: gatewayApi.of(mesh),
			proxies: proxies.of(object, mesh),
		};
	}

	/**
	 * Sets what the mesh wants of its joined clusters. When that fails, the failure is told, and delays nothing of the mesh
	 * itself.
	 */
	async #wantOfClusters(
		object: StoredInstallation,
		{ prepared: { mesh, paused }, walk }: Wanted,
		signal: AbortSignal,
	): Promise<readonly unknown[]> {
		const wish = walk === undefined ? { mesh } : wantedOfClusters(walk);
		try {
			if (wish !== undefined) await this.#options.clusters.want(object, { mesh: wish.mesh, paused }, signal, wish.turn);
			return [];
		} catch (error) {
			signal.throwIfAborted();
			return [error];
		}
	}

	#desired(
		{ apiVersion, kind, metadata, status }: StoredInstallation,
		{ view, walk, beside }: Pick<Wanted, 'view' | 'walk'> & { readonly beside: SideBySide | undefined },
	) {
		const { name, uid = '' } = metadata;
		const { objects, written = objects, held, kept } = view;
		const isMoving = walk !== undefined && walk.course.record.state !== 'RolledBack';
		return {
			owner: { apiVersion, kind, name, uid },
			partOf: applySetId(name),
			objects: written,
			recordedHash: status?.inventory?.hash,
			held,
			// Nothing of either version goes while a change of version goes on.
			kept: isMoving || beside?.isPartial === true ? everything : kept,
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
	{ namespace, notes: ofSpec = [] }: ResolvedMesh,
	{ objects, kept, delayed }: MeshView,
	others: readonly string[],
	live: Pick<LiveObjects, 'get'>,
): string | undefined {
	const refused = podSecurityNote(namespace, namespaceIn(live, namespace)?.injection?.labels ?? {}, objects);
	const notes = [
		...ofSpec,
		...others,
		...(refused === undefined ? [] : [refused]),
		...kept.values(),
		...delayed.values(),
	];
	return [...new Set(notes)].join('; ') || undefined;
}

function tellsOfWebhooks({ status }: StoredInstallation): boolean {
	return status?.conditions?.some(({ type }) => type === 'WebhooksAnswer') === true;
}

/** Whether pods of an old and of a new version may stand beside each other. */
function isOnTheMove({ course: { at, reached, record } }: Walk): boolean {
	return Math.max(at, reached) >= 0 && record.state !== 'RolledBack';
}

/** Whether some objects are neither written nor known. */
function isPartial(walk: Wanted['walk']): boolean {
	return walk !== undefined && walk.view.composition.standing.length > 0;
}

/** The spec of what stands while a change of version has not begun, or is taken back. */
function formerOf({ spec, status }: StoredInstallation): unknown {
	return status?.upgrade?.previous ?? spec;
}
