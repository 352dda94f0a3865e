/**
 * One connection that speaks HTTP/2, and the requests and watches on it. A connection that has fallen silent is asked by a
 * PING whether it still lives: over HTTP/2 a request that ends does not end its connection, and a half-open one would swallow
 * whatever is sent on it.
 */
import {
	type ClientHttp2Session,
	type ClientHttp2Stream,
	connect,
	constants,
	type IncomingHttpHeaders,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Clock, systemClock, type Timer } from '../clock.ts';
import type { ConnectionBudget } from './budget.ts';
import { MeteredSocket } from './metered-socket.ts';
import type { AnswerControl, AnswerHandler, WireRequest } from './wire.ts';

export interface Http2SessionOptions {
	readonly origin: string;
	readonly budget: ConnectionBudget | undefined;
	/** The server's settings have come within this time, or the connection ends. */
	readonly settingsMs: number;
	/** Close the connection when nothing was on it for this time. */
	readonly idleMs: number;
	readonly onClosed: (session: Http2Session) => void;
	readonly clock?: Clock;
}

/** The same as client-go's (golang.org/x/net/http2 `ReadIdleTimeout` and `PingTimeout`, set in apimachinery/pkg/util/net). */
const silentMs = 30_000;
const pingMs = 15_000;
/** A request that gets no answer for this time makes the connection doubtful. */
const doubtfulMs = 5_000;

/** What a server may have sent ahead of what is taken in. Bytes. */
interface Windows {
	/** For each request. */
	readonly stream: number;
	/** For all of them. The library gives it back at once, so it bounds nothing, but how much is under way. */
	readonly connection: number;
}

/** The same as Go's client (golang.org/x/net/http2 `transportDefaultStreamFlow`). */
const openWindows: Windows = { stream: 4 * 1024 * 1024, connection: 16 * 1024 * 1024 };
/** A server with a budget. A list of a mebibyte takes eight round trips. */
const boundedWindows: Windows = { stream: 128 * 1024, connection: 1024 * 1024 };

/** Node's limits. What a server sends within them is counted by the budget. */
const limits = {
	/** Megabytes that the library itself may hold for one connection. */
	maxSessionMemory: 4,
	maxHeaderListPairs: 100,
	maxReservedRemoteStreams: 0,
	maxSettings: 16,
	maxSessionInvalidFrames: 10,
} as const;
const maxHeaderListSize = 32 * 1024;

export class Http2Session {
	readonly #options: Http2SessionOptions;
	readonly #clock: Clock;
	readonly #socket: TLSSocket;
	readonly #metered: MeteredSocket | undefined;
	readonly #session: ClientHttp2Session;
	/** Resolves once the server has sent its settings, and can take requests. Rejects when it is not to be. */
	readonly ready: Promise<void>;
	#most = 1;
	#open = 0;
	#isGoingAway = false;
	#why: Error | undefined;
	#timer: Timer | undefined;
	#pingedAt: number | undefined;
	#heardAt: number;
	#usedAt: number;

