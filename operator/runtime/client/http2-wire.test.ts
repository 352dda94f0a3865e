import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createSecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { loopbackCertificate } from '../../../e2e/support/hostile-server.ts';
import { endHeaders, frame, frameTypes, startRawHttp2, status200 } from '../../../e2e/support/raw-http2.ts';
import { FakeClock } from '../clock-fake.ts';
import { BlockedError } from '../errors.ts';
import { Http2Wire, type Http2WireOptions } from './http2-wire.ts';
import type { AnswerControl, Wire, WireRequest } from './wire.ts';

const certificate = loopbackCertificate();

type Respond = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

/** A server that speaks HTTP/2, and a wire to it. */
async function withServer(t: ExecutionContext, respond: Respond, maxConcurrentStreams = 100) {
	const { ca, cert, key } = await certificate;
	const sessions: ServerHttp2Session[] = [];
	const server = createSecureServer({ cert, key, settings: { maxConcurrentStreams } });
	server.on('session', (session) => sessions.push(session));
	server.on('stream', (stream, headers) => {
		stream.on('error', () => undefined);
		respond(stream, headers);
	});
	const wire = newWire(t, await portOf(t, server), { tls: { ca } });
	t.teardown(() => {
		for (const session of sessions) session.destroy();
	});
	return { wire, sessions };
}

async function portOf(t: ExecutionContext, server: Server): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	return (server.address() as AddressInfo).port;
}

function newWire(t: ExecutionContext, port: number, options: Partial<Http2WireOptions> = {}): Http2Wire {
	const wire = new Http2Wire({
		origin: `https://127.0.0.1:${port}`,
		tls: {},
		proxyUrl: undefined,
		connectTimeoutMs: 5_000,
		lookup: undefined,
		budget: undefined,
		...options,
	});
	t.teardown(() => wire.destroy());
	return wire;
}

interface Got {
	status: number;
	text: string;
	/** How the answer ended. Undefined while it lasts. */
	end: 'end' | Error | undefined;
	control: AnswerControl | undefined;
	/** How often it was sent. */
	starts: number;
}

/** Sends a request. What came of it is filled in as it comes. */
function ask(
	wire: Wire,
	path = '/',
	more: Partial<WireRequest> = {},
	onData: (got: Got) => void = () => undefined,
): Got {
	const got: Got = { status: 0, text: '', end: undefined, control: undefined, starts: 0 };
	wire.dispatch(
		{ method: 'GET', path, headers: {}, body: undefined, ...more },
		{
			onRequestStart(control) {
				got.control = control;
				got.starts++;
			},
			onResponseStart(_control, status) {
				got.status = status;
			},
			onResponseData(_control, chunk) {
				got.text += chunk.toString();
				onData(got);
			},
			onResponseEnd() {
				got.end = 'end';
			},
			onResponseError(_control, error) {
				got.end = error;
			},
		},
	);
	return got;
}

const answer = async (wire: Wire, path?: string, more?: Partial<WireRequest>): Promise<Got> => {
	const got = ask(wire, path, more);
	await eventually('it is answered', () => got.end !== undefined);
	return got;
};

/** Answers paths that begin with `/watch` without end, and others at once with their path. */
const watchOrAnswer: Respond = (stream, headers) => {
	stream.respond({ ':status': 200 });
	const path = String(headers[':path']);
	if (path.startsWith('/watch')) stream.write('begun');
	else stream.end(path);
};

test('requests and watches are on one connection', async (t) => {
	const { wire, sessions } = await withServer(t, watchOrAnswer);
	const watches = Array.from({ length: 5 }, (_, index) => ask(wire, `/watch/${index}`));
	await eventually('all watches are open', () => watches.every(({ text }) => text === 'begun'));
	for (const path of ['/a', '/b']) t.like(await answer(wire, path), { status: 200, text: path, end: 'end' });
	t.is(sessions.length, 1);
});

