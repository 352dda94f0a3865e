/** Which Secrets of clusters the pods here were made for, in a line whose pods are replaced for a changed one. */
import { type Child, isRolledOutAndAvailable } from '../../apply/child.ts';
import { recordsIn, replacedHash } from '../../clusters/keep/record.ts';
import { isSettled } from '../../clusters/keep/rotation.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';

/** What is read of the caches here. */
export interface LiveHere {
	get(key: string): Child | undefined;
	ofKind(kind: Kind): Iterable<Child>;
}

/**
 * The hash that pods are rendered with. While other clusters are about to be renewed too, pods stay those of before, so
 * that they are replaced once for all.
 * @param nowMs milliseconds since 1970
 */
export function remoteSecretsFor(
	lines: Lines,
	mesh: ResolvedMesh,
	live: LiveHere,
	nowMs: number,
): { readonly remoteSecrets: string | undefined; readonly isSettled: boolean } {
	const { namespace, multiCluster } = mesh;
	const { readsSecretsAgain, readers } = lines.of(mesh).multiCluster;
	if (readsSecretsAgain) return { remoteSecrets: undefined, isSettled: true };
	const records = recordsIn(namespace, live.ofKind(kinds.Secret));
	const wanted = replacedHash(records);
	const [workload] = readers.always.flatMap(
		(name) => live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload ?? [],
	);
	const current = workload?.remoteSecrets;
	return workload === undefined || current === wanted || isSettled(records, multiCluster.rotation, nowMs)
		? { remoteSecrets: wanted, isSettled: true }
		: { remoteSecrets: current, isSettled: false };
}

/** Whether pods that read the Secrets of clusters are those of the Secrets as they are. */
export function isFollowed(lines: Lines, namespace: string, live: LiveHere): boolean {
	const { always, perhaps } = lines.secretReaders;
	const wanted = replacedHash(recordsIn(namespace, live.ofKind(kinds.Secret)));
	return [...always, ...perhaps].every((name) => {
		const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload;
		if (workload === undefined) return true;
		// One of a release that does not read them has none.
		const isUnconcerned = !always.has(name) && workload.remoteSecrets === undefined;
		return (workload.remoteSecrets === wanted || isUnconcerned) && isRolledOutAndAvailable(workload);
	});
}
