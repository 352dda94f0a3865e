/**
 * Decides, without a client, what has to be written: desired objects against what the caches show and what was applied
 * before. Nothing differs, nothing is written.
 */
import { type KubeObject, objectKey } from '../runtime/object.ts';
import type { Child } from './child.ts';
import { bodyHash, inventoryHash } from './fingerprint.ts';
import { instanceLabel, isShared } from './identity.ts';
import type { LiveObjects } from './live.ts';

/** What was applied for one object, and how the API server acknowledged it. */
export interface Applied {
	readonly bodyHash: string;
	/** Fingerprint of our managedFields entry in the answer. */
	readonly fingerprint: string;
	/** `metadata.generation` with our write in it; later ones are of others' fields. Undefined where it is not known. */
	readonly generation?: number;
}

/**
 * Why an object is written.
 * - `missing`: not in the caches and never applied by this process; whether somebody else has an object of that name is to be asked first.
 * - `deleted`: was ours and is gone (or lost the label by which we see it).
 * - `drifted`: somebody changed, removed or took a field that we own.
 * - `outdated`: the desired body is another than the one applied, or this process does not know what was applied.
 */
export type Cause = 'missing' | 'deleted' | 'drifted' | 'outdated';

export interface Write {
	readonly object: KubeObject;
	readonly key: string;
	readonly cause: Cause;
	readonly live: Child | undefined;
}

export interface Plan {
	readonly writes: readonly Write[];
	/** Objects of the ApplySet that are ours and no longer rendered. */
	readonly prune: readonly Child[];
}

/** Hash over what is applied: equal after a restart exactly when neither the desired objects nor our fields in the live ones changed. */
export function hashInventory(applied: ReadonlyMap<string, Applied>): string {
	return inventoryHash(
		[...applied].map(([key, { bodyHash: body, fingerprint: acknowledged }]) => `${key} ${body} ${acknowledged}`),
	);
}

/**
 * After a restart: if what the caches show, taken together with the desired bodies, gives the hash that the status
 * recorded, then everything is as it was left, and what was applied is known again without one request.
 * @param shared what the caches show of the shared objects, by key
 */
export function recallInventory(
	children: readonly KubeObject[],
	live: LiveObjects,
	shared: ReadonlyMap<string, Applied>,
	recordedHash: string | undefined,
): ReadonlyMap<string, Applied> | undefined {
	if (recordedHash === undefined) return undefined;
	const applied = new Map<string, Applied>();
	for (const child of children) {
		const key = objectKey(child);
		const current = live.get(key);
		if (current?.fingerprint === undefined) return undefined;
		const { fingerprint, workload } = current;
		// Our write may be older than the generation that stands now, but not newer.
		const known = workload === undefined ? {} : { generation: workload.generation };
		applied.set(key, { bodyHash: bodyHash(child), fingerprint, ...known });
	}
	return hashInventory(new Map([...shared, ...applied])) === recordedHash ? applied : undefined;
}

function causeOf(
	object: KubeObject,
	live: Child | undefined,
	applied: Applied | undefined,
	partOf: string,
): Cause | undefined {
	if (live === undefined) return applied === undefined ? 'missing' : 'deleted';
	if (live.metadata.deletionTimestamp !== undefined) return undefined;
	// Same name, made for another installation: treated like any object that is not ours.
	if (live.partOf !== partOf && live.instance !== object.metadata.labels?.[instanceLabel]) return 'missing';
	if (applied === undefined || applied.bodyHash !== bodyHash(object)) return 'outdated';
	if (live.fingerprint !== applied.fingerprint) return 'drifted';
	return undefined;
}

/** What to write and what to prune for one installation's children. Objects that are being deleted are left until they are gone. */
export function planChildren(
	desired: readonly KubeObject[],
	live: LiveObjects,
	applied: ReadonlyMap<string, Applied>,
	partOf: string,
): Plan {
	const writes: Write[] = [];
	const keys = new Set<string>();
	for (const object of desired) {
		const key = objectKey(object);
		keys.add(key);
		const current = live.get(key);
		const cause = causeOf(object, current, applied.get(key), partOf);
		if (cause !== undefined) writes.push({ object, key, cause, live: current });
	}
	const prune = live.ofApplySet(partOf).filter(
		(child) =>
			!keys.has(objectKey(child)) &&
			// Labels can be copied to an object of somebody's own, or put on a namespace; what we never wrote is not pruned.
			child.fingerprint !== undefined &&
			!isShared(child) &&
			child.metadata.deletionTimestamp === undefined,
	);
	return { writes, prune };
}