test('headers, credentials and bodies arrive', async (t) => {
	const { wire } = await withServer(t, async (stream, headers) => {
		let text = '';
		for await (const chunk of stream) text += chunk;
		stream.respond({ ':status': 201 });
		stream.end(JSON.stringify([headers[':method'], headers[':path'], headers.authorization, headers['x-y'], text]));
	});
	const body = 'z'.repeat(300_000);
	const headers = { authorization: 'Bearer sesame', 'x-y': ['1', '2'] };
	const { status, text } = await answer(wire, '/p?q=1', { method: 'POST', headers, body });
	t.is(status, 201);
	t.deepEqual(JSON.parse(text), ['POST', '/p?q=1', 'Bearer sesame', '1, 2', body]);
});

test('an answer that is paused does not come, others do', async (t) => {
	const { wire } = await withServer(t, (stream, headers) => {
		stream.respond({ ':status': 200 });
		stream.end(headers[':path'] === '/long' ? 'x'.repeat(1_000_000) : 'short');
	});
	let isFirst = true;
	const long = ask(wire, '/long', {}, ({ control }) => {
		if (isFirst) control?.pause();
		isFirst = false;
	});
	await eventually('it has begun', () => long.text.length > 0);
	t.is((await answer(wire, '/short')).text, 'short');
	t.is(long.end, undefined);
	long.control?.resume();
	await eventually('the rest has come', () => long.end === 'end');
	t.is(long.text.length, 1_000_000);
});

test('a server that takes no more on one connection gets another one', async (t) => {
	const { wire, sessions } = await withServer(t, watchOrAnswer, 2);
	const watches = Array.from({ length: 5 }, (_, index) => ask(wire, `/watch/${index}`));
	await eventually('all watches are open', () => watches.every(({ text }) => text === 'begun'));
	t.is(sessions.length, 3);
});

test('a server that says goodbye ends what is under way, and what is new goes to another connection', async (t) => {
	const { wire, sessions } = await withServer(t, watchOrAnswer);
	const watch = ask(wire, '/watch');
	await eventually('the watch is open', () => watch.text === 'begun');
	sessions[0]?.goaway();
	await eventually('that is heard', async () => (await answer(wire, '/a')).end === 'end' && sessions.length === 2);
	t.is(watch.end, undefined);
});

test('what the server refused unseen is sent again, writes too, but not for ever', async (t) => {
	let refusals = 2;
	const { wire } = await withServer(t, (stream, headers) => {
		if (refusals-- > 0) stream.close(frameRefused);
		else watchOrAnswer(stream, headers);
	});
	t.like(await answer(wire, '/a', { method: 'POST', body: '{}' }), { text: '/a', starts: 3 });
	refusals = 100;
	const { end, starts } = await answer(wire, '/a');
	t.true(end instanceof Error);
	t.is(starts, 3);
});
/** REFUSED_STREAM (RFC 9113 7). */
const frameRefused = 7;

test('an answer that is broken off is an error, whatever came of it', async (t) => {
	for (const code of [8, 2]) {
		await using server = await startRawHttp2(({ type, stream }, connection) => {
			if (type === frameTypes.headers)
				connection.send(
					frame(frameTypes.headers, endHeaders, stream, status200),
					frame(frameTypes.data, 0, stream, Buffer.from('half')),
					frame(frameTypes.reset, 0, stream, Buffer.from([0, 0, 0, code])),
				);
		});
		const { status, end } = await answer(newWire(t, 0, { origin: server.url, tls: { ca: server.ca } }));
		t.is(status, 200);
		t.regex(String(end), new RegExp(`broke off the answer \\(code ${code} of HTTP/2\\)`));
	}
	const { wire, sessions } = await withServer(t, watchOrAnswer);
	const cut = ask(wire, '/watch');
	await eventually('it has begun', () => cut.text !== '');
	sessions[0]?.destroy();
	await eventually('it has ended', () => cut.end !== undefined);
	t.regex(String(cut.end), /closed the connection/);
});

