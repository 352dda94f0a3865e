/**
 * Bounds which part of the process' time connections may take together, and each of them alone. Their work (taking in
 * bytes, parsing, filling caches) is measured where it is done. A connection that has taken its part is not read for a
 * while, and its server has to wait.
 */

export interface WorkLimits {
	/** Milliseconds of work that may come at once. */
	readonly burstMs: number;
	/** Milliseconds of work per millisecond that passes. */
	readonly share: number;
}

/** Fills up with time, and is emptied by work. It may go below zero. */
export class WorkBucket {
	readonly #limits: WorkLimits;
	#leftMs: number;
	#at: number;
	/** The time at which the bucket became empty. Undefined once it was full again. */
	#busySince: number | undefined;

	constructor(limits: WorkLimits, now: number) {
		this.#limits = limits;
		this.#leftMs = limits.burstMs;
		this.#at = now;
	}

	/** Takes work out. */
	take(workMs: number, now: number): void {
		this.#fill(now);
		this.#leftMs -= workMs;
		if (this.#leftMs < 0) this.#busySince ??= now;
	}

	/** How long to wait before there is something left again. */
	waitMs(now: number): number {
		this.#fill(now);
		return this.#leftMs >= 0 ? 0 : Math.ceil(-this.#leftMs / this.#limits.share);
	}

	/** The part that is left, up to 1. */
	get left(): number {
		return this.#leftMs / this.#limits.burstMs;
	}

	/** How long ago it became empty, if it has not been full again since. */
	busyMs(now: number): number {
		this.#fill(now);
		return this.#busySince === undefined ? 0 : now - this.#busySince;
	}

	#fill(now: number): void {
		const { burstMs, share } = this.#limits;
		this.#leftMs = Math.min(burstMs, this.#leftMs + (now - this.#at) * share);
		this.#at = now;
		if (this.#leftMs >= burstMs) this.#busySince = undefined;
	}
}
