/**
 * Decides which Secrets of clusters the pods here are made for, in a line whose pods are replaced when a Secret changes.
 */
import { type Child, isRolledOutAndAvailable } from '../../apply/child.ts';
import { recordsIn, replacedHash } from '../../clusters/secret/record.ts';
import { isSettled } from '../../clusters/secret/rotation.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';

/** The part of the caches here that is read. */
export interface LiveHere {
	get(key: string): Child | undefined;
	ofKind(kind: Kind): Iterable<Child>;
}

/**
 * The hash that pods are rendered with. While other clusters are about to be renewed too, it stays the old one, so that
 * pods are replaced once for all.
 * @param nowMs wall clock, milliseconds since 1970
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

/** Whether the pods that read the Secrets of clusters were made for the present ones. */
export function isFollowed(lines: Lines, namespace: string, live: LiveHere): boolean {
	const { always, perhaps } = lines.secretReaders;
	const wanted = replacedHash(recordsIn(namespace, live.ofKind(kinds.Secret)));
	return [...always, ...perhaps].every((name) => {
		const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload;
		if (workload === undefined) return true;
		// A Deployment of a release that does not read them has no annotation.
		const isUnconcerned = !always.has(name) && workload.remoteSecrets === undefined;
		return (workload.remoteSecrets === wanted || isUnconcerned) && isRolledOutAndAvailable(workload);
	});
}
