/**
 * Sends bytes to one API server and receives its answers: credentials, the version of HTTP, limits on what is read. Over
 * HTTP/1.1 requests and watches have connections of their own, so that watches that last can't starve a request of one.
 */
import type { LookupFunction } from 'node:net';
import type { Credentials, Grant, TlsMaterial } from '../credentials/grant.ts';
import { RequestError, TransientError } from '../errors.ts';
import type { ConnectionBudget } from './budget.ts';
import { type Answer, type BodyReader, Exchange, type InFlight, type Outgoing, type Sink } from './exchange.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { Http1Wire } from './http1-wire.ts';
import { Http2Wire } from './http2-wire.ts';
import type { Wire } from './wire.ts';

/** For what HTTP/2 is offered. */
export type Http2Use = 'everything' | 'watches' | 'nothing';

export interface TransportOptions {
	/** See `ApiServerOptions.http2`. */
	readonly http2: Http2Use;
	/** Connections for requests over HTTP/1.1. */
	readonly connections: number;
	/** Longest body of an answer that is read. */
	readonly maxResponseBytes: number;
	readonly connectTimeoutMs: number;
	/** See `ApiServerOptions.lookup`. */
	readonly lookup?: LookupFunction | undefined;
	/** See `ApiServerOptions.budget`. */
	readonly budget?: ConnectionBudget | undefined;
	/** See `ApiServerOptions.isForeign`. */
	readonly isForeign: boolean;
}

/** The connections with one set of certificates. */
interface Wires {
	readonly tls: TlsMaterial;
	readonly requests: Wire;
	readonly watches: Wire;
}

/** End retired connections after `retireMs`. Until then requests in flight may finish on them. */
const retireMs = 30_000;

export class Transport {
	readonly #credentials: Credentials;
	readonly #options: TransportOptions;
	readonly #origin: string;
	/** Path of the server's URL, when it has one (`/k8s/clusters/c-1`). */
	readonly #prefix: string;
	readonly #retired = new Map<Wire, NodeJS.Timeout>();
	#wires: Wires | undefined;
	#isClosed = false;

	constructor(credentials: Credentials, options: TransportOptions) {
		this.#credentials = credentials;
		this.#options = options;
		const url = new URL(credentials.url);
		if (url.protocol !== 'https:' && url.protocol !== 'http:') {
			throw new TypeError(`the API server's URL must begin with https:// or http://, not ${url.protocol}//`);
		}
		this.#origin = url.origin;
		this.#prefix = url.pathname === '/' ? '' : url.pathname.replace(/\/+$/, '');
	}

