/** A clock for tests: time stands still until `advance` moves it. */
import type { Clock, Timer } from './clock.ts';

interface FakeTimer {
	readonly due: number;
	readonly order: number;
	readonly callback: () => void;
}

export class FakeClock implements Clock {
	#now = 0;
	#wallOffset: number;
	#order = 0;
	readonly #timers = new Set<FakeTimer>();

	/** @param startOfDay wall-clock time in milliseconds since 1970 at monotonic zero */
	constructor(startOfDay = Date.UTC(2026, 0, 1)) {
		this.#wallOffset = startOfDay;
	}

	now(): number {
		return this.#now;
	}

	date(): Date {
		return new Date(this.#wallOffset + this.#now);
	}

	setTimer(callback: () => void, delayMs: number): Timer {
		const timer: FakeTimer = { due: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
		this.#timers.add(timer);
		return { cancel: () => void this.#timers.delete(timer) };
	}

	/** Number of timers that are set and have not fired. */
	get pendingTimers(): number {
		return this.#timers.size;
	}

	/** Steps only the time of day, as an administrator or NTP would. */
	stepWallClock(byMs: number): void {
		this.#wallOffset += byMs;
	}

	/**
	 * Lets time pass while no timer fires, as in a blocked event loop or a stopped process. The timers fire at the next
	 * `advance`.
	 */
	stall(byMs: number): void {
		this.#now += byMs;
	}

	/** Moves time, fires the timers that become due in their order, and lets promise callbacks run after each. */
	async advance(byMs: number): Promise<void> {
		const end = this.#now + byMs;
		await settle();
		for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
			this.#timers.delete(next);
			this.#now = Math.max(this.#now, next.due);
			next.callback();
			await settle();
		}
		this.#now = end;
		await settle();
	}

	#next(end: number): FakeTimer | undefined {
		let first: FakeTimer | undefined;
		for (const timer of this.#timers) {
			if (timer.due > end) continue;
			if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) {
				first = timer;
			}
		}
		return first;
	}
}

/** Lets all promise callbacks run that are ready, and those that they make ready. */
export function settle(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