test('a request that is given up leaves the others alone, and one that waits for a connection is not sent', async (t) => {
	const seen: string[] = [];
	const { wire, sessions } = await withServer(t, (stream, headers) => {
		seen.push(String(headers[':path']));
		watchOrAnswer(stream, headers);
	});
	const unsent = { method: 'GET', path: '/unsent', headers: {}, body: undefined };
	wire.dispatch(unsent, {
		onRequestStart: (control) => control.abort(new Error('given up')),
		onResponseStart: () => t.fail(),
		onResponseData: () => t.fail(),
		onResponseEnd: () => t.fail(),
		onResponseError: () => t.fail(),
	});
	const [one, other] = [ask(wire, '/watch/1'), ask(wire, '/watch/2')];
	await eventually('both are open', () => one.text !== '' && other.text !== '');
	one.control?.abort(new Error('given up'));
	t.is((await answer(wire, '/a')).text, '/a');
	t.is(other.end, undefined);
	t.deepEqual(seen, ['/watch/1', '/watch/2', '/a']);
	t.is(sessions.length, 1);
});

test('a write that is given up half-way is the last one on its connection', async (t) => {
	const { wire, sessions } = await withServer(t, (stream, headers) => {
		// Does not read what is written.
		if (headers[':method'] === 'GET') watchOrAnswer(stream, headers);
	});
	const write = ask(wire, '/', { method: 'POST', body: 'x'.repeat(1_000_000) });
	await eventually('it has begun', () => write.starts === 1 && sessions.length === 1);
	write.control?.abort(new Error('given up'));
	t.is((await answer(wire, '/a')).text, '/a');
	t.is(sessions.length, 2);
});

test('where a server speaks HTTP/1.1 alone, that is spoken', async (t) => {
	const { ca, cert, key } = await certificate;
	let connections = 0;
	const server = createHttpsServer({ cert, key }, ({ httpVersion }, response) => response.end(httpVersion));
	server.on('connection', () => connections++);
	const wire = newWire(t, await portOf(t, server), { tls: { ca } });
	t.teardown(() => server.closeAllConnections());
	for (let round = 0; round < 3; round++) t.like(await answer(wire), { status: 200, text: '1.1' });
	t.is(connections, 2, 'the first one was to ask');
});

test('through a proxy as well, to which its own credentials are sent', async (t) => {
	const { ca, cert, key } = await certificate;
	const server = createSecureServer({ cert, key });
	server.on('stream', (stream, headers) => watchOrAnswer(stream, headers));
	const port = await portOf(t, server);
	const asked: unknown[] = [];
	let status = '200 Connection established';
	const proxy = createHttpServer();
	proxy.on('connect', ({ url, headers }, socket) => {
		asked.push([url, headers['proxy-authorization']]);
		socket.on('error', () => undefined);
		socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
		if (!status.startsWith('200')) return;
		const tunnel = connect(port, '127.0.0.1');
		tunnel.on('error', () => socket.destroy()).on('close', () => socket.destroy());
		socket.on('close', () => tunnel.destroy());
		socket.pipe(tunnel).pipe(socket);
	});
	const proxyUrl = `http://me:open%20up@127.0.0.1:${await portOf(t, proxy)}`;
	const wire = newWire(t, port, { tls: { ca }, proxyUrl });
	t.teardown(() => proxy.closeAllConnections());
	t.is((await answer(wire, '/a')).text, '/a');
	t.is((await answer(wire, '/b')).text, '/b');
	const credentials = `Basic ${Buffer.from('me:open up').toString('base64')}`;
	t.deepEqual(asked, [[`127.0.0.1:${port}`, credentials]]);
	status = '407 Proxy Authentication Required';
	const refused = newWire(t, port, { tls: { ca }, proxyUrl });
	t.regex(String((await answer(refused)).end), /the proxy answered 407/);
});

