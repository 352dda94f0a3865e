/**
 * Detects drift without reading objects. The API server keeps the set of fields that each field manager owns
 * (`metadata.managedFields[].fieldsV1`). Our entry changes exactly when somebody changes, deletes or takes a field that we
 * applied. It does not change for a field of others or a write of the status, and it comes back the same when we apply
 * again. It travels in metadata-only watches. The entry's `time` is no signal: it stays on a takeover and moves on sharing.
 */
import { canonicalJson, digest } from '../../api/v1/index.ts';
import type { KubeObject, ObjectMeta } from '../runtime/object.ts';
import { fieldManager, repairFieldManager } from './identity.ts';

/** Hash of our entry in `managedFields`. Undefined when we own nothing in the object. */
export function fingerprint(metadata: Pick<ObjectMeta, 'managedFields'>): string | undefined {
	const own = metadata.managedFields?.find(
		(entry) => entry.manager === fieldManager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
	);
	if (own?.fieldsV1 === undefined) return undefined;
	// Sorted, because the same set comes in another order after a write through the scale subresource: ports as numbers
	// before (8080, 15010), as text after it (15010, 8080).
	const unfinished = isRepairUnfinished(metadata) ? ' unfinished' : '';
	return digest(`${own.apiVersion ?? ''} ${canonicalJson(own.fieldsV1)}${unfinished}`);
}

/** Whether a repair has left its own entry in `managedFields`, because it is under way or its process died. */
export function isRepairUnfinished({ managedFields }: Pick<ObjectMeta, 'managedFields'>): boolean {
	return managedFields?.some(({ manager }) => manager === repairFieldManager) === true;
}

const bodyHashes = new WeakMap<KubeObject, string>();

/** Hash of a body to apply. Rendered objects are frozen and reused between passes, so each is hashed once. */
export function bodyHash(body: KubeObject): string {
	let hash = bodyHashes.get(body);
	if (hash === undefined) {
		hash = digest(canonicalJson(body));
		bodyHashes.set(body, hash);
	}
	return hash;
}

/**
 * Through these subresources a manager writes fields that others apply. What is written through `status` is nobody's drift.
 */
const writingSubresources = new Set(['', 'scale']);

/** The manager other than ours that wrote last, according to `managedFields`. Events about drift name it. */
export function lastForeignManager(metadata: Pick<ObjectMeta, 'managedFields'>): string | undefined {
	let latest: { manager: string; time: string } | undefined;
	for (const { manager, subresource, time } of metadata.managedFields ?? []) {
		if (manager === undefined || manager.startsWith(fieldManager)) continue;
		if (!writingSubresources.has(subresource ?? '')) continue;
		if (latest === undefined || (time ?? '') >= latest.time) latest = { manager, time: time ?? '' };
	}
	return latest?.manager;
}

/**
 * One hash over a whole inventory: what was applied, and the API server's acknowledgements. The order of the lines does not
 * matter.
 */
export function inventoryHash(lines: Iterable<string>): string {
	return digest([...lines].sort().join('\n'));
}
