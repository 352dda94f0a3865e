/**
 * Stands between the operator and a real API server and sees to it that the operator dies at exactly one of its writes.
 * Writes go through one at a time, in order of arrival, so that at the moment of death exactly the writes before it are
 * stored: before its write, the operator dies with the request sent and nothing stored; after it, with the write stored
 * and no answer received.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { Pool } from 'undici';
import { deadlineMs } from './eventually.ts';

export interface CrashPoint {
	/** The write, as `CrashProxy.writes` has it. `*`: any that changes something. */
	readonly write: string;
	/** Which of the writes of this name that were stored since `forget`, counted from 1. */
	readonly nth: number;
	readonly when: 'before' | 'after';
}

export interface CrashProxy extends AsyncDisposable {
	/** `http://127.0.0.1:PORT`; `https:` where it has a certificate. */
	readonly url: string;
	/**
	 * What was stored since `forget`, in order: `PATCH /apis/apps/v1/namespaces/n/deployments/d by MANAGER`. Without Events:
	 * they are sent beside the passes, tell what happened, and no pass reads them. Nor are questions among them, such as
	 * what a user may do, dry runs, and what was refused: a deletion, say, that is repeated until its event has come.
	 */
	readonly writes: readonly string[];
	readonly forget: () => void;
	/**
	 * Waits for a write and has the operator killed there. From then on nothing that it sent is forwarded. Settled when
	 * `kill` is, with all connections closed: the next operator may come.
	 */
	readonly killAt: (point: CrashPoint, kill: () => Promise<void>) => Promise<void>;
	/**
	 * Waits for a write by its name and, when it is stored, calls `pause` before the answer is sent. Everything goes on
	 * after that: settled when the answer is sent. Throws when the write does not come.
	 */
	readonly pauseAfter: (write: string, pause: () => void) => Promise<void>;
	/** For an operator that dies elsewhere: nothing more is forwarded, all connections end, and so does each new one. */
	readonly cut: () => void;
	/** The next operator may come. */
	readonly revive: () => Promise<void>;
	/** No write is waited for any more. */
	readonly disarm: () => void;
	readonly stop: () => Promise<void>;
}

interface Upstream {
	/** `https://127.0.0.1:PORT` */
	readonly url: string;
	readonly ca: string;
}

interface Trap {
	readonly point: CrashPoint;
	/** How many writes of its name were stored. */
	seen: number;
	readonly spring: () => void;
}

interface Pause {
	readonly write: string;
	readonly begin: () => void;
	readonly answered: () => void;
}

function nameOf(method: string, url: string): string {
	const { pathname, searchParams } = new URL(url, 'http://proxy');
	const manager = searchParams.get('fieldManager');
	return `${method} ${pathname}${manager === null ? '' : ` by ${manager}`}`;
}

function isWrite(method: string, url: string): boolean {
	return method !== 'GET' && !isEvent(url) && !/\/selfsubject\w+reviews|[?&]dryRun=/.test(url);
}

