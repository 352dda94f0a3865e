/**
 * Time as an argument. Everything that waits or measures takes a `Clock`, so that tests move time by hand and nothing
 * decides by the wall clock, which an administrator or NTP may step in either direction.
 */

/** A timer that can be cancelled. Cancelling it twice, or after it fired, does nothing. */
export interface Timer {
	cancel(): void;
}

export interface Clock {
	/** Milliseconds on a monotonic scale. Only differences mean something. */
	now(): number;
	/** The time of day, for time stamps that others read. Never for decisions. */
	date(): Date;
	/** Calls back once, after at least `delayMs`. It may be much later when the event loop is busy. */
	setTimer(callback: () => void, delayMs: number): Timer;
}

/** Longest delay of `setTimeout`; it turns a longer one into 1 ms. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The real clock. Its timers keep the process alive. */
export const systemClock: Clock = {
	now: () => performance.now(),
	date: () => new Date(),
	setTimer(callback, delayMs) {
		const due = performance.now() + delayMs;
		const wait = (remainingMs: number): NodeJS.Timeout =>
			setTimeout(
				() => {
					const leftMs = due - performance.now();
					// setTimeout rounds down to whole milliseconds and may fire a fraction of one early.
					if (leftMs > 0) handle = wait(leftMs);
					else callback();
				},
				Math.min(Math.ceil(remainingMs), longestTimeoutMs),
			);
		let handle = wait(Math.max(0, delayMs));
		return { cancel: () => clearTimeout(handle) };
	},
};

/** Resolves after `delayMs`; rejects with the signal's reason when that aborts first. */
export function sleep(delayMs: number, options: { clock?: Clock; signal?: AbortSignal } = {}): Promise<void> {
	const { clock = systemClock, signal } = options;
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	if (signal?.aborted) {
		reject(signal.reason);
		return promise;
	}
	const onAbort = (): void => {
		timer.cancel();
		reject(signal?.reason);
	};
	const timer = clock.setTimer(() => {
		signal?.removeEventListener('abort', onAbort);
		resolve();
	}, delayMs);
	signal?.addEventListener('abort', onAbort, { once: true });
	return promise;
}
