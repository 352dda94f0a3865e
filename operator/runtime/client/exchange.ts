/** One request in flight, whose answer ends exactly once here. What it reads is paid from the budget. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Timer } from '../clock.ts';
import { type ConnectionBudget, workTimeMs } from './budget.ts';
import { connectionError } from './connection-failure.ts';
import { Backlog } from './gathered-bytes.ts';
import type { ByteShare } from './shared-bytes.ts';
import type { AnswerControl, AnswerHandler } from './wire.ts';

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
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
}

/**
 * Receives an answer piece by piece. All callbacks are synchronous; exactly one of `end` and `fail` comes last. What `start`
 * and `data` throw ends the request.
 */
export interface Sink {
	start(status: number, headers: IncomingHttpHeaders): void;
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
	/** How long its answer was not read because the server has taken its part. Milliseconds. */
	readonly heldBackMs: number;
}

/** What a server with a budget sends is taken in by so many bytes at a time, so that no piece costs more than milliseconds. */
const pieceBytes = 8 * 1024;

export class Exchange implements AnswerHandler, InFlight {
	readonly #outgoing: Outgoing;
	readonly #sink: Sink;
	#controller: AnswerControl | undefined;
	readonly #budget: ConnectionBudget | undefined;
	readonly #share: ByteShare | undefined;
	readonly #isForeign: boolean;
	#interim = 0;
	/** What has come, and is not taken in yet. Only with a budget. */
	readonly #backlog = new Backlog();
	/** Nothing is taken in until its time, and until there is as much room. */
	#timer: Timer | undefined;
	#rooms = 0;
	#isPaused = false;
	#heldBackMs = 0;
	#heldBackSince: number | undefined;
	/** The answer has come to its end, though it may not be taken in yet. */
	#hasCome = false;
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

	get heldBackMs(): number {
		const nowMs = this.#heldBackSince === undefined ? 0 : (this.#budget?.clock.now() ?? 0) - this.#heldBackSince;
		return this.#heldBackMs + nowMs + (this.#controller?.heldBackMs ?? 0);
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

	onRequestStart(controller: AnswerControl): void {
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

	onResponseStart(_controller: AnswerControl, status: number, headers: IncomingHttpHeaders): void {
		if (this.#isOver) return;
		try {
			if (status >= 200) this.#sink.start(status, headers);
			else if (this.#budget !== undefined && ++this.#interim > this.#budget.limits.interim)
				throw this.#budget.offend(`sent more than ${this.#budget.limits.interim} interim answers (1xx) to one request`);
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseData(controller: AnswerControl, chunk: Buffer): void {
		if (this.#isOver) return;
		const budget = this.#budget;
		try {
			if (budget === undefined) {
				this.#sink.data(chunk);
				return;
			}
			budget.arrived(chunk.length);
			this.#backlog.push(chunk);
			this.#takeIn(controller, budget);
			if (!this.#backlog.isEmpty) this.#takeRoom(controller, budget);
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseEnd(controller: AnswerControl): void {
		if (this.#isOver) return;
		this.#hasCome = true;
		try {
			if (this.#budget === undefined) this.#finish();
			else this.#takeIn(controller, this.#budget);
		} catch (error) {
			this.fail(error);
		}
	}

	onResponseError(_controller: AnswerControl | undefined, error: Error): void {
		if (!this.#isOver) {
			this.#end();
			this.#sink.fail(connectionError(this.#outgoing.description, error, this.#isForeign));
		}
	}

	/**
	 * Takes in what has come, for as long as the budget lasts. Nothing is taken in, not even the first piece, while there is
	 * nothing left of it; then reading ends as well, and the server has to wait.
	 */
	#takeIn(controller: AnswerControl, budget: ConnectionBudget): void {
		while (!this.#isOver) {
			if (this.#isWaiting(controller, budget)) {
				this.#heldBackSince ??= budget.clock.now();
				return;
			}
			this.#noteHeldBack(budget);
			if (this.#backlog.isEmpty) {
				if (this.#hasCome) this.#finish();
				else this.#resume(controller);
				return;
			}
			const workedMs = workTimeMs();
			const startedAt = budget.clock.now();
			this.#sink.data(this.#backlog.shift(pieceBytes));
			// Whoever takes in data may end the request.
			if (this.#isOver) return;
			budget.worked(workTimeMs() - workedMs, budget.clock.now() - startedAt);
			this.#takeRoom(controller, budget);
		}
	}

	#noteHeldBack({ clock }: ConnectionBudget): void {
		if (this.#heldBackSince !== undefined) this.#heldBackMs += clock.now() - this.#heldBackSince;
		this.#heldBackSince = undefined;
	}

	/** Whether it has to wait now. Takes care that it goes on. */
	#isWaiting(controller: AnswerControl, budget: ConnectionBudget): boolean {
		if (this.#timer !== undefined || this.#rooms > 0) return true;
		const waitMs = budget.waitMs();
		if (waitMs <= 0) return false;
		this.#timer = budget.clock.setTimer(() => {
			this.#timer = undefined;
			this.#goOn(controller, budget);
		}, waitMs);
		this.#pause(controller);
		return true;
	}

	/** Has the memory counted that this answer takes. Waits until there is room. */
	#takeRoom(controller: AnswerControl, budget: ConnectionBudget): void {
		const room = this.#share?.resize((this.#sink.held ?? 0) + this.#backlog.held);
		if (room === undefined) return;
		this.#rooms++;
		this.#pause(controller);
		room.then(
			() => {
				this.#rooms--;
				this.#goOn(controller, budget);
			},
			(error: unknown) => this.fail(error),
		);
	}

	#goOn(controller: AnswerControl, budget: ConnectionBudget): void {
		try {
			this.#takeIn(controller, budget);
		} catch (error) {
			this.fail(error);
		}
	}

	/**
	 * Reads nothing more for now. What has been read from the connection comes to its end first. Otherwise undici would put
	 * the rest back each time, read as much again, and hold more and more.
	 */
	#pause(controller: AnswerControl): void {
		if (this.#isPaused || this.#hasCome) return;
		this.#isPaused = true;
		queueMicrotask(() => {
			if (this.#isPaused && !this.#isOver && !this.#hasCome) controller.pause();
		});
	}

	#resume(controller: AnswerControl): void {
		if (!this.#isPaused) return;
		this.#isPaused = false;
		controller.resume();
	}

	/** The answer is taken in to its end. */
	#finish(): void {
		const startedAt = this.#budget === undefined ? 0 : workTimeMs();
		this.#end();
		this.#sink.end();
		try {
			this.#budget?.worked(workTimeMs() - startedAt);
		} catch {
			// The offence is known to the budget, and this answer has ended.
		}
	}

	#end(): void {
		this.#isOver = true;
		this.#timer?.cancel();
		this.#backlog.clear();
		this.#share?.close();
	}
}
