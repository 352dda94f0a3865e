/**
 * Removes an installation, in the reverse order of its making. It needs the installation's name only, so an invalid or
 * half-made one can always be deleted. The namespace, CRDs and users' own Istio objects are not its children and stay.
 */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, isNotFound } from '../runtime/errors.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import type { Child } from './child.ts';
import { deleteObject } from './delete-object.ts';
import { isShared } from './identity.ts';
import type { LiveCache } from './live.ts';
import { waveOf, waves } from './waves.ts';

type Client = Pick<ApiServer, 'delete' | 'getMetadata' | 'patch'>;

export interface RemovalResult {
	/** What still existed when this was called. Empty when the removal is done. */
	readonly remaining: readonly Child[];
	readonly errors: readonly unknown[];
}

/**
 * Asks for the deletion of the last wave that still exists. Watches wake later calls, which go on from there.
 * @param isAll ask for all waves at once, because there is no time to go in order
 */
export async function removeChildren(
	api: Client,
	live: Pick<LiveCache, 'observeDeletion'>,
	children: readonly Child[],
	isAll: boolean,
	signal: AbortSignal,
	onDelete?: (child: Child) => void,
): Promise<RemovalResult> {
	const remaining = children.filter((child) => !isShared(child));
	const standing = waves(remaining, waveOf).toReversed();
	const targets = (isAll ? standing.flat() : (standing[0] ?? [])).filter(
		({ metadata }) => metadata.deletionTimestamp === undefined,
	);
	const deleteChild = async (child: Child): Promise<void> => {
		try {
			if (await deleteObject(api, live, child, signal)) onDelete?.(child);
		} catch (error) {
			// Another object has the name now, and it is not ours to delete.
			if (!(error instanceof ConflictError)) throw error;
		}
	};
	const results = await Promise.allSettled(targets.map(deleteChild));
	signal.throwIfAborted();
	return {
		remaining,
		errors: results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])),
	};
}

/**
 * For deletion policy `Retain`: removes the installation's owner reference from its children, so that the garbage collector
 * leaves them when the installation is gone.
 */
export async function releaseChildren(
	api: Client,
	children: readonly Child[],
	ownerUid: string,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	const results = await Promise.allSettled(children.map((child) => releaseChild(api, child, ownerUid, signal)));
	signal.throwIfAborted();
	return results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
}

async function releaseChild(api: Client, child: KubeObject, ownerUid: string, signal: AbortSignal): Promise<void> {
	try {
		const { metadata } = await api.getMetadata(referenceOf(child), { signal });
		const references = metadata.ownerReferences ?? [];
		const kept = references.filter(({ uid }) => uid !== ownerUid);
		if (kept.length === references.length) return;
		await api.patch(
			referenceOf(child),
			{ metadata: { resourceVersion: metadata.resourceVersion, ownerReferences: kept.length === 0 ? null : kept } },
			{ type: 'merge', metadataOnly: true, signal },
		);
	} catch (error) {
		if (!isNotFound(error)) throw error;
	}
}
