/** How anything is deleted: exactly the object that is known, and whoever reads the caches learns of it at once. */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isNotFound } from '../runtime/errors.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import type { LiveCache } from './live.ts';

/**
 * Deletes this object, not one that was made under its name since: for that it rejects with ConflictError. Returns whether
 * it was there.
 */
export async function deleteObject(
	api: Pick<ApiServer, 'delete'>,
	live: Pick<LiveCache, 'observeDeletion'>,
	object: KubeObject,
	signal: AbortSignal,
): Promise<boolean> {
	const { uid } = object.metadata;
	try {
		const deletion = await api.delete(referenceOf(object), {
			propagationPolicy: 'Background',
			...(uid === undefined ? {} : { preconditions: { uid } }),
			signal,
		});
		if (deletion === 'gone') live.observeDeletion(object);
		return true;
	} catch (error) {
		if (!isNotFound(error)) throw error;
		live.observeDeletion(object);
		return false;
	}
}
