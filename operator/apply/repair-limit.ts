/**
 * Ends fights. An object whose fields somebody keeps rewriting is repaired at once, again and again, but not without end:
 * a bucket of repairs per object, and when it is empty the object is left alone until it has filled up a little.
 */

/** Repairs that may follow each other at once. */
const burst = 30;
/** One repair is earned back in this many milliseconds. */
const refillMs = 2_000;

interface Bucket {
	tokens: number;
	updatedAt: number;
}

export class RepairLimit {
	readonly #buckets = new Map<string, Bucket>();

	/** Takes one repair of this object. False when its bucket is empty: then `waitMs` tells when to try again. `now` is monotonic milliseconds. */
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
