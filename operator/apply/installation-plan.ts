/** What a pass over an installation would do, by the caches alone: it asks nobody. */
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { assumedCrds, type CrdMemory, isNewerLine } from './apply-crds.ts';
import { decideCrd } from './crd-plan.ts';
import { asChild, isShared, type Owner } from './identity.ts';
import { type InstallationMemory, rememberReady } from './installation-memory.ts';
import type { LiveCache } from './live.ts';
import { type Plan, planChildren, recallInventory } from './plan.ts';

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

/** What planning looks at. */
export interface PlanOptions {
	readonly live: LiveCache;
	readonly crdMemory: CrdMemory;
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
export function planInstallation(options: PlanOptions, desired: Desired, memory: InstallationMemory): InstallationPlan {
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

/** Plans what is written and pruned of the children. */
export function planPass(
	children: readonly KubeObject[],
	{ partOf, held, kept }: Desired,
	{ live }: Pick<PlanOptions, 'live'>,
	{ applied }: InstallationMemory,
): ChildrenPlan {
	const { writes, prune } = planChildren(children, live, applied, partOf);
	return {
		writes: writes.filter(({ key }) => held?.has(key) !== true),
		prune: prune.filter((child) => kept?.has(objectKey(child)) !== true),
		heldFor: [...new Set(writes.flatMap(({ key }) => held?.get(key) ?? []))],
	};
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
export function recallOnce(
	crds: readonly KubeObject[],
	children: readonly KubeObject[],
	recordedHash: string | undefined,
	{ live, crdMemory }: PlanOptions,
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
