/** Deletes an object: exactly the known one, and the caches show it at once. */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isNotFound } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import type { LiveCache } from './live.ts';

/**
 * Deletes this object. A DaemonSet goes after its pods: these take away what they have put on their nodes while they end, and
 * need their rights for it, which are deleted when it is gone. When another one was made under its name since, this rejects with ConflictError. Returns whether the
 * object existed.
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
			propagationPolicy: object.kind === kinds.DaemonSet.kind ? 'Foreground' : 'Background',
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
