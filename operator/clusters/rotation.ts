/**
 * When a token is renewed. Pure: by the time it was issued and the life that the API server gave it, so that a restart
 * changes nothing, and two operators agree.
 *
 * Classic Pilots and Mixers have to be replaced for a new token. So the clusters of a mesh renew together: who is nearly
 * due joins the first that is, and the pods are replaced once for all of them.
 */
import { createHash } from 'node:crypto';
import type { ClusterRecord, Issued } from './record.ts';

export interface RotationPolicy {
	/** Share of the life after which a token is renewed, `spec.multiCluster.credentials.renewAt`. */
	readonly renewShare: number;
}

/** The old token goes on for so long (milliseconds) at least, where its life allows: longer than any roll-out, whose deadline is 10 min. */
const overlapMs = 15 * 60_000;

/** A renewal comes earlier by up to this share of the life, different for each token: not all clusters of a fleet at once. */
const jitterShare = 0.05;

/** Who would be due within this share of the life renews with the first. */
const togetherShare = 0.15;

/** A roll-out waits so long (milliseconds) at most for clusters that are due and do not answer. */
export const rollOutPatienceMs = 2 * 60_000;

/** When a token is due, milliseconds since 1970. */
export function renewalAt(cluster: string, issued: Issued, { renewShare }: RotationPolicy): number {
	const { issuedAt, lifetimeMs } = issued;
	// Of a short life half is enough for the overlap.
	const latest = Math.max(lifetimeMs - overlapMs, lifetimeMs / 2);
	return issuedAt + Math.min(lifetimeMs * renewShare, latest) - lifetimeMs * jitterShare * jitterOf(cluster, issuedAt);
}

/**
 * Whether the token of a cluster is to be renewed now: because it is due, or nearly, while another one of the mesh is due
 * or has just been renewed.
 * @param now milliseconds since 1970
 */
export function isDue(
	record: ClusterRecord,
	others: readonly ClusterRecord[],
	policy: RotationPolicy,
	now: number,
): boolean {
	if (record.issued === undefined) return true;
	const { issued, cluster } = record;
	const at = renewalAt(cluster, issued, policy);
	// A clock that went back: what was issued in the future says nothing about its end.
	if (now >= at || issued.issuedAt > now + issued.lifetimeMs) return true;
	if (now < at - issued.lifetimeMs * togetherShare) return false;
	return others.some(
		(other) =>
			other.cluster !== cluster &&
			other.state === 'Published' &&
			other.issued !== undefined &&
			(now >= renewalAt(other.cluster, other.issued, policy) ||
				(other.replacedAt !== undefined && now - other.replacedAt < rollOutPatienceMs && other.replacedAt <= now)),
	);
}

/**
 * Whether the pods that read these Secrets may be replaced: no cluster is about to get a new token, or it has been waited
 * for long enough.
 */
export function isSettled(records: readonly ClusterRecord[], policy: RotationPolicy, now: number): boolean {
	const published = records.filter(({ state }) => state === 'Published');
	const newest = Math.max(...published.map(({ replacedAt = 0 }) => replacedAt));
	if (now - newest >= rollOutPatienceMs) return true;
	return !published.some((record) => isDue(record, published, policy, now));
}

/** Uniform in [0, 1), the same for the same token. */
function jitterOf(cluster: string, issuedAt: number): number {
	return createHash('sha256').update(`${cluster} ${issuedAt}`).digest().readUInt32BE(0) / 2 ** 32;
}
