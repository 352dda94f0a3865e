/** Decides when a cluster is looked at again. Everything has jitter, so that hundreds of clusters never move in step. */
import type { ClusterRecord } from '../secret/record.ts';
import { type RotationPolicy, renewalAt } from '../secret/rotation.ts';
import type { ClusterCell } from './cell.ts';

/** A cluster that answers is probed this often. */
const probeMs = 30_000;
/** A cluster that has just failed is probed sooner, and then less and less often. */
const failedProbeMs = 3_000;
const longestProbeMs = 2 * 60_000;
/** All checks are repeated this often. */
const checkMs = 10 * 60_000;
/** When the checks found something, they are repeated sooner, and then less and less often. */
const refusedCheckMs = 10_000;
const longestRefusedMs = 5 * 60_000;
/** Work that failed there is tried again after this time. */
const failedWorkMs = 2_000;
const longestWorkMs = 60_000;

export function probeDelayMs({ health, downs }: ClusterCell, random: () => number): number {
	// A change is confirmed soon: a failure while the cluster is up, an answer while it is down.
	if (health.streak > 0) return jittered(failedProbeMs, random);
	if (health.state !== 'down') return jittered(probeMs, random);
	return jittered(Math.min(failedProbeMs * 2 ** Math.min(downs, 10), longestProbeMs), random);
}

export function recheckDelayMs({ refusals }: ClusterCell, random: () => number): number {
	return jittered(
		refusals > 0 ? Math.min(refusedCheckMs * 2 ** Math.min(refusals - 1, 10), longestRefusedMs) : checkMs,
		random,
	);
}

/** Delay until the next pass, unless something else brings it earlier. */
export function nextPassInMs(
	cell: ClusterCell,
	records: readonly ClusterRecord[],
	policy: RotationPolicy,
	clock: { readonly now: number; readonly wallClock: number; readonly random: () => number },
): number {
	const { now, wallClock, random } = clock;
	const isDown = cell.health.state === 'down';
	const work =
		cell.failures === 0 || isDown
			? Number.POSITIVE_INFINITY
			: jittered(Math.min(failedWorkMs * 2 ** Math.min(cell.failures - 1, 10), longestWorkMs), random);
	// While nothing answers, nothing is checked. After a failure the checks are made with the work that is tried again.
	const isChecked = cell.health.state === 'up' && cell.health.streak === 0 && cell.failures === 0;
	const check = isChecked ? cell.nextCheckAt - now : Number.POSITIVE_INFINITY;
	const tokens = records.flatMap(({ cluster, issued }) => {
		if (issued === undefined) return [];
		const end = issued.issuedAt + issued.lifetimeMs - wallClock;
		// The pass itself tries an overdue renewal, and the timers of its failures bring it again.
		const renewal = isDown ? Number.POSITIVE_INFINITY : renewalAt(cluster, issued, policy) - wallClock;
		return [renewal, end].filter((inMs) => inMs > 0);
	});
	const waits = [cell.nextProbeAt - now, check, work, ...tokens];
	// Never at once, so that a clock that stands still makes no loop.
	return Math.max(50, Math.min(...waits));
}

function jittered(milliseconds: number, random: () => number): number {
	return milliseconds * (0.8 + 0.4 * random());
}
