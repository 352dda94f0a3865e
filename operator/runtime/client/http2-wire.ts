/**
 * HTTP/2: one connection for all requests and watches, and another one when the server takes no more on it. Where the server
 * speaks HTTP/1.1 alone, that is spoken.
 */
import { type Clock, systemClock } from '../clock.ts';
import type { ConnectionBudget } from './budget.ts';
import { Dialer, type DialOptions } from './dial.ts';
import { Http1Wire, keepAliveMs } from './http1-wire.ts';
import { Http2Session } from './http2-session.ts';
import type { AnswerHandler, Wire, WireRequest } from './wire.ts';

export interface Http2WireOptions extends DialOptions {
	readonly budget: ConnectionBudget | undefined;
	readonly clock?: Clock;
}

interface Waiting {
	readonly request: WireRequest;
	readonly handler: AnswerHandler;
	/** How often it was sent in vain. */
	readonly refusals: number;
}

/** A server that did not speak HTTP/2 is asked again after this time: it may have been replaced. */
const forgetMs = 10 * 60_000;
/** A request that the server refuses unseen is sent so often again. */
const mostRefusals = 2;

export class Http2Wire implements Wire {
	readonly #options: Http2WireOptions;
	readonly #clock: Clock;
	readonly #dialer: Dialer;
	readonly #sessions = new Set<Http2Session>();
	#waiting: Waiting[] = [];
	#isDialing = false;
	#isDestroyed = false;
	#fallback: Wire | undefined;
	/** Until then the fallback takes all requests. */
	#fallbackUntil = Number.NEGATIVE_INFINITY;

	constructor(options: Http2WireOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
		this.#dialer = new Dialer(options);
	}

	dispatch(request: WireRequest, handler: AnswerHandler): void {
		this.#dispatch({ request, handler, refusals: 0 });
	}

	async destroy(): Promise<void> {
		this.#isDestroyed = true;
		for (const session of this.#sessions) session.destroy(closed());
		this.#fail(closed());
		await Promise.all([this.#dialer.destroy(), this.#fallback?.destroy()]);
	}

	#dispatch(waiting: Waiting): void {
		const { request, handler, refusals } = waiting;
		if (this.#isDestroyed) {
			handler.onResponseError(undefined, closed());
			return;
		}
		if (this.#fallback !== undefined && this.#clock.now() < this.#fallbackUntil) {
			this.#fallback.dispatch(request, handler);
			return;
		}
		for (const session of this.#sessions) {
			if (!session.hasRoom) continue;
			session.dispatch(request, handler, () => this.#refused({ request, handler, refusals: refusals + 1 }));
			return;
		}
		this.#waiting.push(waiting);
		void this.#dial();
	}

	#refused(waiting: Waiting): void {
		if (waiting.refusals <= mostRefusals) this.#dispatch(waiting);
		else
			waiting.handler.onResponseError(
				undefined,
				Object.assign(new Error('the server refuses requests unseen'), { code: 'ERR_HTTP2_STREAM_ERROR' }),
			);
	}

	/** Opens one connection after the other, until nobody waits. */
	async #dial(): Promise<void> {
		if (this.#isDialing) return;
		this.#isDialing = true;
		try {
			await this.#open();
			this.#isDialing = false;
			for (const waiting of this.#waiting.splice(0)) this.#dispatch(waiting);
		} catch (error) {
			this.#isDialing = false;
			this.#fail(error instanceof Error ? error : new Error(String(error)));
		}
	}

	async #open(): Promise<void> {
		const { origin, budget, connectTimeoutMs } = this.#options;
		const socket = await this.#dialer.dial();
		if (this.#isDestroyed) {
			socket.destroy();
			throw closed();
		}
		if (socket.alpnProtocol !== 'h2') {
			socket.destroy();
			this.#fallback ??= new Http1Wire(this.#options);
			this.#fallbackUntil = this.#clock.now() + forgetMs;
			return;
		}
		const session = new Http2Session(socket, {
			origin,
			budget,
			settingsMs: connectTimeoutMs,
			idleMs: keepAliveMs,
			onClosed: () => this.#sessions.delete(session),
			clock: this.#clock,
		});
		this.#sessions.add(session);
		await session.ready;
	}

	#fail(error: Error): void {
		for (const { handler } of this.#waiting.splice(0)) handler.onResponseError(undefined, error);
	}
}

function closed(): Error {
	return new Error('the client is closed');
}
