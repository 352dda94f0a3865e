/** Whoever floods an endpoint keeps nobody else's probe out. Clients of many addresses are 127.0.0.1, 127.0.0.2 and so on. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../../e2e/support/eventually.ts';
import { type HealthServerOptions, startHealthServer } from './health-server.ts';

const host = '127.0.0.1';
/** A deadline, and no measure: a machine that is busy with other tests answers late. */
const probeMs = 60_000;

/** A server, and clients of it that end with the test. */
async function stage(t: ExecutionContext, options: Partial<HealthServerOptions> = {}) {
	const server = await startHealthServer({ host, port: 0, healthz: {}, ...options });
	const sockets: Socket[] = [];
	t.teardown(async () => {
		for (const socket of sockets) socket.destroy();
		await server.close(0);
	});
	return {
		/** Connects, says the words, and goes on holding the connection. */
		hold(words: string, localAddress = host): Socket {
			const socket = connect({ port: server.port, host, localAddress, allowHalfOpen: true });
			socket.on('error', () => undefined);
			socket.write(words);
			sockets.push(socket);
			return socket;
		},
		connections: () => server.connections(),
		/** What the kubelet does: a connection of its own, one question. Gives the status. */
		probe(path = '/healthz', localAddress = host): Promise<number> {
			return new Promise((resolve, reject) => {
				const asked = request(
					{ port: server.port, host, path, localAddress, agent: false, timeout: probeMs },
					(response) => response.resume().once('end', () => resolve(response.statusCode ?? 0)),
				);
				asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
				asked.once('error', reject).end();
			});
		},
	};
}

/** Resolves when the server has ended the connection. */
async function ended(socket: Socket): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	socket.once('end', resolve).once('close', resolve).resume();
	await promise;
	socket.destroy();
}

const unfinished = {
	'that say nothing': '',
	'with half a head': 'GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ',
	'with a body that never comes': 'POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{',
	'with chunks that never end': 'POST /healthz HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n',
	'with many requests at once': 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(20),
	'that keep the connection': 'GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n',
	'that are no HTTP': '\u0016\u0003\u0001 hello\n',
};

for (const [title, words] of Object.entries(unfinished)) {
	test.serial(`requests ${title}, 150 from one address and 150 from as many, leave probes answered`, async (t) => {
		const { hold, probe } = await stage(t);
		for (let index = 0; index < 150; index++) {
			hold(words);
			hold(words, `127.0.1.${1 + index}`);
			if (index % 50 === 49) t.is(await probe(), 200);
		}
		t.is(await probe('/readyz', '127.0.0.9'), 200);
	});
}

test.serial(
	'while clients open connections without an end, probes of their own address are answered too',
	async (t) => {
		const { hold, probe } = await stage(t);
		let isOver = false;
		const flood = async (localAddress: string): Promise<void> => {
			while (!isOver) {
				const held = Array.from({ length: 40 }, () => hold('GET /healthz HTTP/1.1\r\n', localAddress));
				await Promise.race(held.map(ended));
			}
		};
		const floods = [host, '127.0.0.2', '127.0.0.3'].map(flood);
		try {
			for (let asked = 0; asked < 5; asked++) {
				t.deepEqual(await Promise.all([probe(), probe('/healthz', '127.0.0.9')]), [200, 200]);
			}
		} finally {
			isOver = true;
		}
		await Promise.all(floods);
	},
);

test.serial('who sends nothing, or only a part of the head, is cut off', async (t) => {
	const { hold } = await stage(t);
	const idle = hold('');
	const slow = hold('GET /healthz HTTP/1.1\r\n');
	const drip = setInterval(() => slow.write('x-a: b\r\n'), 50);
	t.teardown(() => clearInterval(drip));
	await Promise.all([idle, slow].map(ended));
	t.pass();
});

test.serial('a connection is good for one request, and closed with its answer', async (t) => {
	const { hold } = await stage(t);
	const socket = hold('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(3));
	let answer = '';
	socket.setEncoding('utf8').on('data', (text) => {
		answer += text;
	});
	await once(socket, 'end');
	t.is(answer.match(/^HTTP\/1\.1 /gm)?.length, 1);
	t.regex(answer, /^connection: close\r$/im);
});

test.serial('a head above the limit is refused', async (t) => {
	const { hold } = await stage(t);
	const socket = hold(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(8_192)}\r\n\r\n`);
	const [answer] = await once(socket.setEncoding('utf8'), 'data');
	t.regex(String(answer), /^HTTP\/1\.1 431 /);
});

test.serial('one address holds 16 connections, the newest; one server 128', async (t) => {
	const { hold, probe } = await stage(t, { limits: { headersMs: 60_000 } });
	const openOf = (sockets: readonly Socket[]): number => sockets.filter(({ destroyed }) => !destroyed).length;
	const until = async (sockets: readonly Socket[], most: number): Promise<void> => {
		const ends = sockets.map(ended);
		while (openOf(sockets) > most) await Promise.race(ends.filter((_, index) => sockets[index]?.destroyed === false));
	};
	const own = Array.from({ length: 40 }, () => hold(''));
	await until(own, 16);
	t.is(openOf(own.slice(24)), 16, 'the oldest were ended');
	const many = Array.from({ length: 200 }, (_, index) => hold('', `127.0.3.${1 + index}`));
	await until([...own, ...many], 128);
	t.is(openOf(many.slice(-128)), 128);
	t.is(await probe(), 200);
});

test.serial('however many ask for the metrics, and read them slowly, they are collected once', async (t) => {
	let collected = 0;
	// More than both ends of a connection buffer.
	const size = 32 * 2 ** 20;
	const metrics = {
		contentType: 'text/plain',
		async metrics() {
			collected++;
			await new Promise((resolve) => setImmediate(resolve));
			return 'x'.repeat(size);
		},
	};
	const { hold, probe, connections } = await stage(t, { metrics, limits: { lifetimeMs: 3_000 } });
	const slow = Array.from({ length: 8 }, (_, index) =>
		hold('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n', `127.0.0.${1 + index}`).pause(),
	);
	await once(slow[0] as Socket, 'connect');
	t.is(await probe(), 200);
	t.is(await probe('/metrics', '127.0.1.1'), 200);
	t.is(collected, 1);
	const read = slow.map((socket) => {
		let bytes = 0;
		socket.on('data', (chunk: Buffer) => {
			bytes += chunk.length;
		});
		socket.pause();
		return () => bytes;
	});
	// Nothing is left of them on the server, though they have read nothing.
	await eventually('the slow ones are cut off', () => connections() === 0);
	await Promise.all(slow.map(ended));
	for (const bytes of read) t.true(bytes() < size);
});
