/**
 * Decides which Secrets of clusters the pods here are made for, in a line whose pods are replaced when a Secret changes.
 */
import { timeText } from '../../../api/v1/index.ts';
import { type Child, isRolledOutAndAvailable } from '../../apply/child.ts';
import { recordsIn, replacedHash } from '../../clusters/secret/record.ts';
import { isSettled, noRollOutUntil } from '../../clusters/secret/rotation.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';

/** The part of the caches here that is read. */
export interface LiveHere {
	get(key: string): Child | undefined;
	ofKind(kind: Kind): Iterable<Child>;
}

/** What pods are rendered with, and what that waits for. */
export interface PodsOfSecrets {
	/** See `JoinedFacts`. */
	readonly remoteSecrets: string | undefined;
	readonly remoteSecretsSince: string | undefined;
	/** Whether pods stay those of before: other clusters are about to be renewed too, or the last roll-out is too near. */
	readonly waiting?: { readonly for: 'others' } | { readonly for: 'distance'; readonly until: number };
}

/**
 * The hash that pods are rendered with. While other clusters are about to be renewed too, it stays the old one, so that
 * pods are replaced once for all. And it does for a while after a roll-out, so that no cluster can keep replacing pods. When
 * the last one was stands on the Deployment, written with the hash in one write.
 * @param nowMs wall clock, milliseconds since 1970
 */
export function remoteSecretsFor(lines: Lines, mesh: ResolvedMesh, live: LiveHere, nowMs: number): PodsOfSecrets {
	const { namespace, multiCluster } = mesh;
	const { readsSecretsAgain, readers } = lines.of(mesh).multiCluster;
	if (readsSecretsAgain(mesh.release)) return { remoteSecrets: undefined, remoteSecretsSince: undefined };
	const records = recordsIn(namespace, live.ofKind(kinds.Secret));
	const wanted = replacedHash(records);
	const workload = workloadOf(live, namespace, [...readers.always, ...readers.perhaps]);
	// A Pilot that is made anew reads what is there.
	if (workload === undefined) return { remoteSecrets: wanted, remoteSecretsSince: undefined };
	const { remoteSecrets, remoteSecretsSince } = workload;
	const before = { remoteSecrets, remoteSecretsSince };
	if (remoteSecrets === wanted) return before;
	const rolledOutAt = timeOf(remoteSecretsSince);
	const until = noRollOutUntil(rolledOutAt, nowMs);
	if (until !== undefined && until > nowMs) return { ...before, waiting: { for: 'distance', until } };
	if (!isSettled(records, multiCluster.rotation, nowMs, rolledOutAt)) return { ...before, waiting: { for: 'others' } };
	return { remoteSecrets: wanted, remoteSecretsSince: timeText(nowMs) };
}

/** When pods were last replaced for changed Secrets, in milliseconds since 1970. */
export function rolledOutAt(lines: Lines, namespace: string, live: LiveHere): number | undefined {
	const { always, perhaps } = lines.secretReaders;
	return timeOf(workloadOf(live, namespace, [...always, ...perhaps])?.remoteSecretsSince);
}

function workloadOf(live: LiveHere, namespace: string, names: readonly string[]) {
	const [workload] = names.flatMap(
		(name) => live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload ?? [],
	);
	return workload;
}

function timeOf(text: string | undefined): number | undefined {
	const time = Date.parse(text ?? '');
	return Number.isNaN(time) ? undefined : time;
}

/** Whether the pods that read the Secrets of clusters were made for the present ones. */
export function isFollowed(lines: Lines, namespace: string, live: LiveHere): boolean {
	const { always, perhaps } = lines.secretReaders;
	const wanted = replacedHash(recordsIn(namespace, live.ofKind(kinds.Secret)));
	return [...always, ...perhaps].every((name) => {
		const workload = live.get(objectKey({ ...kinds.Deployment, namespace, name }))?.workload;
		if (workload === undefined) return true;
		// A Deployment of a release that does not read them, or reads them as they change, has no annotation.
		const isUnconcerned = !always.has(name) && workload.remoteSecrets === undefined;
		return isUnconcerned || (workload.remoteSecrets === wanted && isRolledOutAndAvailable(workload));
	});
}
