import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import test from 'ava';
import {
	endHeaders,
	endStream,
	frame,
	frameTypes,
	type RawHttp2Server,
	startRawHttp2,
	status200,
} from '../../../e2e/support/raw-http2.ts';
import { ConnectionBudget, SharedBudget } from './budget.ts';
import { Http2Session } from './http2-session.ts';
import type { AnswerControl, AnswerHandler } from './wire.ts';

/** The end of a side takes this long. */
const endMs = 100;
/** When a request is broken off: at once, or this much after the server has ended its side. */
const moments: Readonly<Record<string, (abort: () => void) => void>> = {
	'at once': (abort) => abort(),
	'after other work of the same turn': (abort) => process.nextTick(() => process.nextTick(abort)),
	'in the next turn': (abort) => void setImmediate(abort),
	'a turn later': (abort) => void setImmediate(() => setImmediate(abort)),
};

const inert: AnswerHandler = {
	onRequestStart: () => undefined,
	onResponseStart: () => undefined,
	onResponseData: () => undefined,
	onResponseEnd: () => undefined,
	onResponseError: () => undefined,
};

/** A session over a connection of which the end takes its time, with a budget. */
async function open({ url, ca }: RawHttp2Server) {
	const { port } = new URL(url);
	const socket = connect({ host: '127.0.0.1', port: Number(port), ca, ALPNProtocols: ['h2'] });
	await once(socket, 'secureConnect');
	const end = socket.end.bind(socket) as (whenDone: () => void) => TLSSocket;
	// Whoever sends his last words on a busy line waits.
	socket.end = (whenDone?: unknown) => {
		if (typeof whenDone === 'function') setTimeout(() => end(whenDone as () => void), endMs);
		return socket;
	};
	const closed = Promise.withResolvers<void>();
	const session = new Http2Session(socket, {
		origin: url,
		budget: new ConnectionBudget(new SharedBudget()),
		settingsMs: 60_000,
		idleMs: 60_000,
		onClosed: () => closed.resolve(),
	});
	await session.ready;
	return { socket, session, closed: closed.promise };
}

const request = { method: 'GET', path: '/', headers: {}, body: undefined };

// Node's wrapper of a stream that is no socket of the system takes no write after its end, and throws where nobody catches it.
for (const [name, at] of Object.entries(moments)) {
	test(`a server ends its side of a connection with a budget, and a request is broken off ${name}`, async (t) => {
		await using server = await startRawHttp2(({ type, stream }, connection) => {
			if (type !== frameTypes.headers || stream !== 1) return;
			connection.send(frame(frameTypes.headers, endHeaders, stream, status200));
			connection.end();
		});
		const { socket, session, closed } = await open(server);
		const controls: AnswerControl[] = [];
		for (let count = 0; count < 3; count++) {
			session.dispatch(
				request,
				{ ...inert, onRequestStart: (control) => void controls.push(control) },
				() => undefined,
			);
		}
		const abort = () => {
			for (const control of controls) control.abort(new Error('enough'));
		};
		socket.once('end', () => at(abort));
		await closed;
		t.is(controls.length, 3);
		t.false(session.hasRoom);
		t.true(socket.destroyed);
	});
}

test('an answer that comes right before the end of the server’s side is whole, and one that is cut is not', async (t) => {
	const text = 'x'.repeat(100_000);
	await using server = await startRawHttp2(({ type, stream }, connection) => {
		if (type !== frameTypes.headers || stream !== 3) return;
		const head = (of: number) => frame(frameTypes.headers, endHeaders, of, status200);
		const pieces = text.match(/.{1,10000}/g) ?? [];
		const piece = (data: string, index: number) =>
			frame(frameTypes.data, index === pieces.length - 1 ? endStream : 0, 3, Buffer.from(data));
		connection.send(head(1), frame(frameTypes.data, 0, 1, Buffer.from('y')), head(3), ...pieces.map(piece));
		connection.end();
	});
	const { session, closed } = await open(server);
	const told: string[] = [];
	const dispatch = (name: string) => {
		let length = 0;
		const handler: AnswerHandler = {
			...inert,
			onResponseData: (_control, chunk) => {
				length += chunk.length;
			},
			onResponseEnd: () => void told.push(`${name}: whole, ${length}`),
			onResponseError: (_control, error) => void told.push(`${name}: ${error.message}`),
		};
		session.dispatch(request, handler, () => undefined);
	};
	dispatch('cut');
	dispatch('whole');
	await closed;
	t.deepEqual(told, [`whole: whole, ${text.length}`, 'cut: the server closed the connection']);
});