function isEvent(url: string): boolean {
	return url.includes('/events.k8s.io/');
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer | null> {
	const chunks: Buffer[] = [];
	for await (const chunk of incoming) chunks.push(chunk as Buffer);
	return chunks.length === 0 ? null : Buffer.concat(chunks);
}

/** @param tls PEM, for 127.0.0.1 */
export async function startCrashProxy(
	upstream: Upstream,
	tls?: { readonly cert: string; readonly key: string },
): Promise<CrashProxy> {
	const pool = new Pool(upstream.url, {
		allowH2: false,
		// Made once: each connection would read the authority again.
		connect: { secureContext: createSecureContext({ ca: upstream.ca }) },
		headersTimeout: 0,
		bodyTimeout: 0,
	});
	let writes: string[] = [];
	let trap: Trap | undefined;
	let pause: Pause | undefined;
	/** Counts operators; undefined while one dies. What was sent in another life than the present one is void. */
	let life: number | undefined = 1;
	let lives = 1;
	let isCut = false;
	/** The newest revision that an answer to a write has shown. */
	let newest = 0n;
	let turn: Promise<void> = Promise.resolve();

	const send = async (incoming: IncomingMessage, signal?: AbortSignal) => {
		const { host: _host, connection: _connection, 'content-length': _length, ...headers } = incoming.headers;
		const body = await bodyOf(incoming);
		const method = incoming.method ?? 'GET';
		return pool.request({
			method,
			path: incoming.url ?? '/',
			headers,
			body,
			...(signal === undefined ? {} : { signal }),
		});
	};

	/** Whether a write has changed what is stored: then its revision is newer than all before. */
	const hasChanged = (answer: Buffer): boolean => {
		const { metadata = {} }: { readonly metadata?: { readonly resourceVersion?: string } } = JSON.parse(String(answer));
		if (metadata.resourceVersion === undefined) return true;
		const revision = BigInt(metadata.resourceVersion);
		const isNew = revision > newest;
		if (isNew) newest = revision;
		return isNew;
	};

	/** Reads, and watches, which last. */
	const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
		const closed = new AbortController();
		outgoing.once('close', () => closed.abort());
		const { statusCode, headers, body } = await send(incoming, closed.signal);
		outgoing.writeHead(statusCode, { 'content-type': String(headers['content-type']) });
		outgoing.flushHeaders();
		for await (const chunk of body) outgoing.write(chunk);
		outgoing.end();
	};

	const die = ({ spring }: Trap): void => {
		life = undefined;
		spring();
	};

	/** One write, in its turn. */
	const write = async (incoming: IncomingMessage, outgoing: ServerResponse, sentIn: number): Promise<void> => {
		if (sentIn !== life) return;
		const name = nameOf(incoming.method ?? '', incoming.url ?? '/');
		const awaited = trap?.point.write === name || trap?.point.write === '*' ? trap : undefined;
		if (awaited?.point.when === 'before' && awaited.seen + 1 === awaited.point.nth) return die(awaited);
		const { statusCode, headers, body } = await send(incoming);
		const text = Buffer.from(await body.arrayBuffer());
		if (statusCode < 400) {
			writes.push(name);
			const isChange = hasChanged(text);
			const counts = awaited?.point.write !== '*' || isChange;
			if (awaited !== undefined && counts && ++awaited.seen === awaited.point.nth) return die(awaited);
		}
		const paused = pause?.write === name ? pause : undefined;
		paused?.begin();
		outgoing.writeHead(statusCode, { 'content-type': String(headers['content-type']) });
		outgoing.end(text, paused?.answered);
	};

	const onRequest: RequestListener = (incoming, outgoing) => {
		const sentIn = life;
		if (isCut) {
			// An operator in the process of the test ends in order, and would wait for its last Events.
			if (isEvent(incoming.url ?? '/')) outgoing.writeHead(410).end();
			else outgoing.destroy();
			return;
		}
		if (sentIn === undefined) return;
		// The API server is away, or the operator: the operator, if it is there, sees its connection end.
		const giveUp = () => void outgoing.destroy();
		if (isWrite(incoming.method ?? '', incoming.url ?? '/')) {
			turn = turn.then(() => write(incoming, outgoing, sentIn)).catch(giveUp);
		} else {
			forward(incoming, outgoing).catch(giveUp);
		}
	};
	const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
	server.keepAliveTimeout = 60_000;
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;

	const cut = () => {
		life = undefined;
		isCut = true;
		server.closeAllConnections();
	};
	const revive = async () => {
		server.closeAllConnections();
		await turn;
		trap = undefined;
		isCut = false;
		life = ++lives;
	};
	const stop = async () => {
		life = undefined;
		server.closeAllConnections();
		server.close();
		await pool.destroy();
	};
	return {
		url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
		get writes() {
			return writes;
		},
		forget: () => {
			writes = [];
		},
		killAt: async (point, kill) => {
			const { promise: reached, resolve: spring } = Promise.withResolvers<void>();
			trap = { point, seen: 0, spring };
			await reached;
			await kill();
			await revive();
		},
		pauseAfter: async (write, begin) => {
			const { promise, resolve: answered, reject } = Promise.withResolvers<void>();
			pause = { write, begin, answered };
			const late = setTimeout(() => reject(new Error(`no write ${write} came, but\n${writes.join('\n')}`)), deadlineMs);
			try {
				await promise;
			} finally {
				clearTimeout(late);
				pause = undefined;
			}
		},
		cut,
		revive,
		disarm: () => {
			trap = undefined;
		},
		stop,
		[Symbol.asyncDispose]: stop,
	};
}
