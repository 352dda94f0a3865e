/** Exponential backoff with jitter: a pure function of the number of failures and a random number. */

export interface BackoffPolicy {
	/** Delay after the first failure. */
	readonly initialMs: number;
	/** The delay grows up to this. The jitter is added afterwards, so that those who have reached it stay spread. */
	readonly maxMs: number;
	/** Growth per failure. */
	readonly factor: number;
	/** Share of the delay by which it may be shorter or longer: 0.2 means ±20 %. */
	readonly jitter: number;
}

/** For one key of a queue: 100 ms doubling to 5 min, ±20 %. */
export const defaultBackoff: BackoffPolicy = { initialMs: 100, maxMs: 300_000, factor: 2, jitter: 0.2 };

/**
 * For what an API server is asked until it answers, outside of any queue: 0.8 s doubling to 30 s, ±50 %, so that not all
 * who ask meet a restarted server at once.
 */
export const serverBackoff: BackoffPolicy = { initialMs: 800, maxMs: 30_000, factor: 2, jitter: 0.5 };

/** Moves `valueMs` by at most the given share, evenly in both directions. */
export function jittered(valueMs: number, jitter: number, random: () => number = Math.random): number {
	return valueMs * (1 + jitter * (2 * random() - 1));
}

/**
 * The delay after some failures in a row.
 *
 * @param failures 1 after the first failure
 * @param random a number in [0, 1)
 */
export function backoffDelayMs(policy: BackoffPolicy, failures: number, random: () => number = Math.random): number {
	// The power overflows to Infinity after about a thousand failures. The minimum handles that.
	const delayMs = Math.min(policy.maxMs, policy.initialMs * policy.factor ** Math.max(0, failures - 1));
	return jittered(delayMs, policy.jitter, random);
}
