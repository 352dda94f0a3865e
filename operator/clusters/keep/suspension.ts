/**
 * When a cluster's API server takes more than its budget (see `runtime/client/budget.ts`), the cluster is suspended: its
 * connection ends, its caches are let go, and nothing is asked of it for a while. Each time that it happens again, the while
 * is longer. Pure.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';

export interface Suspension {
	/** Monotonic time at which it is tried again. */
	readonly until: number;
	readonly forMs: number;
	/** Suspensions of which none was long after the one before. */
	readonly count: number;
	readonly problem: ClusterProblem;
	/** `connectedBy` of the connection that was ended. Another kubeconfig is tried at once. */
	readonly connectedBy: string;
}

const firstMs = 60_000;
const longestMs = 60 * 60_000;
/** A cluster that behaved this long is suspended as if for the first time. */
const forgivenMs = 10 * 60_000;

/** How long a cluster is suspended now. */
export function nextSuspension(
	before: Pick<Suspension, 'until' | 'forMs' | 'count'> | undefined,
	now: number,
	random: () => number,
): Pick<Suspension, 'until' | 'forMs' | 'count'> {
	const isForgiven = before === undefined || now - before.until > Math.max(forgivenMs, before.forMs);
	const count = isForgiven ? 1 : before.count + 1;
	// Some seconds more or less, so that clusters that were suspended together don't come back together.
	const forMs = Math.min(firstMs * 2 ** Math.min(count - 1, 10), longestMs) * (1 + random() / 10);
	return { until: now + forMs, forMs, count };
}

export function isSuspended({ suspension }: { readonly suspension: Suspension | undefined }, now: number): boolean {
	return suspension !== undefined && now < suspension.until;
}
