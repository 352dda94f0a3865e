/**
 * Sends bytes to one API server and receives its answers: connection pools, deadlines, limits on what is read. Requests and
 * watches have separate pools, so that many long-lived watches can't starve a request of a stream or a connection.
 */
import type { LookupFunction } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Credentials, Grant, TlsMaterial } from '../credentials/grant.ts';
import { isOperatorError, RequestError, TransientError } from '../errors.ts';

export interface TransportOptions {
	/** Connections in the pool for requests. */
	readonly connections: number;
	/** Longest body of an answer that is read. */
	readonly maxResponseBytes: number;
	readonly connectTimeoutMs: number;
	/** See `ApiServerOptions.lookup`. */
	readonly lookup?: LookupFunction | undefined;
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
}

export interface Answer {
	readonly status: number;
	readonly headers: Dispatcher.ResponseData['headers'];
	readonly body: Buffer;
}

/** Receives a long answer piece by piece. All callbacks are synchronous; exactly one of `end` and `fail` comes last. */
export interface Sink {
	start(status: number, headers: Dispatcher.ResponseData['headers']): void;
	data(chunk: Buffer): void;
	end(): void;
	fail(error: Error): void;
}

/** A request in flight, as its sender sees it. */
export interface InFlight {
	/** Ends the request with this error, unless it has ended already. A request that waits for a connection is not sent. */
	fail(error: unknown): void;
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
			const chunks: Buffer[] = [];
			let length = 0;
			let status = 0;
			let headers: Answer['headers'] = {};
			const { maxResponseBytes } = this.#options;
			const exchange = this.#dispatch(grant, 'requests', outgoing, {
				start: (answerStatus, answerHeaders) => {
					// undici sends a request again when the server refused it unseen (GOAWAY): then the answer begins anew.
					chunks.length = 0;
					length = 0;
					status = answerStatus;
					headers = answerHeaders;
				},
				data: (chunk) => {
					length += chunk.length;
					if (length > maxResponseBytes) {
						exchange.fail(
							new RequestError(`${outgoing.description}: the answer is longer than ${maxResponseBytes} bytes`, {
								status,
								reason: 'ResponseTooLarge',
							}),
						);
						return;
					}
					chunks.push(chunk);
				},
				end: () => {
					const [only] = chunks;
					resolve({
						status,
						headers,
						body: chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length),
					});
				},
				fail: reject,
			});
			onStarted(exchange);
		});
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
		const exchange = new Exchange(outgoing, sink);
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
			? new Pool(this.#origin, { ...shared, connect })
			: new ProxyAgent({
					...shared,
					uri: proxy,
					// Only the proxy's name is resolved here.
					proxyTls: resolver,
					requestTls: connect,
					connectTimeout: connectTimeoutMs,
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
		return createSecureContext({ ca, cert, key });
	} catch {
		return undefined;
	}
}

/** One request in flight: undici's callbacks, which end exactly once here. */
class Exchange implements Dispatcher.DispatchHandler, InFlight {
	readonly #outgoing: Outgoing;
	readonly #sink: Sink;
	#controller: Dispatcher.DispatchController | undefined;
	#isOver = false;

	constructor(outgoing: Outgoing, sink: Sink) {
		this.#outgoing = outgoing;
		this.#sink = sink;
	}

	fail(error: unknown): void {
		if (this.#isOver) {
			return;
		}
		this.#isOver = true;
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
		if (!this.#isOver && status >= 200) {
			this.#sink.start(status, headers);
		}
	}

	onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
		if (!this.#isOver) {
			this.#sink.data(chunk);
		}
	}

	onResponseEnd(): void {
		if (!this.#isOver) {
			this.#isOver = true;
			this.#sink.end();
		}
	}

	onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
		if (!this.#isOver) {
			this.#isOver = true;
			this.#sink.fail(connectionError(this.#outgoing.description, error));
		}
	}
}

/**
 * Wraps undici's errors, whose messages name addresses and ports, never headers or bodies. An error of our own family, by
 * which `lookup` refused an address, stays as it is.
 */
function connectionError(description: string, error: Error): Error {
	if (isOperatorError(error)) {
		return error;
	}
	const words = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message;
	return new TransientError(`${description}: ${words === '' ? error.name : words}`, { cause: error });
}
