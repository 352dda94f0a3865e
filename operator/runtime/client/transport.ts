/**
 * Sends bytes to one API server and receives its answers: connection pools, deadlines, limits on what is read. Requests and
 * watches have separate pools, so that many long-lived watches can't starve a request of a stream or a connection.
 */
import { constants } from 'node:crypto';
import type { LookupFunction, Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Credentials, Grant, TlsMaterial } from '../credentials/grant.ts';
import { RequestError, TransientError } from '../errors.ts';
import type { ConnectionBudget } from './budget.ts';
import { type Answer, type BodyReader, Exchange, type InFlight, type Outgoing, type Sink } from './exchange.ts';
import { GatheredBytes } from './gathered-bytes.ts';

export interface TransportOptions {
	/** Connections in the pool for requests. */
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

interface Pools {
	readonly tls: TlsMaterial;
	readonly requests: Dispatcher;
	readonly watches: Dispatcher;
}

/** Keep idle connections this long. kube-apiserver closes them after 90 s (IdleTimeout of k8s.io/apiserver). */
const keepAliveMs = 75_000;
/** End a retired pool after `retireMs`. Until then requests in flight may finish on it. */
const retireMs = 30_000;

export class Transport {
	readonly #credentials: Credentials;
	readonly #options: TransportOptions;
	readonly #origin: string;
	/** Path of the server's URL, when it has one (`/k8s/clusters/c-1`). */
	readonly #prefix: string;
	readonly #retired = new Map<Dispatcher, NodeJS.Timeout>();
	#pools: Pools | undefined;
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
					// undici sends a request again when the server refused it unseen (GOAWAY): then the answer begins anew.
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
		const pools = this.#pools;
		this.#pools = undefined;
		const dispatchers = [...this.#retired.keys()];
		for (const timer of this.#retired.values()) {
			clearTimeout(timer);
		}
		this.#retired.clear();
		if (pools !== undefined) {
			dispatchers.push(pools.requests, pools.watches);
		}
		await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()));
	}

	#dispatch(grant: Grant, which: 'requests' | 'watches', outgoing: Outgoing, sink: Sink): InFlight {
		const pool = this.#isClosed ? undefined : this.#poolsFor(grant.tls)[which];
		const { budget, isForeign } = this.#options;
		const exchange = new Exchange(outgoing, sink, { budget, isForeign });
		if (budget?.offence !== undefined) {
			exchange.fail(budget.offence);
			return exchange;
		}
		if (pool === undefined) {
			exchange.fail(new TransientError(`${outgoing.description}: the client is closed`));
			return exchange;
		}
		const headers: Record<string, string | string[]> = { ...outgoing.headers, ...grant.headers };
		if (grant.authorization !== undefined) {
			headers.authorization = grant.authorization;
		}
		pool.dispatch(
			{
				origin: this.#origin,
				method: outgoing.method,
				path: this.#prefix + outgoing.path,
				headers,
				body: outgoing.body ?? null,
				// The caller's one deadline covers connecting, waiting and reading.
				headersTimeout: 0,
				bodyTimeout: 0,
			},
			exchange,
		);
		return exchange;
	}

	#poolsFor(tls: TlsMaterial): Pools {
		const pools = this.#pools;
		if (pools?.tls === tls) {
			return pools;
		}
		if (pools !== undefined) {
			this.#retire(pools.requests);
			this.#retire(pools.watches);
		}
		const secureContext = secureContextOf(tls);
		const created = {
			tls,
			requests: this.#newPool(tls, secureContext, 'requests'),
			watches: this.#newPool(tls, secureContext, 'watches'),
		};
		this.#pools = created;
		return created;
	}

	#newPool(tls: TlsMaterial, secureContext: SecureContext | undefined, which: 'requests' | 'watches'): Dispatcher {
		const { connections, connectTimeoutMs, lookup } = this.#options;
		const resolver = lookup === undefined ? {} : { lookup };
		const connect = {
			...resolver,
			...(secureContext === undefined ? {} : { secureContext }),
			...(tls.ca === undefined ? {} : { ca: tls.ca }),
			...(tls.cert === undefined ? {} : { cert: tls.cert }),
			...(tls.key === undefined ? {} : { key: tls.key }),
			...(tls.servername === undefined ? {} : { servername: tls.servername }),
			...(tls.insecure === true ? { rejectUnauthorized: false } : {}),
			timeout: connectTimeoutMs,
			keepAlive: true,
			keepAliveInitialDelay: 30_000,
		};
		const shared = {
			// Over HTTP/1.1 a write costs less time and CPU, and ending a request ends its connection, which is what a half-open
			// one needs. HTTP/2 would save some 75 KB for each connection to hundreds of API servers, but many writes with bodies
			// that are ended half-way make Node 24.21 with undici 8.12 and 8.13 take memory without end.
			allowH2: false,
			keepAliveTimeout: keepAliveMs,
			keepAliveMaxTimeout: keepAliveMs,
			headersTimeout: 0,
			bodyTimeout: 0,
			...(which === 'requests' ? { connections } : {}),
		};
		const proxy = this.#credentials.proxyUrl;
		return proxy === undefined
			? new Pool(this.#origin, { ...shared, connect: this.#metered(connect) })
			: new ProxyAgent({
					...shared,
					uri: proxy,
					// Only the proxy's name is resolved here.
					proxyTls: resolver,
					requestTls: connect,
					connectTimeout: connectTimeoutMs,
					factory: (origin, options: Pool.Options) =>
						new Pool(origin, { ...options, connect: this.#metered(options.connect ?? {}) }),
				});
	}

	/** Connections whose bytes are counted as they come, where there is a budget. */
	#metered(to: NonNullable<Pool.Options['connect']>): NonNullable<Pool.Options['connect']> {
		const { budget } = this.#options;
		if (budget === undefined) return to;
		const connect = typeof to === 'function' ? to : buildConnector({ ...to, allowH2: false });
		return (target, callback) =>
			connect(target, (...result) => {
				const [error, socket] = result;
				if (error === null && socket !== null) meter(socket, budget);
				callback(...result);
			});
	}

	#retire(dispatcher: Dispatcher): void {
		const timer = setTimeout(() => {
			this.#retired.delete(dispatcher);
			// A request that still waits on it learns of that by its own failure.
			dispatcher.destroy().catch(() => undefined);
		}, retireMs);
		timer.unref();
		this.#retired.set(dispatcher, timer);
	}
}

/**
 * One context serves all connections. Otherwise each connection parses and keeps the certificates: tens of kilobytes.
 * Undefined when they can't be parsed; then each connection fails with a message about it.
 */
function secureContextOf({ ca, cert, key }: TlsMaterial): SecureContext | undefined {
	try {
		// A server that asks for new handshakes on an open connection would cost time that nobody counts. API servers never do:
		// Go's TLS has no renegotiation on the server's side (crypto/tls Config.Renegotiation).
		return createSecureContext({ ca, cert, key, secureOptions: constants.SSL_OP_NO_RENEGOTIATION });
	} catch {
		return undefined;
	}
}

function meter(socket: Socket, budget: ConnectionBudget): void {
	let seen = socket.bytesRead;
	socket.on('readable', () => {
		const more = socket.bytesRead - seen;
		seen += more;
		try {
			budget.received(more);
		} catch (error) {
			socket.destroy(error instanceof Error ? error : new Error(String(error)));
		}
	});
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
