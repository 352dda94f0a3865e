/**
 * Bounds how often news wake a pass. Some may come at once, so that what is rare is answered at once. Beyond that they are
 * folded: the next pass comes when the bucket has filled up by one.
 */
export interface WakeLimitOptions {
	readonly burst: number;
	readonly refillMs: number;
}

interface Bucket {
	tokens: number;
	at: number;
	/** The time of the wake-up that is owed already. */
	dueAt: number;
}

export class WakeLimit {
	readonly #options: WakeLimitOptions;
	readonly #buckets = new Map<string, Bucket>();

	constructor(options: WakeLimitOptions) {
		this.#options = options;
	}

	/**
	 * How long the wake-up has to wait: 0 while there is something in the bucket.
	 * @param now monotonic time
	 */
	delayMs(key: string, now: number): number {
		const { burst, refillMs } = this.#options;
		const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now, dueAt: Number.NEGATIVE_INFINITY };
		this.#buckets.set(key, bucket);
		if (bucket.dueAt > now) return bucket.dueAt - now;
		bucket.tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs);
		bucket.at = now;
		const waitMs = bucket.tokens >= 1 ? 0 : (1 - bucket.tokens) * refillMs;
		bucket.tokens -= 1;
		bucket.dueAt = now + waitMs;
		return waitMs;
	}

	forget(key: string): void {
		this.#buckets.delete(key);
	}
}
