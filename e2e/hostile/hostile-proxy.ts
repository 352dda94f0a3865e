/**
 * A program that stands before a real API server and misbehaves in the mode that it is told: a process of its own, since it
 * sends as fast as it can. Without a mode it only passes on. Speaks with its parent by messages.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type TLSSocket } from 'node:tls';
import { Pool } from 'undici';
import { type Asked, type Mode, type ModeName, modes } from './modes.ts';

export interface ProxyOrder {
	/** Once, at the beginning. */
	readonly start?: {
		readonly upstream: { readonly url: string; readonly ca: string };
		readonly tls: { readonly cert: string; readonly key: string };
	};
	/** Connections end when the mode changes. */
	readonly mode?: ModeName | 'good';
	/** Takes as much of the processor as it took before, at the same pace, and does nothing with it. */
	readonly burn?: readonly Spent[];
}

/** What this process took of the processor within some time. Milliseconds. */
export interface Spent {
	readonly ms: number;
	readonly cpuMs: number;
}

export interface ProxyReport {
	readonly port?: number;
	readonly mode?: ModeName | 'good';
	/** Requests that were answered since the mode began. */
	readonly answered?: number;
	/** What this process took since the last order. */
	readonly spent?: readonly Spent[];
}

let mode: ModeName | 'good' = 'good';
let answered = 0;
let spent: Spent[] = [];
/** The connections, by the port of the other side. */
const connections = new Map<number, TLSSocket>();
/** The sessions of HTTP/2 over them. */
const sessions = new Map<number, ServerHttp2Session>();
let pool: Pool | undefined;

process.on('message', (order: ProxyOrder) => void obey(order));
process.on('disconnect', () => process.exit(0));

async function obey(order: ProxyOrder): Promise<void> {
	if (order.start !== undefined) {
		const { upstream, tls } = order.start;
		pool = new Pool(upstream.url, {
			allowH2: false,
			connect: { ca: upstream.ca },
			headersTimeout: 0,
			bodyTimeout: 0,
		});
		const http = createSecureServer({ ...tls, allowHTTP1: true, http1Options: { keepAliveTimeout: 90_000 } });
		// They have all that is used here, though their types don't say so.
		http.on('request', (incoming, outgoing) =>
			onRequest(incoming as unknown as IncomingMessage, outgoing as unknown as ServerResponse),
		);
		http.on('sessionError', () => undefined);
		http.on('session', (session) => {
			const { remotePort = 0 } = session.socket;
			sessions.set(remotePort, session);
			session.once('close', () => sessions.delete(remotePort));
		});
		const server = createServer({
			...tls,
			ALPNCallback: ({ protocols }) =>
				protocols.includes('h2') && currentMode()?.version !== 'HTTP/1.1' ? 'h2' : 'http/1.1',
		});
		server.on('secureConnection', (socket) => {
			const { remotePort = 0 } = socket;
			connections.set(remotePort, socket);
			socket.on('error', () => undefined);
			socket.once('close', () => connections.delete(remotePort));
			const takeOver = currentMode()?.takeOver;
			if (takeOver === undefined) http.emit('secureConnection', socket);
			else takeOver(socket, () => answered++);
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		report({ port: (server.address() as AddressInfo).port });
	}
	const took = spent;
	spent = [];
	if (order.burn !== undefined) void burn(order.burn);
	if (order.start === undefined && order.mode === undefined) report({ answered, spent: took });
	if (order.mode !== undefined) {
		const before = answered;
		answered = 0;
		({ mode } = order);
		for (const [port, socket] of connections) {
			const session = sessions.get(port);
			// Node ends with a failed assertion when a connection goes from under a session that is writing.
			if (session === undefined) socket.destroy();
			else session.destroy();
		}
		report({ mode, answered: before, spent: took });
	}
}

const cpuMs = () => {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1_000;
};

const sampleMs = 20;
let seen = { at: performance.now(), cpuMs: cpuMs() };
setInterval(() => {
	const now = { at: performance.now(), cpuMs: cpuMs() };
	spent.push({ ms: now.at - seen.at, cpuMs: now.cpuMs - seen.cpuMs });
	seen = now;
}, sampleMs);

async function burn(profile: readonly Spent[]): Promise<void> {
	const begun = { at: performance.now(), cpuMs: cpuMs() };
	let [untilMs, asMuchMs] = [0, 0];
	for (const piece of profile) {
		untilMs += piece.ms;
		asMuchMs += piece.cpuMs;
		while (cpuMs() - begun.cpuMs < asMuchMs);
		await sleep(Math.max(0, begun.at + untilMs - performance.now()));
	}
}

function currentMode(): Mode | undefined {
	return mode === 'good' ? undefined : modes[mode];
}

function report(what: ProxyReport): void {
	process.send?.(what);
}

function onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
	outgoing.on('error', () => undefined);
	const port = incoming.socket.remotePort ?? 0;
	const connection = connections.get(port);
	if (connection === undefined) return;
	// Its version was agreed before the mode began. What a mode of HTTP/1.1 writes beside HTTP would end Node under a session.
	if (currentMode()?.version === 'HTTP/1.1' && incoming.httpVersionMajor === 2) {
		sessions.get(port)?.destroy();
		return;
	}
	if (currentMode()?.answer({ ...askedBy(incoming), connection }, outgoing) === true) {
		answered++;
		incoming.resume();
		return;
	}
	relay(incoming, outgoing).catch(() => outgoing.destroy());
}

/** The collection of a path. */
const collection = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/[a-z]+$/;

function askedBy({ method = 'GET', url = '/' }: IncomingMessage): Omit<Asked, 'connection'> {
	const { pathname, searchParams } = new URL(url, 'https://proxy');
	const [, namespace] = collection.exec(pathname) ?? [];
	const selectors = (searchParams.get('labelSelector') ?? '').split(',').filter((part) => part.includes('='));
	const isWatch = searchParams.get('watch') === 'true';
	return {
		method,
		path: pathname,
		namespace,
		labels: Object.fromEntries(selectors.map((part) => part.split('=', 2) as [string, string])),
		name: searchParams.get('fieldSelector')?.replace('metadata.name=', ''),
		isWatch,
		isList: method === 'GET' && !isWatch && collection.test(pathname),
	};
}

async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
	const sent: Buffer[] = [];
	for await (const chunk of incoming) sent.push(chunk as Buffer);
	const { host: _, connection: __, 'content-length': ___, ...received } = incoming.headers;
	const headers = Object.fromEntries(Object.entries(received).filter(([name]) => !name.startsWith(':')));
	const ended = new AbortController();
	outgoing.once('close', () => ended.abort());
	const answer = await pool?.request({
		method: incoming.method ?? 'GET',
		path: incoming.url ?? '/',
		headers,
		body: sent.length === 0 ? null : Buffer.concat(sent),
		signal: ended.signal,
	});
	if (answer === undefined) return;
	const { 'transfer-encoding': _encoding, connection: _connection, ...answerHeaders } = answer.headers;
	outgoing.writeHead(answer.statusCode, answerHeaders as Record<string, string | string[]>);
	outgoing.flushHeaders();
	for await (const chunk of answer.body) outgoing.write(chunk);
	outgoing.end();
}
