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

/** Who would be due within this share of the life renews with the first; but nobody in the first half of the time until then. */
const togetherShare = 0.15;

/** A token that was issued later than now by this share of its life, and more, was dated by a clock that is another one by now. */
const skewShare = 0.02;

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
	const { issuedAt, lifetimeMs } = issued;
	const at = renewalAt(cluster, issued, policy);
	// A clock that went back: it would be renewed long after its end.
	if (now >= at || issuedAt > now + lifetimeMs * skewShare) return true;
	if (now < at - Math.min(lifetimeMs * togetherShare, (at - issuedAt) / 2)) return false;
	return others.some((other) => other.cluster !== cluster && other.state === 'Published' && isTurn(other, policy, now));
}

/** Whether this cluster begins a common renewal. One that can't be renewed, since it does not answer, does so only for a while. */
function isTurn({ cluster, issued, replacedAt }: ClusterRecord, policy: RotationPolicy, now: number): boolean {
	if (issued === undefined) return false;
	return isRecent(renewalAt(cluster, issued, policy), now) || (replacedAt !== undefined && isRecent(replacedAt, now));
}

/** In the past, and not longer ago than a roll-out waits. */
function isRecent(time: number, now: number): boolean {
	return time <= now && now - time < rollOutPatienceMs;
}

/**
 * Whether the pods that read these Secrets may be replaced: no cluster is about to get a new token, or it has been waited
 * for long enough.
 */
export function isSettled(records: readonly ClusterRecord[], policy: RotationPolicy, now: number): boolean {
	const published = records.filter(({ state }) => state === 'Published');
	// What was replaced in the future was so by another clock: it is not waited for until then.
	const isNew = published.some(({ replacedAt }) => replacedAt !== undefined && isRecent(replacedAt, now));
	return !isNew || !published.some((record) => isDue(record, published, policy, now));
}

/** Uniform in [0, 1), the same for the same token. */
function jitterOf(cluster: string, issuedAt: number): number {
	return createHash('sha256').update(`${cluster} ${issuedAt}`).digest().readUInt32BE(0) / 2 ** 32;
}
