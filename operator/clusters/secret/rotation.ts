/**
 * Decides when a token is renewed. Pure: it depends on when the token was issued and on the life that the API server gave
 * it. So a restart changes nothing, and two operators agree.
 *
 * Classic Pilots and Mixers have to be replaced for a new token. So the clusters of a mesh renew together: a cluster that
 * is nearly due joins the first one that is due, and the pods are replaced once for all of them.
 */
import { createHash } from 'node:crypto';
import type { ClusterRecord, Issued } from './record.ts';

export interface RotationPolicy {
	/** The life that tokens are asked for with, `spec.multiCluster.credentials.lifetime`. */
	readonly lifetimeMs: number;
	/** A token is renewed after this share of its life, `spec.multiCluster.credentials.renewAt`. */
	readonly renewShare: number;
}

/**
 * The old token stays valid for at least this time, if its life allows: longer than any roll-out, whose deadline is 10 min.
 */
const overlapMs = 15 * 60_000;

/**
 * A renewal comes earlier by up to this share of the life, different for each token, so that not all clusters of a fleet
 * renew at once.
 */
const jitterShare = 0.05;

/**
 * Clusters that would be due within this share of the life, or before the next roll-out, renew with the first one. But none
 * renews in the first half of its time.
 */
const togetherShare = 0.15;

/**
 * Pods are replaced for changed Secrets at most once in this time, so that no cluster can keep replacing them: by short tokens,
 * by an address or authority that changes again and again, by an account that is made anew. So at each roll-out also those
 * renew that would be due before the next one: no token ends because it has to wait.
 */
export const rollOutDistanceMs = 30 * 60_000;

/** A token that was issued this share of its life after now was dated by a clock that has been corrected since. */
const skewShare = 0.02;

/** A roll-out waits at most this long for clusters that are due and do not answer. */
export const rollOutPatienceMs = 2 * 60_000;

/** When a token is due, in milliseconds since 1970. */
export function renewalAt(cluster: string, issued: Issued, { renewShare }: RotationPolicy): number {
	const { issuedAt, lifetimeMs } = issued;
	// For a short life the overlap is half of it.
	const latest = Math.max(lifetimeMs - overlapMs, lifetimeMs / 2);
	return issuedAt + Math.min(lifetimeMs * renewShare, latest) - lifetimeMs * jitterShare * jitterOf(cluster, issuedAt);
}

/**
 * Until when pods may not be replaced for changed Secrets. Undefined when they may be at any time.
 * @param rolledOutAt when they last were; undefined when they never were, or nobody knows
 */
export function noRollOutUntil(rolledOutAt: number | undefined, now: number): number | undefined {
	// A roll-out in the future was dated by another clock. Nobody waits for that.
	return rolledOutAt === undefined || rolledOutAt > now + clockSkewMs ? undefined : rolledOutAt + rollOutDistanceMs;
}

/** When pods are, or were, replaced for a Secret that was replaced at some time. */
function rollOutAt(replacedAt: number, rolledOutAt: number | undefined, now: number): number {
	const isDone = rolledOutAt !== undefined && replacedAt <= rolledOutAt;
	return isDone ? replacedAt : Math.max(replacedAt, noRollOutUntil(rolledOutAt, now) ?? replacedAt);
}

/** The clocks of two replicas may differ by this much. */
const clockSkewMs = 60_000;

/**
 * Whether the token of a cluster has to be renewed now: it is due, or it is nearly due and another one of the mesh is due,
 * or pods are about to be replaced for another one.
 * @param now wall clock, milliseconds since 1970
 * @param rolledOutAt see `noRollOutUntil`
 */
export function isDue(
	record: ClusterRecord,
	others: readonly ClusterRecord[],
	policy: RotationPolicy,
	now: number,
	rolledOutAt?: number,
): boolean {
	if (record.issued === undefined) return true;
	const { issued, cluster } = record;
	const { issuedAt, lifetimeMs } = issued;
	if (isTooLong(issued, policy)) return true;
	const at = renewalAt(cluster, issued, policy);
	// The clock went back. The token would be renewed long after its end.
	if (now >= at || issuedAt > now + lifetimeMs * skewShare) return true;
	const togetherMs = Math.max(lifetimeMs * togetherShare, rollOutDistanceMs);
	if (now < at - Math.min(togetherMs, (at - issuedAt) / 2)) return false;
	return others.some(
		(other) => other.cluster !== cluster && other.state === 'Published' && isTurn(other, policy, now, rolledOutAt),
	);
}

/**
 * Whether a token lives longer than is wished now, since it was asked for with more. One that an API server made longer than
 * it was asked for is not renewed: the next one would be as long.
 */
function isTooLong({ lifetimeMs, askedMs = lifetimeMs }: Issued, policy: RotationPolicy): boolean {
	return Math.min(lifetimeMs, askedMs) > policy.lifetimeMs + clockSkewMs;
}

/**
 * Whether this cluster starts a common renewal. A cluster that can't be renewed, because it does not answer, does so only
 * for a while.
 */
function isTurn(
	{ cluster, issued, replacedAt }: ClusterRecord,
	policy: RotationPolicy,
	now: number,
	rolledOutAt: number | undefined,
): boolean {
	if (issued === undefined) return false;
	return (
		isRecent(renewalAt(cluster, issued, policy), now) ||
		(replacedAt !== undefined && isRecent(rollOutAt(replacedAt, rolledOutAt, now), now))
	);
}

/** Whether a time is in the past, but not longer ago than a roll-out waits. */
function isRecent(time: number, now: number): boolean {
	return time <= now && now - time < rollOutPatienceMs;
}

/**
 * Whether the pods that read these Secrets may be replaced, as far as other clusters are concerned: none is about to get a
 * new token, or the roll-out has waited for them long enough.
 */
export function isSettled(
	records: readonly ClusterRecord[],
	policy: RotationPolicy,
	now: number,
	rolledOutAt?: number,
): boolean {
	const published = records.filter(({ state }) => state === 'Published');
	// A replacement in the future was dated by another clock. Nobody waits until then.
	const isNew = published.some(
		({ replacedAt }) => replacedAt !== undefined && isRecent(rollOutAt(replacedAt, rolledOutAt, now), now),
	);
	return !isNew || !published.some((record) => isDue(record, published, policy, now, rolledOutAt));
}

/** Uniform in [0, 1), and always the same for the same token. */
function jitterOf(cluster: string, issuedAt: number): number {
	return createHash('sha256').update(`${cluster} ${issuedAt}`).digest().readUInt32BE(0) / 2 ** 32;
}
