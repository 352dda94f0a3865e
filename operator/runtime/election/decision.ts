/** Decides who may take the lease: a pure function of what a replica saw, and when. */

/** `spec` of a `coordination.k8s.io/v1` Lease. Fields that we don't set are kept. */
export interface LeaseSpec {
	readonly holderIdentity?: string;
	readonly leaseDurationSeconds?: number;
	readonly acquireTime?: string;
	readonly renewTime?: string;
	readonly leaseTransitions?: number;
	readonly [field: string]: unknown;
}

export interface LeaderElectionTimings {
	/** A candidate takes the lease when its record has not changed for this long. Default 15 s. */
	readonly leaseDurationMs: number;
	/** A leader that could not renew for this long stops writing and gives up. Default 10 s. */
	readonly renewDeadlineMs: number;
	/** Pause between two tries. Default 2 s. A candidate's pause is longer by up to `jitterFactor`. */
	readonly retryPeriodMs: number;
}

export const defaultTimings: LeaderElectionTimings = {
	leaseDurationMs: 15_000,
	renewDeadlineMs: 10_000,
	retryPeriodMs: 2_000,
};

/** A candidate's pause is up to this many times the retry period, so that candidates don't try in step. */
export const jitterFactor = 1.2;

/**
 * Refuses timings under which two leaders could overlap, or no leader could keep the lease. client-go has the same rules.
 */
export function validateTimings(timings: LeaderElectionTimings): void {
	const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = timings;
	if (!(retryPeriodMs > 0)) throw new RangeError(`the retry period must be positive, but is ${retryPeriodMs} ms`);
	if (!(renewDeadlineMs > retryPeriodMs * jitterFactor)) {
		throw new RangeError(
			`the renew deadline (${renewDeadlineMs} ms) must be longer than ${jitterFactor} retry periods (${retryPeriodMs} ms each)`,
		);
	}
	if (!(leaseDurationMs > renewDeadlineMs)) {
		throw new RangeError(
			`the lease duration (${leaseDurationMs} ms) must be longer than the renew deadline (${renewDeadlineMs} ms)`,
		);
	}
	if (leaseDurationMs % 1_000 !== 0) {
		throw new RangeError(
			`the lease duration must be whole seconds, as the Lease keeps it, but is ${leaseDurationMs} ms`,
		);
	}
}

export interface LeaseObservation {
	/** Absent when there is no Lease object. */
	readonly spec: LeaseSpec | undefined;
	/** The replica's own monotonic time at which it first saw the record in this state. */
	readonly sinceMs: number;
}

/**
 * - `create`: there is no lease yet.
 * - `renew`: it is ours.
 * - `acquire`: nobody holds it any more.
 * - `wait`: another replica holds it. If that never renews again, it holds it until `untilMs` on our own clock.
 */
export type LeaseDecision =
	| { readonly do: 'create' }
	| { readonly do: 'renew' }
	| { readonly do: 'acquire' }
	| { readonly do: 'wait'; readonly untilMs: number };

/**
 * Decides what to do about the lease. The times in the record don't count: they are from another machine's clock. What
 * counts is how long the record has not changed before our eyes, on our own monotonic clock.
 *
 * @param nowMs own monotonic time
 * @param ownDurationMs for a record without a duration
 */
export function decide(
	{ spec, sinceMs }: LeaseObservation,
	identity: string,
	nowMs: number,
	ownDurationMs: number,
): LeaseDecision {
	if (spec === undefined) return { do: 'create' };
	const { holderIdentity = '', leaseDurationSeconds } = spec;
	if (holderIdentity === identity) return { do: 'renew' };
	if (holderIdentity === '') return { do: 'acquire' };
	const untilMs = sinceMs + (leaseDurationSeconds === undefined ? ownDurationMs : leaseDurationSeconds * 1_000);
	return nowMs >= untilMs ? { do: 'acquire' } : { do: 'wait', untilMs };
}

/** The record to write in order to hold the lease. */
export function heldSpec(previous: LeaseSpec | undefined, identity: string, date: Date, durationMs: number): LeaseSpec {
	const time = microTime(date);
	const isOurs = previous?.holderIdentity === identity;
	return {
		...previous,
		holderIdentity: identity,
		leaseDurationSeconds: durationMs / 1_000,
		acquireTime: isOurs ? (previous?.acquireTime ?? time) : time,
		renewTime: time,
		leaseTransitions: previous === undefined ? 0 : (previous.leaseTransitions ?? 0) + (isOurs ? 0 : 1),
	};
}

/** The record of a lease that is given back: no holder, and a duration of one second for those who read only that. */
export function releasedSpec(previous: LeaseSpec, date: Date): LeaseSpec {
	const time = microTime(date);
	return { ...previous, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time };
}

/** Kubernetes' `MicroTime`: RFC 3339 with exactly six digits of a second. The API server refuses fewer. */
export function microTime(date: Date): string {
	return date.toISOString().replace('Z', '000Z');
}
