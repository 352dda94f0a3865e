/** Starts and stops the operator's parts in order and in bounded time: HTTP server, caches, election, workers; and back. */
import { type Clock, systemClock } from './clock.ts';
import type { LogSink } from './log/logger.ts';

export interface Part {
	readonly name: string;
	/**
	 * Resolves when the next part may start. The signal aborts when the start takes too long, or when everything is being
	 * stopped.
	 */
	start?(signal: AbortSignal): Promise<void> | void;
	/** Ends the part within the deadline. What has not ended by then is abandoned. */
	stop?(options: { readonly deadlineMs: number }): Promise<void> | void;
	/** Default 2 min, for a cache that has to be filled from a slow server. */
	readonly startTimeoutMs?: number;
	/** What the start waits for, for the message when it takes too long. */
	readonly awaited?: () => string | undefined;
	/** Default: the rest of the whole deadline. */
	readonly stopTimeoutMs?: number;
}

export interface StopReport {
	/** Whether every part ended in time and without an error. */
	readonly isClean: boolean;
	readonly failures: readonly { readonly part: string; readonly error: unknown }[];
}

/** Deadline of the whole stop: Kubernetes' default grace period, less a reserve. */
const defaultStopDeadlineMs = 25_000;
const defaultStartTimeoutMs = 120_000;

export class Lifecycle {
	readonly #log: LogSink | undefined;
	readonly #clock: Clock;
	readonly #started: Part[] = [];
	readonly #abort = new AbortController();
	#starting: Promise<void> = Promise.resolve();
	#stopping: Promise<StopReport> | undefined;

	constructor(options: { readonly log?: LogSink; readonly clock?: Clock } = {}) {
		this.#log = options.log;
		this.#clock = options.clock ?? systemClock;
	}

	/** Aborts when the stop begins. */
	get signal(): AbortSignal {
		return this.#abort.signal;
	}

	/**
	 * Starts the parts one after the other. When one fails, those before it are stopped in reverse and the error is thrown.
	 * When `stop` is called meanwhile, no further part starts and the signal's reason is thrown.
	 */
	async start(parts: readonly Part[]): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#starting = promise;
		try {
			for (const part of parts) await this.#startPart(part);
		} catch (error) {
			resolve();
			await this.stop(`part ${this.#started.at(-1)?.name ?? ''} did not start`);
			throw error;
		} finally {
			resolve();
		}
	}

	/**
	 * Stops the started parts in reverse. When a part fails or hangs, that is reported, and the others are stopped all the
	 * same.
	 */
	stop(reason: string, deadlineMs = defaultStopDeadlineMs): Promise<StopReport> {
		this.#stopping ??= this.#stopAll(reason, deadlineMs);
		return this.#stopping;
	}

	async #startPart(part: Part): Promise<void> {
		this.#abort.signal.throwIfAborted();
		// Added before its start succeeds, because a half-started part has something to stop as well.
		this.#started.push(part);
		const timeoutMs = part.startTimeoutMs ?? defaultStartTimeoutMs;
		const tooLong = new AbortController();
		const signal = AbortSignal.any([this.#abort.signal, tooLong.signal]);
		const timer = this.#clock.setTimer(() => {
			const awaited = part.awaited?.();
			const words = awaited === undefined ? '' : `: it ${awaited}`;
			tooLong.abort(new Error(`${part.name} did not start within ${timeoutMs} ms${words}`));
		}, timeoutMs);
		const { promise: aborted, reject } = Promise.withResolvers<never>();
		const onAbort = (): void => reject(signal.reason);
		signal.addEventListener('abort', onAbort, { once: true });
		try {
			await Promise.race([part.start?.(signal), aborted]);
			this.#log?.debug({ part: part.name }, 'started');
		} finally {
			timer.cancel();
			signal.removeEventListener('abort', onAbort);
		}
	}

	async #stopAll(reason: string, deadlineMs: number): Promise<StopReport> {
		const end = this.#clock.now() + deadlineMs;
		this.#log?.info({ reason }, 'stopping');
		this.#abort.abort(new Error(`stopping: ${reason}`));
		await this.#starting;
		const failures: { part: string; error: unknown }[] = [];
		for (const part of this.#started.reverse()) {
			const leftMs = Math.max(0, end - this.#clock.now());
			try {
				await this.#stopPart(part, Math.min(leftMs, part.stopTimeoutMs ?? leftMs));
				this.#log?.debug({ part: part.name }, 'stopped');
			} catch (error) {
				failures.push({ part: part.name, error });
				this.#log?.error({ err: error, part: part.name }, 'a part did not stop well');
			}
		}
		return { isClean: failures.length === 0, failures };
	}

	async #stopPart(part: Part, deadlineMs: number): Promise<void> {
		const { promise: late, reject } = Promise.withResolvers<never>();
		const timer = this.#clock.setTimer(
			() => reject(new Error(`${part.name} did not stop within ${Math.round(deadlineMs)} ms`)),
			deadlineMs,
		);
		try {
			await Promise.race([part.stop?.({ deadlineMs }), late]);
		} finally {
			timer.cancel();
		}
	}
}

/** The signals that end the operator in order, and the shell's codes for them. Unhandled, each would end it without a word. */
const stopSignals = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

export type StopSignal = keyof typeof stopSignals;

/** The part of `process` that signal handling needs. Tests replace it. */
export interface SignalSource {
	on(signal: StopSignal, listener: () => void): unknown;
	off(signal: StopSignal, listener: () => void): unknown;
	exit(code: number): void;
}

/**
 * Calls back at the first signal to stop. A second one, of any kind, ends the process at once with the shell's code for it.
 * Returns a function that removes the handlers.
 */
export function onStopSignals(callback: (signal: StopSignal) => void, source: SignalSource = process): () => void {
	let isStopping = false;
	const handlers = (Object.keys(stopSignals) as StopSignal[]).map((signal) => ({
		signal,
		listener: () => {
			if (isStopping) {
				source.exit(stopSignals[signal]);
				return;
			}
			isStopping = true;
			callback(signal);
		},
	}));
	for (const { signal, listener } of handlers) source.on(signal, listener);
	return () => {
		for (const { signal, listener } of handlers) source.off(signal, listener);
	};
}
