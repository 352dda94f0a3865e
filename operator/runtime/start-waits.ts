/**
 * What a start asks an API server for, once each: a start survives what a run survives. Whatever a server answers, or fails
 * to answer, may be another answer later, since roles and CRDs come in any order and servers restart. So only what this
 * process was given itself (flags, kubeconfig) ends a start before its deadline.
 */
import { type Clock, sleep, systemClock } from './clock.ts';
import { inBrief } from './error-in-brief.ts';
import { ConflictError, RequestError, TransientError } from './errors.ts';
import { backoffDelayMs, serverBackoff } from './queue/backoff.ts';

/** Something that a start waits for. */
export interface Wait {
	/** `the list of MeshInstallation`. */
	readonly what: string;
	/** Why the last try failed. Undefined while the first is under way. */
	readonly failure: unknown;
}

/** Asks for something that a start needs. */
export type AskAtStart = <T>(what: string, ask: (signal: AbortSignal) => Promise<T>) => Promise<T>;

/** Asks once, for callers that handle a failure themselves. */
export const askOnce: AskAtStart = (_what, ask) => ask(new AbortController().signal);

export interface StartWaitsOptions {
	/** Called after each failed try. */
	readonly onError: (error: unknown) => void;
	readonly clock?: Clock;
	readonly random?: () => number;
}

export class StartWaits {
	readonly #options: StartWaitsOptions;
	readonly #pending = new Map<string, unknown>();

	constructor(options: StartWaitsOptions) {
		this.#options = options;
	}

	/** What is asked for at this moment. */
	get pending(): readonly Wait[] {
		return [...this.#pending].map(([what, failure]) => ({ what, failure }));
	}

	/**
	 * Returns a function that asks until there is an answer. It rejects with the signal's reason, and with any error that no
	 * server caused.
	 */
	until(signal: AbortSignal): AskAtStart {
		return async (what, ask) => {
			this.#pending.set(what, undefined);
			try {
				for (let failures = 1; ; failures++) {
					signal.throwIfAborted();
					try {
						return await ask(signal);
					} catch (error) {
						if (signal.aborted || !comesFromServer(error)) throw error;
						this.#pending.set(what, error);
						this.#options.onError(error);
						await this.#pause(error, failures, signal);
					}
				}
			} finally {
				this.#pending.delete(what);
			}
		};
	}

	#pause(error: unknown, failures: number, signal: AbortSignal): Promise<void> {
		const { clock = systemClock, random = Math.random } = this.#options;
		const askedMs = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
		return sleep(Math.max(askedMs, backoffDelayMs(serverBackoff, failures, random)), { clock, signal });
	}
}

function comesFromServer(error: unknown): boolean {
	return error instanceof TransientError || error instanceof ConflictError || error instanceof RequestError;
}

/** One line about all waits, without secrets. Undefined when there are none. */
export function describeWaits(waits: readonly Wait[]): string | undefined {
	if (waits.length === 0) return undefined;
	const byReason = Object.groupBy(waits, ({ failure }) => (failure === undefined ? '' : inBrief(failure)));
	const parts = Object.entries(byReason).map(([reason, group = []]) => {
		const what = group.map((wait) => wait.what).join(', ');
		return reason === '' ? what : `${what} (${reason})`;
	});
	return `waits for ${parts.join('; ')}`;
}
