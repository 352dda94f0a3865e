import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type LookupFunction } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { loopbackCertificate } from '../../../e2e/support/hostile-server.ts';
import { BlockedError, isTlsFailure, RequestError, TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { openWatch, type WatchEnd } from '../watch/watch-stream.ts';
import { ApiServer } from './api-server.ts';
import { ConnectionBudget, joinedLimits, SharedBudget } from './budget.ts';
import type { ApiServerOptions } from './requests.ts';

async function serve(
	t: ExecutionContext,
	listener: RequestListener,
	options: ApiServerOptions = {},
	host = '127.0.0.1',
) {
	const seen: string[] = [];
	const server = createServer((request, response) => {
		seen.push(request.url ?? '');
		listener(request, response);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	const api = new ApiServer({ url: `http://${host}:${port}`, token: 'sesame' }, options);
	t.teardown(async () => {
		await api.close();
		server.closeAllConnections();
		server.close();
	});
	return { api, seen };
}

const watchEnd = (api: ApiServer) =>
	new Promise<WatchEnd>((resolve) => {
		const ignored = () => undefined;
		openWatch(api, kinds.Service, { timeoutSeconds: 60 }, { opened: ignored, event: ignored, ended: resolve });
	});

for (const status of [301, 302, 303, 307, 308]) {
	test(`a redirection (${status}) is not followed, by requests and watches`, async (t) => {
		const { api, seen } = await serve(t, (_request, response) => {
			response.writeHead(status, { location: '/elsewhere' });
			response.end();
		});
		const error = await t.throwsAsync<RequestError>(api.request({ method: 'GET', path: '/version' }), {
			instanceOf: RequestError,
		});
		t.is(error.status, status);
		const end = await watchEnd(api);
		t.is(end.how, 'refused');
		t.true(end.how !== 'done' && end.error instanceof RequestError);
		t.deepEqual(
			seen.filter((url) => url.startsWith('/elsewhere')),
			[],
		);
	});
}

test('a limit of what is read holds for answers of any status, also without end', async (t) => {
	for (const status of [200, 404]) {
		const { api } = await serve(
			t,
			(_request, response) => {
				response.writeHead(status);
				const pour = () => {
					while (response.write('x'.repeat(1024)));
				};
				response.on('drain', pour);
				pour();
			},
			{ maxResponseBytes: 4096 },
		);
		const error = await t.throwsAsync<RequestError>(api.request({ method: 'GET', path: '/version' }), {
			instanceOf: RequestError,
			message: 'GET /version: the answer is longer than 4096 bytes',
		});
		t.is(error.reason, 'ResponseTooLarge');
	}
});

test('names are resolved by the given lookup, for requests and watches', async (t) => {
	const asked: string[] = [];
	const lookup: LookupFunction = (hostname, options, callback) => {
		asked.push(hostname);
		if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
		else callback(null, '127.0.0.1', 4);
	};
	const { api } = await serve(t, (_request, response) => response.end(), { lookup }, 'api.example');
	t.is((await api.request({ method: 'GET', path: '/version' })).status, 200);
	t.like(await watchEnd(api), { how: 'done' });
	t.deepEqual(asked, ['api.example', 'api.example']);
});

test('an error of the family with which a lookup refuses is the result; any other is transient', async (t) => {
	const failing = (error: Error): LookupFunction => {
		return (_hostname, options, callback) => callback(error, options.all === true ? [] : '');
	};
	const refusal = new BlockedError('NotNow', 'not now');
	const { api } = await serve(t, () => t.fail(), { lookup: failing(refusal) }, 'api.example');
	t.is(await t.throwsAsync(api.request({ method: 'GET', path: '/version' })), refusal);
	const end = await watchEnd(api);
	t.is(end.how === 'done' ? undefined : end.error, refusal);

	const unknown = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
	const { api: lost } = await serve(t, () => t.fail(), { lookup: failing(unknown) }, 'api.example');
	const error = await t.throwsAsync(lost.request({ method: 'GET', path: '/version' }), { instanceOf: TransientError });
	t.is(error.cause, unknown);
});

test('a failure of TLS is told by a code anywhere in the chain of causes', (t) => {
	const coded = (code: string) => Object.assign(new Error('x'), { code });
	t.true(isTlsFailure(coded('CERT_HAS_EXPIRED')));
	t.true(
		isTlsFailure(new TransientError('x', { cause: new Error('y', { cause: coded('ERR_TLS_CERT_ALTNAME_INVALID') }) })),
	);
	for (const error of [
		undefined,
		'CERT_HAS_EXPIRED',
		new Error('CERT_HAS_EXPIRED'),
		coded('ECONNREFUSED'),
		coded('EPROTO'),
	]) {
		t.false(isTlsFailure(error));
		t.false(isTlsFailure(new TransientError('x', { cause: error })));
	}
	const round = new Error('x');
	round.cause = round;
	t.false(isTlsFailure(round));
});

test('with a budget: a server that is not there is an error like any other', async (t) => {
	const { api: open } = await serve(t, (_request, response) => response.end());
	await using api = new ApiServer(
		{ url: `http://${open.host}`, token: 'sesame' },
		{
			budget: new ConnectionBudget(new SharedBudget()),
			lookup: (_hostname, _options, callback) => callback(new Error('away'), ''),
		},
	);
	t.is((await api.request({ method: 'GET', path: '/version' })).status, 200);
	await using lost = new ApiServer(
		{ url: 'http://127.0.0.1:1', token: 'sesame' },
		{ budget: new ConnectionBudget(new SharedBudget()) },
	);
	await t.throwsAsync(lost.request({ method: 'GET', path: '/version' }), { instanceOf: TransientError });
});

test('with a budget: what is part of no answer is counted behind a proxy too', async (t) => {
	const { ca, cert, key } = await loopbackCertificate();
	const target = createTlsServer({ cert, key }, (socket) => {
		socket.on('error', () => undefined);
		socket.once('data', () => {
			const pour = () => {
				while (!socket.destroyed && socket.write('x'.repeat(16 * 1024)));
			};
			socket.on('drain', pour);
			socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=');
			pour();
		});
	});
	target.listen(0, '127.0.0.1');
	await once(target, 'listening');
	const { port } = target.address() as AddressInfo;
	const proxy = createServer();
	proxy.on('connect', (_request, socket) => {
		const tunnel = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
		for (const [from, to] of [
			[socket, tunnel],
			[tunnel, socket],
		] as const) {
			from.pipe(to);
			from.on('error', () => to.destroy());
		}
	});
	proxy.listen(0, '127.0.0.1');
	await once(proxy, 'listening');
	t.teardown(() => {
		target.close();
		proxy.close();
		proxy.closeAllConnections();
	});
	const budget = new ConnectionBudget(new SharedBudget());
	const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
	await using api = new ApiServer({ url: `https://127.0.0.1:${port}`, ca, token: 'sesame', proxyUrl }, { budget });
	await t.throwsAsync(api.request({ method: 'GET', path: '/version' }), {
		message: /bytes that are part of no answer/,
	});
});

test('with a budget: a server that sends events without end is read at its pace, and not ahead of it', async (t) => {
	let sent = 0;
	const event = `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '1' } } })}\n`;
	const { api: open } = await serve(t, (_request, response) => {
		response.writeHead(200);
		const pour = () => {
			do sent += event.length;
			while (response.write(event));
		};
		response.on('drain', pour);
		pour();
	});
	const limits = { ...joinedLimits, events: { burst: 1e9, perSecond: 1e9 }, work: { burstMs: 10, share: 0.1 } };
	const budget = new ConnectionBudget(new SharedBudget(), undefined, limits);
	await using api = new ApiServer({ url: `http://${open.host}`, token: 'sesame' }, { budget });
	let events = 0;
	const ignored = () => undefined;
	const callbacks = { opened: ignored, event: () => void events++, ended: ignored };
	const watch = openWatch(api, kinds.Service, { timeoutSeconds: 60 }, callbacks);
	await eventually('it has waited for its part of the time more than once', () => events > 1_500);
	watch.close();
	// What the kernel and the two ends have between them is a few megabytes at most.
	t.true(sent - events * event.length < 16 * 1024 * 1024, `${sent} bytes were sent, ${events} events taken in`);
	t.is(budget.offence, undefined);
});
