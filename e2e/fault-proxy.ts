/**
 * A proxy in front of a real API server that misbehaves by script. It speaks plain HTTP on this side, so that a test sees
 * every request, and HTTPS on the other. With a certificate it speaks HTTPS on both, for clients that speak nothing else.
 *
 *     await using proxy = await startFaultProxy(cluster);
 *     proxy.script({ watch: true, nth: 1 }, { type: 'cut', afterEvents: 2 });
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { Pool } from 'undici';

/** Selects requests. A field that is absent matches all. */
export interface Match {
	readonly method?: string;
	/** Matches the path without the query. */
	readonly path?: RegExp;
	/** Watches only, or everything but watches. */
	readonly watch?: boolean;
	/** Only the nth of the requests that match otherwise, counted from 1. */
	readonly nth?: number;
	/** Only each nth of them, counted from 1: the 3rd, the 6th, … */
	readonly every?: number;
	/** Only this many, from the first that matches on. */
	readonly times?: number;
}

export type Fault =
	/** The connection ends before an answer. */
	| { readonly type: 'drop' }
	/** The request goes through and its answer is never sent: nobody knows whether it was done. */
	| { readonly type: 'drop-answer' }
	/** The request is forwarded after `ms`. */
	| { readonly type: 'delay'; readonly ms: number }
	/** The request is forwarded with other parameters, so that the API server itself objects. */
	| { readonly type: 'query'; readonly set: Readonly<Record<string, string>> }
	/** Half-open: the request is accepted and never answered. With `ms` the connection ends after that time. */
	| { readonly type: 'hang'; readonly ms?: number }
	/** The proxy answers itself. */
	| {
			readonly type: 'answer';
			readonly status: number;
			readonly headers?: Readonly<Record<string, string>>;
			readonly body?: string;
	  }
	/** Ends the answer in order (as far as HTTP can tell) after this many bytes of its body. */
	| { readonly type: 'truncate'; readonly afterBytes: number }
	/** Ends the connection in the middle of the body: at a place in it, or `afterMs`. */
	| { readonly type: 'cut'; readonly afterBytes?: number; readonly afterEvents?: number; readonly afterMs?: number }
	/** Half-open in the middle of the body: nothing more comes, and no end. */
	| { readonly type: 'freeze'; readonly afterBytes?: number; readonly afterEvents?: number }
	/** Puts a line of its own into the stream and ends it. */
	| { readonly type: 'inject'; readonly line: string; readonly afterEvents: number };

export interface ProxiedRequest {
	readonly method: string;
	readonly path: string;
	readonly query: Readonly<Record<string, string>>;
	readonly isWatch: boolean;
	/** The status that the client got. Undefined while it waits, and when it got none. */
	status: number | undefined;
	fault: Fault['type'] | undefined;
}

export interface FaultProxy extends AsyncDisposable {
	/** `http://127.0.0.1:PORT`; `https:` where it has a certificate. */
	readonly url: string;
	/** All requests so far, in order of arrival. */
	readonly requests: readonly ProxiedRequest[];
	/** The first rule that matches, in order of scripting, decides. */
	script(match: Match, fault: Fault): void;
	/** Forgets rules and log. */
	reset(): void;
	/** Ends all connections now. */
	dropAll(): void;
	stop(): Promise<void>;
}

interface Rule {
	readonly match: Match;
	readonly fault: Fault;
	seen: number;
}

interface Upstream {
	/** `https://127.0.0.1:PORT` */
	readonly url: string;
	readonly ca: string;
}

/** A 410 as an ERROR event. */
export const expiredEvent = `${JSON.stringify({
	type: 'ERROR',
	object: {
		kind: 'Status',
		apiVersion: 'v1',
		metadata: {},
		status: 'Failure',
		message: 'too old resource version',
		reason: 'Expired',
		code: 410,
	},
})}\n`;

export interface FaultProxyOptions {
	/** Decides instead of a script. */
	readonly decide?: (request: ProxiedRequest) => Fault | undefined;
	/** Called with each request, once its fault is decided. Then `requests` stays empty. */
	readonly onRequest?: (request: ProxiedRequest) => void;
	/** Called when a request is over, however it ended. */
	readonly onEnd?: (request: ProxiedRequest, afterMs: number) => void;
}

/** @param tls PEM, for 127.0.0.1 */
export async function startFaultProxy(
	upstream: Upstream,
	tls?: { readonly cert: string; readonly key: string },
	options: FaultProxyOptions = {},
): Promise<FaultProxy> {
	const pool = new Pool(upstream.url, {
		allowH2: false,
		// Made once: each connection would read the authority again.
		connect: { secureContext: createSecureContext({ ca: upstream.ca }) },
		headersTimeout: 0,
		bodyTimeout: 0,
	});
	let requests: ProxiedRequest[] = [];
	let rules: Rule[] = [];
	const open = new Set<AbortController>();

	const onRequest: RequestListener = (incoming, outgoing) => {
		const request = describe(incoming);
		const fault = options.decide === undefined ? pick(rules, request) : options.decide(request);
		request.fault = fault?.type;
		if (options.onRequest === undefined) requests.push(request);
		else options.onRequest(request);
		const controller = new AbortController();
		const begun = performance.now();
		open.add(controller);
		outgoing.once('close', () => {
			options.onEnd?.(request, performance.now() - begun);
			open.delete(controller);
			controller.abort();
		});
		relay(pool, incoming, outgoing, request, fault, controller.signal).catch(() => {
			// The API server is away, or the client: either way the client sees its connection end.
			outgoing.destroy();
		});
	};
	const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
	server.keepAliveTimeout = 60_000;
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;

	const stop = async () => {
		server.closeAllConnections();
		server.close();
		for (const controller of open) {
			controller.abort();
		}
		await pool.destroy();
	};
	return {
		url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
		get requests() {
			return requests;
		},
		script: (match, fault) => rules.push({ match, fault, seen: 0 }),
		reset: () => {
			rules = [];
			requests = [];
		},
		dropAll: () => server.closeAllConnections(),
		stop,
		[Symbol.asyncDispose]: stop,
	};
}