	/** `host:port`, for metrics and messages. */
	get host(): string {
		return new URL(this.#origin).host;
	}

	/** Sends a request and reads the whole answer. `fail` ends it early: at a deadline, or by the caller's signal. */
	send(outgoing: Outgoing, onStarted: (request: InFlight) => void): Promise<Answer> {
		const grant = this.#credentials.grant();
		return grant instanceof Promise
			? grant.then((value) => this.#send(value, outgoing, onStarted))
			: this.#send(grant, outgoing, onStarted);
	}

	#send(grant: Grant, outgoing: Outgoing, onStarted: (request: InFlight) => void): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const newReader =
				outgoing.reader ?? (() => new WholeBody(this.#mostBytes, () => this.#tooLong(outgoing.description, status)));
			let reader = newReader();
			let status = 0;
			let headers: Answer['headers'] = {};
			const exchange = this.#dispatch(grant, 'requests', outgoing, {
				start: (answerStatus, answerHeaders) => {
					// A request is sent again when the server refused it unseen (GOAWAY): then the answer begins anew.
					status = answerStatus;
					headers = answerHeaders;
					reader = newReader();
				},
				data: (chunk) => reader.push(chunk),
				get held() {
					return reader.held;
				},
				end: () => {
					try {
						resolve({ status, headers, body: reader.end() });
					} catch (error) {
						reject(error);
					}
				},
				fail: reject,
			});
			onStarted(exchange);
		});
	}

	get #mostBytes(): number {
		const { budget, maxResponseBytes } = this.#options;
		return Math.min(maxResponseBytes, budget?.limits.document.bytes ?? maxResponseBytes);
	}

	#tooLong(description: string, status: number): Error {
		const words = `longer than ${this.#mostBytes} bytes`;
		return (
			this.#options.budget?.offend(`sent an answer that is ${words}`) ??
			new RequestError(`${description}: the answer is ${words}`, { status, reason: 'ResponseTooLarge' })
		);
	}

	/** Sends a request whose answer lasts, a watch, on a connection for watches. Returns a handle that ends it. */
	async stream(outgoing: Outgoing, sink: Sink): Promise<InFlight> {
		return this.#dispatch(await this.#credentials.grant(), 'watches', outgoing, sink);
	}

	/** Drops cached credentials after a 401. Returns false when a new attempt can't differ. */
	refreshCredentials(): boolean {
		return this.#credentials.refresh();
	}

	/** Ends everything at once. Requests in flight fail. */
	async close(): Promise<void> {
		this.#isClosed = true;
		const wires = new Set(this.#retired.keys());
		for (const timer of this.#retired.values()) clearTimeout(timer);
		this.#retired.clear();
		if (this.#wires !== undefined) wires.add(this.#wires.requests).add(this.#wires.watches);
		this.#wires = undefined;
		await Promise.all([...wires].map((wire) => wire.destroy()));
	}

	#dispatch(grant: Grant, which: 'requests' | 'watches', outgoing: Outgoing, sink: Sink): InFlight {
		const wire = this.#isClosed ? undefined : this.#wiresFor(grant.tls)[which];
		const { budget, isForeign } = this.#options;
		const exchange = new Exchange(outgoing, sink, { budget, isForeign });
		if (budget?.offence !== undefined) {
			exchange.fail(budget.offence);
			return exchange;
		}
		if (wire === undefined) {
			exchange.fail(new TransientError(`${outgoing.description}: the client is closed`));
			return exchange;
		}
		const headers: Record<string, string | string[]> = { ...outgoing.headers, ...grant.headers };
		if (grant.authorization !== undefined) {
			headers.authorization = grant.authorization;
		}
		const { method, path, body } = outgoing;
		wire.dispatch({ method, path: this.#prefix + path, headers, body }, exchange);
		return exchange;
	}

	#wiresFor(tls: TlsMaterial): Wires {
		const wires = this.#wires;
		if (wires?.tls === tls) return wires;
		if (wires !== undefined) for (const wire of new Set([wires.requests, wires.watches])) this.#retire(wire);
		this.#wires = { tls, ...this.#newWires(tls) };
		return this.#wires;
	}

	#newWires(tls: TlsMaterial): Pick<Wires, 'requests' | 'watches'> {
		const { connections, connectTimeoutMs, lookup, budget, http2 } = this.#options;
		const { proxyUrl } = this.#credentials;
		const options = { origin: this.#origin, tls, proxyUrl, connectTimeoutMs, lookup, budget };
		// Only TLS says which versions the server speaks.
		const isOffered = http2 !== 'nothing' && this.#origin.startsWith('https:');
		const watches = isOffered ? new Http2Wire(options) : new Http1Wire(options);
		const requests = isOffered && http2 === 'everything' ? watches : new Http1Wire({ ...options, connections });
		return { requests, watches };
	}

	#retire(wire: Wire): void {
		const timer = setTimeout(() => {
			this.#retired.delete(wire);
			// A request that still waits on it learns of that by its own failure.
			wire.destroy().catch(() => undefined);
		}, retireMs);
		timer.unref();
		this.#retired.set(wire, timer);
	}
}

/** Gathers a body up to a length. */
class WholeBody implements BodyReader {
	readonly #most: number;
	readonly #tooLong: () => Error;
	readonly #gathered = new GatheredBytes();

	constructor(most: number, tooLong: () => Error) {
		this.#most = most;
		this.#tooLong = tooLong;
	}

	get held(): number {
		return this.#gathered.held;
	}

	push(piece: Buffer): void {
		if (this.#gathered.length + piece.length > this.#most) throw this.#tooLong();
		this.#gathered.push(piece);
	}

	end(): Buffer {
		return this.#gathered.take();
	}
}