test('names are resolved by the given lookup, and what it refuses with is the result', async (t) => {
	const { ca } = await certificate;
	const refusal = new BlockedError('NotNow', 'not now');
	const options = { origin: 'https://api.example:1', tls: { ca } };
	const blocked = newWire(t, 1, { ...options, lookup: (_name, _options, callback) => callback(refusal, '') });
	t.is((await answer(blocked)).end, refusal);
});

test('a connection that has fallen silent is asked whether it lives, and ends when nothing comes', async (t) => {
	const clock = new FakeClock();
	let isDead = false;
	let [pings, heard] = [0, 0];
	await using server = await startRawHttp2(({ type, flags, stream, payload }, connection) => {
		if (type === frameTypes.headers && !isDead)
			connection.send(
				frame(frameTypes.headers, endHeaders, stream, status200),
				frame(frameTypes.data, 0, stream, Buffer.from('begun')),
			);
		if (type !== frameTypes.ping) return;
		// Once ours is answered, the answer before it has been heard.
		if (flags === 1) heard++;
		else pings++;
		if (flags !== 1 && !isDead)
			connection.send(frame(frameTypes.ping, 1, 0, payload), frame(frameTypes.ping, 0, 0, payload));
	});
	const wire = newWire(t, 0, { origin: server.url, tls: { ca: server.ca }, clock });
	const watch = ask(wire);
	await eventually('the watch is open', () => watch.text === 'begun');
	for (let round = 1; round <= 3; round++) {
		await clock.advance(30_000);
		await eventually('it is asked', () => pings === round);
		await eventually('its answer is heard', () => heard === round);
	}
	t.is(watch.end, undefined);
	isDead = true;
	await clock.advance(30_000);
	t.is(watch.end, undefined);
	await clock.advance(15_000);
	await eventually('it has ended', () => watch.end !== undefined);
	t.regex(String(watch.end), /silent for 45 s, also to a PING/);
	isDead = false;
	const again = ask(wire);
	await eventually('there is another connection', () => again.text === 'begun');
	t.is(server.connections.length, 2);
});

test('a request that is given up after silence makes the connection doubtful', async (t) => {
	const clock = new FakeClock();
	let pings = 0;
	await using server = await startRawHttp2(({ type }) => {
		if (type === frameTypes.ping) pings++;
	});
	const wire = newWire(t, 0, { origin: server.url, tls: { ca: server.ca }, clock });
	const [given, kept] = [ask(wire), ask(wire)];
	await eventually('both are sent', () => given.starts === 1 && kept.starts === 1);
	await clock.advance(6_000);
	given.control?.abort(new Error('given up'));
	await eventually('the connection is asked', () => pings === 1);
	t.is(kept.end, undefined);
	await clock.advance(15_000);
	await eventually('it has ended', () => kept.end !== undefined);
});

test('a server that takes the connection and says nothing is given up after the time for connecting', async (t) => {
	const { ca, cert, key } = await certificate;
	const silent = createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
		socket.on('error', () => undefined);
		t.teardown(() => socket.destroy());
	});
	const wire = newWire(t, await portOf(t, silent), { tls: { ca }, connectTimeoutMs: 200 });
	t.regex(String((await answer(wire)).end), /no settings came/);
});

test('a connection that nobody uses is closed', async (t) => {
	const clock = new FakeClock();
	const { ca, cert, key } = await certificate;
	const server = createSecureServer({ cert, key });
	server.on('stream', (stream, headers) => watchOrAnswer(stream, headers));
	let closed = 0;
	server.on('session', (session) => session.on('close', () => closed++));
	const wire = newWire(t, await portOf(t, server), { tls: { ca }, clock });
	t.is((await answer(wire, '/a')).text, '/a');
	await clock.advance(200_000);
	await eventually('it is closed', () => closed === 1);
	t.is((await answer(wire, '/b')).text, '/b');
});
