/**
 * Drift detection without reading objects. The API server keeps, per field manager, the set of fields that manager owns
 * (`metadata.managedFields[].fieldsV1`). Our own entry changes exactly when somebody changes, deletes or takes a field
 * that we applied, never for a foreign field or a status write, and comes back the same when we apply again. It
 * travels in metadata-only watches. The entry's `time` is no signal: it stays on a takeover and moves on sharing.
 */
import { createHash } from 'node:crypto';
import type { KubeObject, ObjectMeta } from '../runtime/object.ts';
import { fieldManager } from './identity.ts';

function digest(text: string): string {
	return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** JSON with sorted keys: equal for equal values whatever order they were written in. */
function canonical(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
	if (value !== null && typeof value === 'object') {
		const fields = Object.entries(value)
			.filter(([, field]) => field !== undefined)
			.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
			.map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
		return `{${fields.join(',')}}`;
	}
	return JSON.stringify(value) ?? 'null';
}

/** Hash of our own entry in `managedFields`; `undefined` when we own nothing in the object. */
export function fingerprint(metadata: Pick<ObjectMeta, 'managedFields'>): string | undefined {
	const own = metadata.managedFields?.find(
		(entry) => entry.manager === fieldManager && entry.operation === 'Apply' && (entry.subresource ?? '') === '',
	);
	if (own?.fieldsV1 === undefined) return undefined;
	// Sorted, since the same set comes in another order after a write through the scale subresource: ports as numbers
	// before (8080, 15010), as text after it (15010, 8080).
	return digest(`${own.apiVersion ?? ''} ${canonical(own.fieldsV1)}`);
}

const bodyHashes = new WeakMap<KubeObject, string>();

/** Hash of a body that is to be applied. Rendered objects are frozen and reused between passes, so each is hashed once. */
export function bodyHash(body: KubeObject): string {
	let hash = bodyHashes.get(body);
	if (hash === undefined) {
		hash = digest(canonical(body));
		bodyHashes.set(body, hash);
	}
	return hash;
}

/** Through these a manager writes fields that others apply; what is written through `status` is nobody's drift. */
const writingSubresources = new Set(['', 'scale']);

/** The manager, other than ours, that wrote last according to `managedFields`: whom an Event about drift names. */
export function lastForeignManager(metadata: Pick<ObjectMeta, 'managedFields'>): string | undefined {
	let latest: { manager: string; time: string } | undefined;
	for (const { manager, subresource, time } of metadata.managedFields ?? []) {
		if (manager === undefined || manager.startsWith(fieldManager)) continue;
		if (!writingSubresources.has(subresource ?? '')) continue;
		if (latest === undefined || (time ?? '') >= latest.time) latest = { manager, time: time ?? '' };
	}
	return latest?.manager;
}

/** One hash over a whole inventory: what was applied and how the API server acknowledged it. Order of the lines does not matter. */
export function inventoryHash(lines: Iterable<string>): string {
	return digest([...lines].sort().join('\n'));
}
