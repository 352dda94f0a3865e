/**
 * Looks again until something is as it should be. On a terminal the lines about what is open are written over; elsewhere each
 * line is written once, when it changes. Both go to standard error.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveLines, note } from './terminal.ts';

export interface WaitOptions<T> {
	/** Looks once. */
	readonly look: (signal: AbortSignal) => Promise<T>;
	readonly isDone: (seen: T) => boolean;
	/** What is still open, a line each. */
	readonly open: (seen: T) => readonly string[];
	/** For how long, milliseconds. 0 looks once. */
	readonly timeoutMs: number;
	readonly signal: AbortSignal;
	/** Between two looks, milliseconds. */
	readonly pauseMs?: number;
}

/** Resolves with what was seen last: when it is done, or when the time is over. */
export async function waitUntil<T>(options: WaitOptions<T>): Promise<T> {
	const { look, isDone, open, timeoutMs, signal, pauseMs = 1_000 } = options;
	const startedAt = performance.now();
	const live = new LiveLines();
	let told: readonly string[] = [];
	try {
		for (;;) {
			const seen = await look(signal);
			const leftMs = startedAt + timeoutMs - performance.now();
			if (isDone(seen) || leftMs <= 0) return seen;
			const lines = open(seen);
			if (live.isLive) live.update([`Waiting, at most ${Math.ceil(leftMs / 1000)} s more:`, ...lines]);
			else note(lines.filter((line) => !told.includes(line)).map((line) => `waiting: ${line}`));
			told = lines;
			await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
		}
	} finally {
		live.end();
	}
}
