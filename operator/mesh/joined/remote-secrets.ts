/** Which Secrets of clusters the pods here were made for: those of a classic release are replaced for a changed one. */
import { type Child, isRolledOutAndAvailable } from '../../apply/child.ts';
import { recordsIn, replacedHash } from '../../clusters/keep/record.ts';
import { isSettled } from '../../clusters/keep/rotation.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';

/** What is read of the caches here. */
export interface LiveHere {
	get(key: string): Child | undefined;
	ofKind(kind: Kind): Iterable<Child>;
}

const pilot = 'istio-pilot';
const readers = [pilot, 'istio-policy', 'istio-telemetry'] as const;

/**
 * The hash that pods are rendered with. While other clusters are about to be renewed too, pods stay those of before, so
 * that they are replaced once for all.
 * @param now milliseconds since 1970
 */
export function remoteSecretsFor(
	{ namespace, multiCluster }: ResolvedMesh,
	live: LiveHere,
	now: number,
): { readonly remoteSecrets: string | undefined; readonly isSettled: boolean } {
	const records = recordsIn(namespace, live.ofKind(kinds.Secret));
	const wanted = replacedHash(records);
	const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name: pilot }))?.workload;
	const current = workload?.remoteSecrets;
	return workload === undefined || current === wanted || isSettled(records, multiCluster.rotation, now)
		? { remoteSecrets: wanted, isSettled: true }
		: { remoteSecrets: current, isSettled: false };
}

/** Whether pods that read the Secrets of clusters are those of the Secrets as they are. */
export function isFollowed(namespace: string, live: LiveHere): boolean {
	const wanted = replacedHash(recordsIn(namespace, live.ofKind(kinds.Secret)));
	return readers.every((name) => {
		const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload;
		if (workload === undefined) return true;
		// Mixer of a release that does not read them has none.
		const isUnconcerned = name !== pilot && workload.remoteSecrets === undefined;
		return (workload.remoteSecrets === wanted || isUnconcerned) && isRolledOutAndAvailable(workload);
	});
}
