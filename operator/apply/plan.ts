/**
 * Decides what has to be written, without a client: compares the desired objects with the caches and with what was applied
 * before. When nothing differs, nothing is written.
 */
import { type KubeObject, objectKey } from '../runtime/object.ts';
import type { AdmissionChanges } from './admission-changes.ts';
import type { Child } from './child.ts';
import { bodyHash, inventoryHash } from './fingerprint.ts';
import { instanceOf, isShared } from './identity.ts';
import type { LiveObjects } from './live.ts';

/** What was applied for one object, and the API server's acknowledgement. */
export interface Applied {
	readonly bodyHash: string;
	/** Fingerprint of our entry in the answer's managedFields. */
	readonly fingerprint: string;
	/**
	 * The `metadata.generation` that our write made. Later ones come from fields of others. Undefined when it is not known.
	 */
	readonly generation?: number;
	/** What something at admission has changed of it. */
	readonly changed?: AdmissionChanges;
}

/**
 * Why an object is written.
 * - `missing`: it is not in the caches and this process never applied it. Ask first whether somebody else has an object of
 *   that name.
 * - `deleted`: it was ours and is gone, or lost the label by which we see it.
 * - `drifted`: somebody changed, removed or took a field that we own.
 * - `outdated`: the desired body differs from the applied one, or this process does not know what was applied.
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
	/** Objects of ours in the ApplySet that are no longer rendered. */
	readonly prune: readonly Child[];
}

/**
 * Hash over what is applied. After a restart it is equal exactly when neither the desired objects nor our fields in the
 * live ones changed.
 */
export function hashInventory(applied: ReadonlyMap<string, Applied>): string {
	return inventoryHash(
		// What is changed at admission is not seen after a restart, so then the hash must be another one.
		[...applied].map(
			([key, { bodyHash: body, fingerprint: acknowledged, changed }]) =>
				`${key} ${body} ${acknowledged}${changed === undefined ? '' : ` ${changed.hash}`}`,
		),
	);
}

/**
 * Recalls after a restart what was applied, without one request: when the caches and the desired bodies together give the
 * hash that the status recorded, everything is as it was left.
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
		// The live generation may be newer than our write, but not older.
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
	// An object of the same name, made for another installation, is treated like any object that is not ours.
	if (live.partOf !== partOf && live.instance !== instanceOf(object.metadata.labels)) return 'missing';
	if (applied === undefined || applied.bodyHash !== bodyHash(object)) return 'outdated';
	if (live.fingerprint !== applied.fingerprint) return 'drifted';
	return undefined;
}

/**
 * Plans what to write and what to prune for one installation's children. Objects that are being deleted are left alone
 * until they are gone.
 */
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
			// Labels can be copied to somebody's own object, or put on a namespace. So only what we wrote is pruned.
			child.fingerprint !== undefined &&
			!isShared(child) &&
			child.metadata.deletionTimestamp === undefined,
	);
	return { writes, prune };
}