function describe(incoming: IncomingMessage): ProxiedRequest {
	const url = new URL(incoming.url ?? '/', 'http://proxy');
	return {
		method: incoming.method ?? 'GET',
		path: url.pathname,
		query: Object.fromEntries(url.searchParams),
		isWatch: url.searchParams.has('watch'),
		status: undefined,
		fault: undefined,
	};
}

function withQuery(incoming: IncomingMessage, set: Readonly<Record<string, string>>): string {
	const url = new URL(incoming.url ?? '/', 'http://proxy');
	for (const [name, value] of Object.entries(set)) {
		url.searchParams.set(name, value);
	}
	return url.pathname + url.search;
}

function pick(rules: readonly Rule[], request: ProxiedRequest): Fault | undefined {
	for (const rule of rules) {
		const { method, path, watch, nth, every = 1, times = Number.POSITIVE_INFINITY } = rule.match;
		if (
			(method !== undefined && method !== request.method) ||
			(path !== undefined && !path.test(request.path)) ||
			(watch !== undefined && watch !== request.isWatch)
		) {
			continue;
		}
		rule.seen++;
		if (nth === undefined ? rule.seen <= times && rule.seen % every === 0 : rule.seen === nth) {
			return rule.fault;
		}
	}
	return undefined;
}

async function relay(
	pool: Pool,
	incoming: IncomingMessage,
	outgoing: ServerResponse,
	request: ProxiedRequest,
	fault: Fault | undefined,
	signal: AbortSignal,
): Promise<void> {
	const sent: Buffer[] = [];
	for await (const chunk of incoming) {
		sent.push(chunk as Buffer);
	}
	switch (fault?.type) {
		case 'drop':
			outgoing.destroy();
			return;
		case 'hang':
			if (fault.ms !== undefined) endAfter(outgoing, fault.ms);
			return;
		case 'answer':
			request.status = fault.status;
			outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
			outgoing.end(fault.body ?? '');
			return;
		case 'delay':
			await new Promise((resolve) => setTimeout(resolve, fault.ms));
			break;
		default:
	}
	const { host: _host, connection: _connection, 'content-length': _length, ...headers } = incoming.headers;
	const answer = await pool.request({
		method: request.method,
		path: fault?.type === 'query' ? withQuery(incoming, fault.set) : (incoming.url ?? '/'),
		headers,
		body: sent.length === 0 ? null : Buffer.concat(sent),
		signal,
	});
	if (fault?.type === 'drop-answer') {
		await answer.body.dump();
		outgoing.destroy();
		return;
	}
	request.status = answer.statusCode;
	// A body that will be shortened can't keep its length.
	const { 'content-length': _contentLength, 'transfer-encoding': _encoding, ...answerHeaders } = answer.headers;
	outgoing.writeHead(answer.statusCode, answerHeaders as Record<string, string | string[]>);
	outgoing.flushHeaders();
	if (fault?.type === 'cut' && fault.afterMs !== undefined) endAfter(outgoing, fault.afterMs);
	await forward(answer.body, outgoing, fault);
}

/** Ends the connection after a time, unless it has ended before. */
function endAfter(outgoing: ServerResponse, ms: number): void {
	const timer = setTimeout(() => outgoing.destroy(), ms);
	outgoing.once('close', () => clearTimeout(timer));
}

/** Forwards the body until the fault's place is reached. */
async function forward(body: AsyncIterable<Buffer>, outgoing: ServerResponse, fault: Fault | undefined): Promise<void> {
	let bytesLeft = fault !== undefined && 'afterBytes' in fault ? fault.afterBytes : undefined;
	let eventsLeft = fault !== undefined && 'afterEvents' in fault ? fault.afterEvents : undefined;
	if (fault !== undefined && (bytesLeft === 0 || eventsLeft === 0)) {
		misbehave(outgoing, fault);
		return;
	}
	for await (const chunk of body) {
		let end = chunk.length;
		let isReached = false;
		if (bytesLeft !== undefined) {
			isReached = bytesLeft <= chunk.length;
			end = Math.min(bytesLeft, chunk.length);
			bytesLeft -= end;
		} else if (eventsLeft !== undefined) {
			for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, at + 1)) {
				eventsLeft--;
				if (eventsLeft === 0) {
					end = at + 1;
					isReached = true;
					break;
				}
			}
		}
		if (isReached && fault !== undefined) {
			outgoing.write(chunk.subarray(0, end), () => misbehave(outgoing, fault));
			return;
		}
		outgoing.write(chunk);
	}
	outgoing.end();
}

function misbehave(outgoing: ServerResponse, fault: Fault): void {
	switch (fault.type) {
		case 'truncate':
			outgoing.end();
			break;
		case 'cut':
			outgoing.destroy();
			break;
		case 'inject':
			outgoing.end(fault.line);
			break;
		default:
		// A frozen stream just stays as it is.
	}
}
