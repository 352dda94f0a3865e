/**
 * HTTP endpoints for the kubelet and Prometheus: `/healthz`, `/readyz`, `/metrics`.
 *
 * An answer of `/healthz` proves that the event loop runs. When it does not run, the kubelet's time-out notices.
 *
 * A connection is good for one request. The kubelet's prober opens one for each probe anyway (kubernetes v1.36
 * pkg/probe/http/http.go: `DisableKeepAlives`).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConnectionGate, type GateLimits } from './connection-gate.ts';
import { RecentText } from './recent-text.ts';
import { visible } from './visible-text.ts';

/** Returns what is wrong, in a few words without secrets, or undefined. A check that throws has failed. */
export type Check = () => string | undefined;

export interface HealthServerOptions {
	/** 0 picks a free port. */
	readonly port: number;
	/** Address to bind. Default: all addresses of the Pod, IPv6 and IPv4. */
	readonly host?: string;
	/** A failure asks the kubelet to restart the process. For what a restart mends. */
	readonly healthz?: Readonly<Record<string, Check>>;
	/** A failure keeps traffic away and means "not yet": caches that are not synced. */
	readonly readyz?: Readonly<Record<string, Check>>;
	/** A prom-client registry. Without one, `/metrics` is 404. */
	readonly metrics?: { readonly contentType: string; metrics(): Promise<string> };
	/** What clients can hold of this server. Default: what probes and scrapes need, and no more. */
	readonly limits?: Partial<GateLimits>;
}

export interface HealthServer {
	readonly host: string;
	readonly port: number;
	/** How many connections are open. */
	connections(): number;
	/** Stops listening, waits `graceMs` (default 1 s) for answers under way, then cuts them. */
	close(graceMs?: number): Promise<void>;
}

interface Answer {
	readonly status: number;
	readonly type: string;
	readonly body: string | Buffer;
}

/** Heads of probes and scrapes have some 200 bytes. */
const maxHeaderSize = 4_096;
/** Metrics are collected at most once in this time, however many ask for them. */
const metricsFreshMs = 1_000;

const plain = 'text/plain; charset=utf-8';

/** Resolves when the server listens. Rejects when the address can't be bound. */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
	const { metrics } = options;
	const recent = metrics === undefined ? undefined : new RecentText(() => metrics.metrics(), metricsFreshMs);
	const gate = new ConnectionGate(options.limits);
	// The gate measures the time of heads and connections; Node would look every 30 s only.
	const server = createServer({ maxHeaderSize, headersTimeout: 0, requestTimeout: 0 }, (request, response) => {
		if (!gate.admit(request.socket)) return;
		void answer(options, recent, request).then((result) => send(request, response, result));
	});
	gate.guard(server);
	await new Promise<void>((resolve, reject) => {
		server.once('error', reject);
		server.listen({ port: options.port, ...(options.host === undefined ? {} : { host: options.host }) }, () => {
			server.off('error', reject);
			resolve();
		});
	});
	const { address, port } = server.address() as AddressInfo;
	return {
		host: address,
		port,
		connections: () => gate.open,
		async close(graceMs = 1_000) {
			const cut = setTimeout(() => server.closeAllConnections(), graceMs);
			await new Promise<void>((resolve) => {
				// The only possible error is "not running": then it is closed already.
				server.close(() => resolve());
				server.closeIdleConnections();
			});
			clearTimeout(cut);
		},
	};
}

async function answer(
	options: HealthServerOptions,
	recent: RecentText | undefined,
	request: IncomingMessage,
): Promise<Answer> {
	const [path = '/', query] = (request.url ?? '/').split('?', 2);
	const endpoint = endpointOf(options, recent, path);
	if (endpoint === undefined) return { status: 404, type: plain, body: 'not found\n' };
	if (request.method !== 'GET' && request.method !== 'HEAD') {
		return { status: 405, type: plain, body: 'only GET and HEAD\n' };
	}
	return endpoint(new URLSearchParams(query).has('verbose'));
}

function endpointOf(
	options: HealthServerOptions,
	recent: RecentText | undefined,
	path: string,
): ((isVerbose: boolean) => Answer | Promise<Answer>) | undefined {
	const { healthz = {}, readyz = {}, metrics } = options;
	if (path === '/healthz') return (isVerbose) => runChecks(healthz, isVerbose);
	if (path === '/readyz') return (isVerbose) => runChecks(readyz, isVerbose);
	if (path === '/metrics' && metrics !== undefined && recent !== undefined) {
		return async () => {
			try {
				return { status: 200, type: metrics.contentType, body: await recent.get() };
			} catch (error) {
				const message = error instanceof Error ? error.message : String(error);
				return { status: 500, type: plain, body: `metrics cannot be collected: ${message}\n` };
			}
		};
	}
	return undefined;
}

/** Answers as the API server's own health endpoints do: `ok`, or every check by name. */
function runChecks(checks: Readonly<Record<string, Check>>, isVerbose: boolean): Answer {
	const results = Object.entries(checks).map(([name, check]) => ({ name, problem: problemOf(check) }));
	const isHealthy = results.every(({ problem }) => problem === undefined);
	const lines = results.map(({ name, problem }) =>
		problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${visible(problem)}`,
	);
	const body = isHealthy && !isVerbose ? 'ok\n' : [...lines, isHealthy ? 'ok' : 'failed', ''].join('\n');
	return { status: isHealthy ? 200 : 503, type: plain, body };
}

function problemOf(check: Check): string | undefined {
	try {
		return check();
	} catch (error) {
		return error instanceof Error ? error.message : String(error);
	}
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Answer): void {
	response.writeHead(status, {
		'content-type': type,
		'content-length': Buffer.byteLength(body),
		connection: 'close',
		'cache-control': 'no-store',
		'x-content-type-options': 'nosniff',
		...(status === 405 ? { allow: 'GET, HEAD' } : {}),
	});
	response.end(request.method === 'HEAD' ? undefined : body);
}