	constructor(socket: TLSSocket, options: Http2SessionOptions) {
		const { origin, budget, clock = systemClock } = options;
		this.#options = options;
		this.#clock = clock;
		this.#socket = socket;
		this.#heardAt = clock.now();
		this.#usedAt = clock.now();
		this.#metered = budget === undefined ? undefined : new MeteredSocket(socket, budget);
		const windows = budget === undefined ? openWindows : boundedWindows;
		const session = connect(origin, {
			...limits,
			settings: { enablePush: false, initialWindowSize: windows.stream, maxHeaderListSize },
			createConnection: () => this.#metered ?? socket,
		});
		this.#session = session;
		session.once('connect', () => session.setLocalWindowSize(windows.connection));
		session.on('goaway', () => {
			this.#isGoingAway = true;
		});
		session.on('remoteSettings', ({ maxConcurrentStreams }) => {
			this.#most = Math.max(1, maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
		});
		session.on('error', (error) => {
			this.#why ??= error;
		});
		session.once('close', () => this.#closed());
		this.ready = new Promise((resolve, reject) => {
			session.once('remoteSettings', () => {
				this.#watchOver(silentMs);
				resolve();
			});
			session.once('close', () => reject(this.#reason()));
		});
		this.#timer = clock.setTimer(() => {
			this.destroy(coded('ETIMEDOUT', `no settings came within ${options.settingsMs / 1_000} s`));
		}, options.settingsMs);
	}

	/** Whether one more request may be sent on it. */
	get hasRoom(): boolean {
		return !this.#isGoingAway && !this.#session.closed && !this.#session.destroyed && this.#open < this.#most;
	}

	/**
	 * Sends a request.
	 * @param onUnseen called instead of the handler when the server has not looked at the request
	 */
	dispatch(request: WireRequest, handler: AnswerHandler, onUnseen: () => void): void {
		let stream: ClientHttp2Stream | undefined;
		let isOver = false;
		let hasAnswered = false;
		const metered = this.#metered;
		const sentAt = this.#clock.now();
		const control: AnswerControl = {
			pause: () => void stream?.pause(),
			resume: () => void stream?.resume(),
			abort: () => {
				if (isOver) return;
				isOver = true;
				// Node 24.21 counts what was not sent of a body for ever. Once that is more than its limit, no answer comes any more.
				if (request.body !== undefined && stream?.writableFinished === false) this.#isGoingAway = true;
				// While it is paused it would never come to its end.
				stream?.close(constants.NGHTTP2_CANCEL);
				stream?.destroy();
				if (!hasAnswered && this.#clock.now() - Math.max(sentAt, this.#heardAt) >= doubtfulMs) this.#ping();
			},
			get heldBackMs() {
				return metered?.heldBackMs ?? 0;
			},
		};
		handler.onRequestStart(control);
		if (isOver) return;
		try {
			stream = this.#session.request(
				{
					...(request.headers as Record<string, string>),
					':method': request.method,
					':path': request.path,
				},
				{ endStream: request.body === undefined },
			);
		} catch (error) {
			// It has been closed just now, or it has no numbers left for streams.
			isOver = true;
			this.#isGoingAway = true;
			if (this.#session.destroyed || this.#session.closed) onUnseen();
			else handler.onResponseError(control, error instanceof Error ? error : new Error(String(error)));
			return;
		}
		this.#open++;
		const opened = stream;
		const started = (headers: IncomingHttpHeaders) => {
			hasAnswered = true;
			this.#heard();
			if (!isOver) handler.onResponseStart(control, Number(headers[':status']), headers);
		};
		opened.on('headers', started);
		opened.on('response', (headers) => {
			started(headers);
			if (isOver) return;
			// Not before: what comes with the head would come before it.
			opened.on('data', (chunk: Buffer) => {
				this.#heard();
				if (!isOver) handler.onResponseData(control, chunk);
			});
			opened.on('end', () => {
				// A stream that was broken off ends as well.
				if (isOver || opened.rstCode !== constants.NGHTTP2_NO_ERROR) return;
				isOver = true;
				handler.onResponseEnd(control);
			});
		});
		opened.on('error', (error) => {
			this.#why ??= this.#session.destroyed ? error : undefined;
		});
		opened.once('close', () => {
			this.#open--;
			this.#usedAt = this.#clock.now();
			if (isOver) return;
			isOver = true;
			if (opened.rstCode === constants.NGHTTP2_REFUSED_STREAM && !hasAnswered) onUnseen();
			else handler.onResponseError(control, this.#reasonOf(opened));
		});
		if (request.body !== undefined) opened.end(request.body);
	}

	/** Ends it at once. */
	destroy(why: Error): void {
		this.#why ??= why;
		// Without an error, answers that are under way would come to their end as if they were whole.
		this.#session.destroy(why);
		// A session that was closing already only ends its connection in order, and waits for the other side.
		setImmediate(() => this.#end());
	}

	#reasonOf({ rstCode }: ClientHttp2Stream): Error {
		return this.#session.destroyed
			? this.#reason()
			: coded('ERR_HTTP2_STREAM_ERROR', `the server broke off the answer (code ${rstCode} of HTTP/2)`);
	}

	#reason(): Error {
		return this.#why ?? coded('ECONNRESET', 'the server closed the connection');
	}

	#closed(): void {
		this.#timer?.cancel();
		this.#end();
		this.#options.onClosed(this);
	}

	#end(): void {
		(this.#metered ?? this.#socket).destroy();
	}

	#heard(): void {
		this.#heardAt = this.#clock.now();
		this.#pingedAt = undefined;
	}

	/** Looks again after this time whether it still lives, and whether anybody uses it. */
	#watchOver(afterMs: number): void {
		this.#timer?.cancel();
		this.#timer = this.#clock.setTimer(() => {
			// What is not read now can't be heard.
			if (this.#metered?.isHeld === true) this.#heard();
			const now = this.#clock.now();
			const silent = now - this.#heardAt;
			if (this.#open === 0 && now - this.#usedAt >= this.#options.idleMs) {
				this.#isGoingAway = true;
				this.#session.close();
			} else if (this.#pingedAt !== undefined && now - this.#pingedAt >= pingMs) {
				this.destroy(
					coded('ETIMEDOUT', `the connection was silent for ${Math.round(silent / 1_000)} s, also to a PING`),
				);
			} else if (this.#open > 0 && silent >= silentMs) this.#ping();
			else this.#watchOver(Math.max(1_000, silentMs - silent));
		}, afterMs);
	}

	/** Asks whether the other side still lives. Whatever comes is an answer. */
	#ping(): void {
		if (this.#session.destroyed || this.#pingedAt !== undefined) return;
		this.#pingedAt = this.#clock.now();
		this.#session.ping((error) => {
			if (error === null) this.#heard();
		});
		this.#watchOver(pingMs);
	}
}

function coded(code: string, message: string): Error {
	return Object.assign(new Error(message), { code });
}
