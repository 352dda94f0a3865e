/**
 * Ends fights with others over a field. When somebody keeps rewriting an object, it is repaired at once each time, but not
 * without end: each object has a bucket of repairs. When the bucket is empty, the object is left alone until the bucket has
 * filled up a little.
 */

/** This many repairs may follow each other at once. */
const burst = 30;
/** The bucket gets one repair back in this time. */
const refillMs = 2_000;

interface Bucket {
	tokens: number;
	updatedAt: number;
}

export class RepairLimit {
	readonly #buckets = new Map<string, Bucket>();

	/**
	 * Takes one repair of this object. When its bucket is empty, `waitMs` tells when to try again.
	 * @param now monotonic time
	 */
	take(key: string, now: number): { readonly allowed: true } | { readonly allowed: false; readonly waitMs: number } {
		const bucket = this.#buckets.get(key) ?? { tokens: burst, updatedAt: now };
		const tokens = Math.min(burst, bucket.tokens + (now - bucket.updatedAt) / refillMs);
		if (tokens < 1) {
			this.#buckets.set(key, { tokens, updatedAt: now });
			return { allowed: false, waitMs: Math.ceil((1 - tokens) * refillMs) };
		}
		if (tokens >= burst && !this.#buckets.has(key)) this.#forgetFull(now);
		this.#buckets.set(key, { tokens: tokens - 1, updatedAt: now });
		return { allowed: true };
	}

	#forgetFull(now: number): void {
		for (const [key, { tokens, updatedAt }] of this.#buckets) {
			if (tokens + (now - updatedAt) / refillMs >= burst) this.#buckets.delete(key);
		}
	}
}
