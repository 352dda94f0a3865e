/**
 * Makes the cluster match what was rendered, by server-side apply: wave after wave, in parallel inside a wave. When a write
 * fails, its wave is finished and the pass ends. Nothing here waits for a gate: a closed gate is part of the answer.
 */
import { BlockedError, ConflictError, InvalidError } from '../runtime/errors.ts';
import { type Kind, kindOf, kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { applyCrds, assumedCrds, type CrdMemory, isNewerLine } from './apply-crds.ts';
import { askAboutChanges, type ChangedObject, type ChangesMemory, changedOf, changesRecheckMs } from './ask-changes.ts';
import { type Child, isRolledOutAndAvailable, toChild } from './child.ts';
import { clearTheWay, mayBeInTheWay } from './clear-way.ts';
import { decideCrd } from './crd-plan.ts';
import { adoptAnnotation, asChild, handoverFieldManager, isShared, type Owner } from './identity.ts';
import { recreatableField } from './immutable.ts';
import type { LiveCache } from './live.ts';
import { ownershipOf } from './ownership.ts';
import { inOrder } from './pass-order.ts';
import { type Applied, hashInventory, type Plan, planChildren, recallInventory, type Write } from './plan.ts';
import { initialReplicas, replicasHandover } from './replicas-handover.ts';
import { isWebhook, waveOf, waves } from './waves.ts';
import { Writer, type WriterOptions } from './writer.ts';

/** What one process remembers about an installation between passes. The caller holds one per installation. */
export interface InstallationMemory extends ChangesMemory {
	/** The generation at which all pods of a Deployment were last seen available, by key. */
	readonly ready: Map<string, number>;
	/** Whether a pass of this process has looked at the recorded inventory. */
	recalled: boolean;
	/** Monotonic time at which this process deleted a webhook of the installation, see `webhookGraceMs`. */
	webhookGoneAt?: number;
}

export function emptyMemory(): InstallationMemory {
	return { applied: new Map(), ready: new Map(), recalled: false };
}

/**
 * Whether all pods of a Deployment have been available since its last write. Undefined when this process has not seen that.
 * Kubernetes alone does not tell: when a Deployment has the strategy Recreate, its old pods are gone and new ones are not
 * made yet, Kubernetes still calls it complete (kubernetes pkg/controller/deployment/progress.go, syncRolloutStatus).
 */
export function hasBeenReady({ ready, applied }: InstallationMemory, key: string): boolean | undefined {
	const generation = ready.get(key);
	return generation === undefined ? undefined : generation >= (applied.get(key)?.generation ?? 0);
}

export interface Desired {
	/**
	 * The installation that the children name as their controller. Undefined in another cluster: its garbage collector would
	 * not find it.
	 */
	readonly owner: Owner | undefined;
	/** ID of the installation's ApplySet. */
	readonly partOf: string;
	/** Everything that was rendered. */
	readonly objects: readonly KubeObject[];
	/** Hash of the inventory that the status has recorded, if any. */
	readonly recordedHash: string | undefined;
	/** Objects that must not be written yet, by key, with a sentence that says what they wait for. */
	readonly held?: ReadonlyMap<string, string>;
	/** Keys of objects that are no longer rendered but must stay a while, because something still uses them. */
	readonly kept?: Pick<ReadonlySet<string>, 'has'>;
}

export interface ApplyResult {
	/** Number of objects of the installation, shared ones included. */
	readonly objects: number;
	/** Hash over all of them. Undefined while not everything is as rendered. */
	readonly hash: string | undefined;
	/** What the pass waits for, in a sentence. Undefined when it waits for nothing. */
	readonly gate: string | undefined;
	/** Objects that something at admission changes. */
	readonly changed: readonly ChangedObject[];
	/** Every failure of this pass. */
	readonly errors: readonly unknown[];
	/** Set when no watch would bring the next pass in time: it has to come after this time. */
	readonly againInMs: number | undefined;
}

export interface ApplierOptions extends WriterOptions {
	readonly crdMemory: CrdMemory;
}

function rememberReady({ ready }: InstallationMemory, children: readonly Child[]): void {
	for (const child of children) {
		const { workload } = child;
		if (workload !== undefined && isRolledOutAndAvailable(workload)) ready.set(objectKey(child), workload.generation);
	}
}

/**
 * Makes the cluster match `desired`. Throws only when `signal` aborts; failures of requests are in the result.
 * @param planned the plan of this pass, if there is one. One in which nothing differs is used as it is: a later change wakes
 * the next pass. Any other is made anew once CRDs, namespace and caches are there.
 */
export async function applyInstallation(
	options: ApplierOptions,
	desired: Desired,
	memory: InstallationMemory,
	signal: AbortSignal,
	planned?: InstallationPlan,
): Promise<ApplyResult> {
	const writer = new Writer(options, signal);
	const crds = desired.objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
	const children = childrenOf(desired);
	const result = (gate: string | undefined, hash?: string): ApplyResult => {
		const changed = changedOf(children, memory);
		if (changed.length > 0) writer.lookAgainWithin(changesRecheckMs);
		const { errors, againInMs } = writer;
		return { objects: desired.objects.length, hash, gate, errors, againInMs, changed };
	};

	rememberReady(memory, options.live.ofApplySet(desired.partOf));
	recallOnce(crds, children, desired.recordedHash, options, memory);
	const { waitingFor, inventory } = await applyCrds(crds, options.crdMemory, writer);
	if (writer.errors.length > 0) return result(undefined);
	// The sentence does not name the CRDs: it would change, and with it the status, whenever one of them gets ready.
	if (waitingFor.length > 0) return result("waiting for Istio's CRDs to be Established");

	const freshNamespaces = new Set<string>();
	await writer.all(
		desired.objects.filter(({ kind }) => kind === 'Namespace'),
		(namespace) => ensureNamespace(namespace, freshNamespaces, writer),
	);
	if (writer.errors.length > 0) return result(undefined);

	forgetOthers(memory, children);
	await writer.all([uniqueKinds(children)], (kinds) => options.live.follow(kinds));
	if (writer.errors.length > 0) return result(undefined);
	const isOther = await askAboutChanges(children, memory, writer);
	const isQuiet = planned?.differing === 0 && !isOther;
	const { writes, prune, heldFor } = isQuiet ? planned.children : planPass(children, desired, options, memory);
	const pass = { writer, memory, desired, freshNamespaces };
	for (const wave of inOrder(writes, memory.applied)) {
		await writer.all(wave, (write) => writeChild(write, pass));
		if (writer.errors.length > 0) return result(undefined);
	}
	const deployments = children.filter(({ kind }) => kind === 'Deployment');
	await writer.all(deployments, (deployment) => beginReplicas(deployment, pass));
	if (writer.errors.length > 0) return result(undefined);
	const going = children.filter(
		(child) => options.live.get(objectKey(child))?.metadata.deletionTimestamp !== undefined,
	);
	if (going.length > 0) return result(`waiting for ${list(going.map(describeObject))} to be gone, to make it again`);
	// Pruning comes last and goes backwards: an old object goes when its replacement stands.
	for (const wave of waves(prune, waveOf).toReversed()) {
		const graceMs = webhookGraceLeft(memory, writer.now);
		if (graceMs > 0 && !wave.some(isWebhook)) {
			writer.lookAgainWithin(graceMs);
			return result('waiting for the API servers to send no more pods to the webhook that was deleted');
		}
		await writer.all(wave, (child) => pruneChild(child, pass));
		if (writer.errors.length > 0) return result(undefined);
	}
	if (heldFor.length > 0) return result(heldFor.join('; '));
	return result(undefined, hashInventory(new Map([...inventory, ...memory.applied])));
}

/**
 * API servers learn from a watch that a webhook was deleted, and call it until then. So what answers the webhook stays for
 * this time.
 */
export const webhookGraceMs = 3_000;

/** How much of `webhookGraceMs` is left. */
export function webhookGraceLeft({ webhookGoneAt }: InstallationMemory, now: number): number {
	return webhookGoneAt === undefined ? 0 : Math.max(0, webhookGoneAt + webhookGraceMs - now);
}

function uniqueKinds(objects: readonly KubeObject[]): readonly Kind[] {
	return [...new Set(objects.map(kindOf))];
}

/** What a pass would do, by the caches alone. */
export interface InstallationPlan {
	/** The number of objects that differ from what was rendered, or may differ. */
	readonly differing: number;
	readonly children: ChildrenPlan;
}

/** Held and kept objects stay as they are, and are no difference. */
interface ChildrenPlan extends Plan {
	/** The sentences of the objects that would be written but are held, each once. */
	readonly heldFor: readonly string[];
}

/** Plans a pass, and asks nobody. */
export function planInstallation(
	options: ApplierOptions,
	desired: Desired,
	memory: InstallationMemory,
): InstallationPlan {
	const crds = desired.objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
	const children = childrenOf(desired);
	rememberReady(memory, options.live.ofApplySet(desired.partOf));
	recallOnce(crds, children, desired.recordedHash, options, memory);
	const plan = planPass(children, desired, options, memory);
	const staleCrds = crds.filter((crd) => {
		const key = objectKey(crd);
		return decideCrd(crd, options.live.get(key), options.crdMemory.applied.get(key)).kind === 'write';
	});
	return { differing: staleCrds.length + plan.writes.length + plan.prune.length, children: plan };
}

function planPass(
	children: readonly KubeObject[],
	{ partOf, held, kept }: Desired,
	{ live }: Pick<ApplierOptions, 'live'>,
	{ applied }: InstallationMemory,
): ChildrenPlan {
	const { writes, prune } = planChildren(children, live, applied, partOf);
	return {
		writes: writes.filter(({ key }) => held?.has(key) !== true),
		prune: prune.filter((child) => kept?.has(objectKey(child)) !== true),
		heldFor: [...new Set(writes.flatMap(({ key }) => held?.get(key) ?? []))],
	};
}

interface PassContext {
	readonly writer: Writer;
	readonly memory: InstallationMemory;
	readonly desired: Desired;
	/** Namespaces that this pass has made, so they can't hold anybody else's objects. */
	readonly freshNamespaces: ReadonlySet<string>;
}

const childrenCache = new WeakMap<
	readonly KubeObject[],
	{ readonly uid: string | undefined; readonly children: readonly KubeObject[] }
>();

/** The rendered objects that belong to the installation alone, with their owner. Computed once per rendering. */
export function childrenOf({ objects, owner }: Pick<Desired, 'objects' | 'owner'>): readonly KubeObject[] {
	const cached = childrenCache.get(objects);
	const uid = owner?.uid;
	if (cached !== undefined && cached.uid === uid) return cached.children;
	const own = objects.filter((object) => !isShared(object));
	const children = owner === undefined ? own : own.map((object) => asChild(object, owner));
	childrenCache.set(objects, { uid, children });
	return children;
}

/** Runs once per process: adopts the inventory that the status recorded, if the caches prove that it still holds. */
function recallOnce(
	crds: readonly KubeObject[],
	children: readonly KubeObject[],
	recordedHash: string | undefined,
	{ live, crdMemory }: ApplierOptions,
	memory: InstallationMemory,
): void {
	if (memory.recalled) return;
	memory.recalled = true;
	const assumed = assumedCrds(crds, live);
	const recalled = recallInventory(children, live, assumed, recordedHash);
	if (recalled === undefined) return;
	for (const [key, entry] of recalled) memory.applied.set(key, entry);
	for (const [key, entry] of assumed) {
		if (isNewerLine(entry)) crdMemory.newer.add(key);
		if (entry.fingerprint === live.get(key)?.fingerprint) crdMemory.applied.set(key, entry);
	}
}

/** Drops what is no longer rendered from the inventory, even when it disappeared before it could be pruned. */
function forgetOthers({ applied, ready }: InstallationMemory, children: readonly KubeObject[]): void {
	const keys = new Set(children.map(objectKey));
	for (const remembered of [applied, ready])
		for (const key of remembered.keys()) if (!keys.has(key)) remembered.delete(key);
}

/** Makes the namespace when it is missing. An existing one is used as it is, whoever made it. */
async function ensureNamespace(namespace: KubeObject, fresh: Set<string>, writer: Writer): Promise<void> {
	const { name } = namespace.metadata;
	assertNamespaceStays(name, writer.live);
	if (writer.live.get(objectKey(namespace)) !== undefined) return;
	if (!(await writer.apply(namespace, false)).created)
		throw new ConflictError(`namespace ${name} was made meanwhile: what is in it has to be looked at first`);
	fresh.add(name);
}

/** Throws while a namespace is being deleted: nothing can be made in it, and rights in it may be gone already. */
export function assertNamespaceStays(name: string, live: Pick<LiveCache, 'get'>): void {
	const reference = { apiVersion: kinds.Namespace.apiVersion, kind: kinds.Namespace.kind, name };
	if (live.get(objectKey(reference))?.metadata.deletionTimestamp === undefined) return;
	throw new BlockedError(
		'NamespaceTerminating',
		`namespace ${name} is being deleted: the mesh is installed again as soon as it is gone`,
		{ object: reference },
	);
}

/**
 * Lets a Deployment with an autoscaler begin with the autoscaler's minimum, also when an earlier process made it and died.
 */
async function beginReplicas(object: KubeObject, { writer, desired }: PassContext): Promise<void> {
	const initial = initialReplicas(object, writer.live.get(objectKey(object)), desired.objects);
	if (initial !== undefined) await writer.applyAs(handoverFieldManager, initial);
}

async function writeChild({ object, key, cause, live }: Write, pass: PassContext): Promise<void> {
	const { writer, memory, desired } = pass;
	if (cause === 'missing' || (cause === 'outdated' && live?.fingerprint === undefined)) {
		const { namespace } = object.metadata;
		const isAlone =
			(namespace !== undefined && pass.freshNamespaces.has(namespace)) ||
			(live === undefined && writer.live.seesAll(object));
		memory.applied.set(key, await (isAlone ? writer.apply(object, false) : takeOver(object, pass)));
		await beginReplicas(object, pass);
		return;
	}
	if (cause !== 'outdated') writer.assertMayRepair(desired.owner?.uid ?? desired.partOf, object, live);
	const handover = replicasHandover(object, live);
	if (handover !== undefined) await writer.applyAs(handoverFieldManager, handover);
	memory.applied.set(
		key,
		cause === 'deleted' ? await restore(object, pass) : await applyOrRecreate(object, live, pass),
	);
	if (cause !== 'outdated') writer.noticeRepair(object, live);
}

/**
 * Handles an object of ours that was deleted, or lost the label by which we see it. What stands there now decides whether
 * we may write.
 */
async function restore(object: KubeObject, pass: PassContext): Promise<Applied> {
	const { writer } = pass;
	try {
		return await writer.apply(object, false);
	} catch (error) {
		if (!(error instanceof ConflictError)) throw error;
		return takeOver(object, pass);
	}
}

/**
 * Writes an object that may exist already without the caches showing it. Throws when the existing one is somebody else's.
 */
async function takeOver(object: KubeObject, pass: PassContext): Promise<Applied> {
	const { writer, desired } = pass;
	const found = await writer.findMetadata(object);
	if (found === undefined) return writer.apply(object, false);
	const ownership = ownershipOf(found, desired.partOf, desired.owner?.uid);
	if (ownership.kind === 'foreign') {
		throw new InvalidError(
			'ForeignObject',
			`${describeObject(object)} exists and belongs to ${ownership.owner}; it is not written. Delete or rename it, ` +
				`or give it to Meshwright with annotation ${adoptAnnotation}: "true" on it`,
			{ object: referenceOf(object) },
		);
	}
	const { apiVersion, kind } = object;
	const applied = await applyOrRecreate(object, toChild({ apiVersion, kind, metadata: found }), pass);
	if (ownership.kind === 'adoptable') writer.noticeAdoption(object);
	return applied;
}

async function applyOrRecreate(object: KubeObject, live: Child | undefined, pass: PassContext): Promise<Applied> {
	const { writer } = pass;
	try {
		return await writer.apply(object, true);
	} catch (error) {
		if (!mayBeInTheWay(error) || live === undefined) throw error;
		const field = recreatableField(object, error);
		if (field === undefined) {
			await clearTheWay(object, error, writer);
			return writer.apply(object, true);
		}
		await writer.delete(live);
		writer.notice(
			'Warning',
			'Recreated',
			`${describeObject(object)} was deleted and is made again: ${field} can't be changed in place`,
		);
		return writer.apply(object, false);
	}
}

async function pruneChild(child: Child, { writer, memory }: PassContext): Promise<void> {
	await writer.delete(child);
	if (isWebhook(child)) memory.webhookGoneAt = writer.now;
	writer.notice('Normal', 'Pruned', `${describeObject(child)} is no longer part of the installation and was deleted`);
}

function list(names: readonly string[]): string {
	const shown = names.slice(0, 5).join(', ');
	return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
