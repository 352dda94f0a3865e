/** Waiting in tests: for a state, never for a time to pass; every wait ends, at the latest, with an error that says what was missing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

export { orAbsent } from '../../operator/runtime/errors.ts';

/** Far longer than anything here takes on an idle machine: what is slow is late, not wrong. */
export const deadlineMs = 200_000;
/** A wait for something that gets on ends after this time. A test with several such waits takes it for its `t.timeout`, and some more. */
export const longestWaitMs = 3 * deadlineMs;
/** What is soon there is seen soon; what takes its time is asked for less and less often. */
const pollMs = { first: 40, growth: 1.2, most: 250 } as const;

/**
 * Asks until there is an answer other than undefined or false, and returns it. Throws after the deadline (milliseconds),
 * with the last error where asking failed.
 * @param what what is waited for, in words
 * @param standOf how far it has come. The deadline begins anew whenever that is another one, up to three times as long in all
 */
export async function eventually<T>(
	what: string,
	probe: () => T | Promise<T>,
	withinMs = deadlineMs,
	standOf?: () => unknown,
): Promise<Exclude<T, undefined | false>> {
	let cause: unknown;
	let pauseMs: number = pollMs.first;
	const pause = async () => {
		await sleep(pauseMs);
		pauseMs = Math.min(pauseMs * pollMs.growth, pollMs.most);
	};
	const latest = performance.now() + (withinMs * longestWaitMs) / deadlineMs;
	let [end, stand] = [performance.now() + withinMs, standOf?.()];
	for (; performance.now() < end; await pause()) {
		try {
			const answer = await probe();
			if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
			cause = undefined;
		} catch (error) {
			cause = error;
		}
		const before = stand;
		stand = standOf?.();
		if (!isDeepStrictEqual(before, stand)) end = Math.min(performance.now() + withinMs, latest);
	}
	throw new Error(`not within ${withinMs / 1_000} s: ${what}`, { cause });
}

/** When something that others change is the same for this time, it is settled. */
const stillMs = 1_500;

/** Asks until the answer is the same for a while, and returns it: controllers that have just begun make this and that. */
export async function untilStill<T extends object>(what: string, look: () => Promise<T>): Promise<T> {
	let last = await look();
	return eventually(`${what} is the same for a while`, async () => {
		await sleep(stillMs);
		const former = last;
		last = await look();
		return isDeepStrictEqual(former, last) ? last : undefined;
	}) as Promise<T>;
}
