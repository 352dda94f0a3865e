/** Users who ask all the time: a request after the other, and what became of those that got no answer. */
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 50;

export interface RequestWitness {
	/** How many were answered. */
	readonly answered: () => number;
	/** When, and why there was none or a wrong answer. */
	readonly failures: readonly string[];
	readonly stop: () => Promise<void>;
}

/** @param send throws where the answer is not as it should be */
export function watchRequests(what: string, send: () => Promise<unknown>): RequestWitness {
	const failures: string[] = [];
	const over = new AbortController();
	let answered = 0;
	const loop = async () => {
		while (!over.signal.aborted) {
			try {
				await send();
				answered++;
			} catch (error) {
				failures.push(`${new Date().toISOString()} ${what}: ${error}`);
			}
			await sleep(pauseMs, undefined, { signal: over.signal }).catch(() => undefined);
		}
	};
	const looping = loop();
	return {
		answered: () => answered,
		failures,
		stop: async () => {
			over.abort();
			await looping;
		},
	};
}
