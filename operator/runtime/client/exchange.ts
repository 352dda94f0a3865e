/** One request in flight: undici's callbacks, which end exactly once here. What it reads is paid from the budget. */
import type { Dispatcher } from 'undici';
import type { Clock, Timer } from '../clock.ts';
import { type ConnectionBudget, workTimeMs } from './budget.ts';
import { connectionError } from './connection-failure.ts';
import type { ByteShare } from './shared-bytes.ts';

/** Takes in the body of an answer. */
export interface BodyReader {
	/** Takes in a piece. What it throws ends the request. */
	push(piece: Buffer): void;
	/** Bytes of memory that it holds now. */
	readonly held: number;
	/** What is left of the body at its end. */
	end(): Buffer;
}

export interface Outgoing {
	readonly method: string;
	/** With the query, but without the path of the server's URL. */
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: string | undefined;
	/** What the request is, for messages: `GET Deployment a/b`. */
	readonly description: string;
	/**
	 * Called synchronously right before the request is sent. When it throws, nothing is sent and the request ends with that
	 * error.
	 */
	readonly beforeSend?: (() => void) | undefined;
	/** Makes what takes in the body, for each answer that begins. Default: the body is gathered as a whole. */
	readonly reader?: (() => BodyReader) | undefined;
}

export interface Answer {
	readonly status: number;
	readonly headers: Dispatcher.ResponseData['headers'];
	readonly body: Buffer;
}

/**
 * Receives an answer piece by piece. All callbacks are synchronous; exactly one of `end` and `fail` comes last. What `start`
 * and `data` throw ends the request.
 */
export interface Sink {
	start(status: number, headers: Dispatcher.ResponseData['headers']): void;
	data(chunk: Buffer): void;
	/** Bytes of memory that it holds now. Default 0. */
	readonly held?: number;
	end(): void;
	fail(error: Error): void;
}

/** A request in flight, as its sender sees it. */
export interface InFlight {
	/** Ends the request with this error, unless it has ended already. A request that waits for a connection is not sent. */
	fail(error: unknown): void;
}

export class Exchange implements Dispatcher.DispatchHandler, InFlight {
	readonly #outgoing: Outgoing;
	readonly #sink: Sink;
	#controller: Dispatcher.DispatchController | undefined;
	readonly #budget: ConnectionBudget | undefined;
	readonly #share: ByteShare | undefined;
	readonly #isForeign: boolean;
	#interim = 0;
	#isPaused = false;
	/** Reading waits until this time, and for as much room. */
	#pausedUntil = 0;
	#rooms = 0;
	#timer: Timer | undefined;
	#isOver = false;

	constructor(
		outgoing: Outgoing,
		sink: Sink,
		{ budget, isForeign }: { readonly budget: ConnectionBudget | undefined; readonly isForeign: boolean },
	) {
		this.#outgoing = outgoing;
		this.#sink = sink;
		this.#budget = budget;
		this.#isForeign = isForeign;
		this.#share = budget?.newShare();
	}

	fail(error: unknown): void {
		if (this.#isOver) {
			return;
		}
		this.#end();
		const reason = error instanceof Error ? error : new Error('aborted', { cause: error });
		this.#controller?.abort(reason);
		this.#sink.fail(reason);
	}

	onRequestStart(controller: Dispatcher.DispatchController): void {
		this.#controller = controller;
		if (this.#isOver) {
			controller.abort(new Error('given up before it was sent'));
			return;
		}
		try {
			this.#outgoing.beforeSend?.();
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseStart(
		_controller: Dispatcher.DispatchController,
		status: number,
		headers: Dispatcher.ResponseData['headers'],
	): void {
		if (this.#isOver) return;
		try {
			if (status >= 200) this.#sink.start(status, headers);
			else if (this.#budget !== undefined && ++this.#interim > this.#budget.limits.interim)
				throw this.#budget.offend(`sent more than ${this.#budget.limits.interim} interim answers (1xx) to one request`);
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
		if (this.#isOver) return;
		const budget = this.#budget;
		const startedAt = budget === undefined ? 0 : workTimeMs();
		try {
			this.#sink.data(chunk);
			// Whoever takes in data may end the request.
			if (budget === undefined || this.#isOver) return;
			const pauseMs = budget.worked(workTimeMs() - startedAt, chunk.length);
			const room = this.#share?.resize(this.#sink.held ?? 0);
			if (pauseMs > 0 || room !== undefined) this.#wait(controller, budget, pauseMs, room);
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseEnd(): void {
		if (this.#isOver) return;
		const startedAt = this.#budget === undefined ? 0 : workTimeMs();
		this.#end();
		this.#sink.end();
		try {
			this.#budget?.worked(workTimeMs() - startedAt, 0);
		} catch {
			// The offence is known to the budget, and this answer has ended.
		}
	}

	onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
		if (!this.#isOver) {
			this.#end();
			this.#sink.fail(connectionError(this.#outgoing.description, error, this.#isForeign));
		}
	}

	/**
	 * Reads nothing more until the time is over and there is room. What has been read from the connection is taken in to its
	 * end first. Otherwise undici would put the rest back each time, read as much again, and hold more and more.
	 */
	#wait(
		controller: Dispatcher.DispatchController,
		{ clock }: ConnectionBudget,
		pauseMs: number,
		room: Promise<void> | undefined,
	): void {
		this.#pausedUntil = Math.max(this.#pausedUntil, clock.now() + pauseMs);
		if (room !== undefined) {
			this.#rooms++;
			room.then(
				() => {
					this.#rooms--;
					this.#goOn(controller, clock);
				},
				(error: unknown) => this.fail(error),
			);
		}
		if (this.#isPaused) return;
		this.#isPaused = true;
		queueMicrotask(() => {
			if (this.#isPaused && !this.#isOver) controller.pause();
		});
		this.#goOn(controller, clock);
	}

	#goOn(controller: Dispatcher.DispatchController, clock: Clock): void {
		if (!this.#isPaused || this.#isOver || this.#rooms > 0 || this.#timer !== undefined) return;
		const leftMs = this.#pausedUntil - clock.now();
		if (leftMs <= 0) {
			this.#isPaused = false;
			controller.resume();
			return;
		}
		this.#timer = clock.setTimer(() => {
			this.#timer = undefined;
			this.#goOn(controller, clock);
		}, leftMs);
	}

	#end(): void {
		this.#isOver = true;
		this.#timer?.cancel();
		this.#share?.close();
	}
}
