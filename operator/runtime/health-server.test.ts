import { connect } from 'node:net';
import test from 'ava';
import { startHealthServer } from './health-server.ts';
import { createMetrics } from './metrics.ts';

const host = '127.0.0.1';

test('healthz and readyz say ok, or which check failed', async (t) => {
	let isSynced = false;
	const server = await startHealthServer({
		host,
		port: 0,
		healthz: { ping: () => undefined },
		readyz: {
			caches: () => (isSynced ? undefined : 'Deployments are not synced'),
			broken: () => {
				if (!isSynced) throw new Error('not yet');
				return undefined;
			},
		},
	});
	const get = async (path: string): Promise<[number, string]> => {
		const response = await fetch(`http://${host}:${server.port}${path}`);
		return [response.status, await response.text()];
	};
	t.deepEqual(await get('/healthz'), [200, 'ok\n']);
	t.deepEqual(await get('/readyz'), [
		503,
		'[-]caches failed: Deployments are not synced\n[-]broken failed: not yet\nfailed\n',
	]);
	isSynced = true;
	t.deepEqual(await get('/readyz'), [200, 'ok\n']);
	t.deepEqual(await get('/readyz?verbose'), [200, '[+]caches ok\n[+]broken ok\nok\n']);
	await server.close();
});

test('what a check says is one line, whoever’s words it repeats', async (t) => {
	const server = await startHealthServer({ host, port: 0, readyz: { start: () => 'no\n[+]start ok\u001b[2J' } });
	const response = await fetch(`http://${host}:${server.port}/readyz`);
	t.is(await response.text(), '[-]start failed: no [+]start ok\\u{1b}[2J\nfailed\n');
	await server.close();
});

test('metrics come in the form that Prometheus reads', async (t) => {
	const { registry } = createMetrics({ version: '1.2.3', processMetrics: false });
	const server = await startHealthServer({ host, port: 0, metrics: registry });
	const response = await fetch(`http://${host}:${server.port}/metrics`);
	t.is(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
	t.true((await response.text()).includes('meshwright_build_info{version="1.2.3"} 1'));
	await server.close();
});

test('metrics that fail are a 500, and a server without metrics has none', async (t) => {
	const failing = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('collect failed')) };
	const server = await startHealthServer({ host, port: 0, metrics: failing });
	const response = await fetch(`http://${host}:${server.port}/metrics`);
	t.is(response.status, 500);
	await response.text();
	await server.close();
	const without = await startHealthServer({ host, port: 0 });
	t.is((await fetch(`http://${host}:${without.port}/metrics`)).status, 404);
	await without.close();
});

test('other paths are 404, other methods 405, HEAD has no body', async (t) => {
	const server = await startHealthServer({ host, port: 0 });
	const url = `http://${host}:${server.port}`;
	t.is((await fetch(`${url}/`)).status, 404);
	t.is((await fetch(`${url}/healthz/../secret`)).status, 404);
	const refused = await fetch(`${url}/healthz`, { method: 'POST', body: 'x' });
	t.is(refused.status, 405);
	t.is(refused.headers.get('allow'), 'GET, HEAD');
	const head = await fetch(`${url}/healthz`, { method: 'HEAD' });
	t.deepEqual([head.status, await head.text()], [200, '']);
	await server.close();
});

test('a port that is taken is an error', async (t) => {
	const server = await startHealthServer({ host, port: 0 });
	await t.throwsAsync(startHealthServer({ host, port: server.port }), { code: 'EADDRINUSE' });
	await server.close();
	await server.close();
});

test('close does not wait for clients that hold their connection', async (t) => {
	const server = await startHealthServer({ host, port: 0 });
	const socket = connect(server.port, host);
	const closed = new Promise((resolve) => socket.once('close', resolve));
	await new Promise((resolve) => socket.once('connect', resolve));
	socket.write('GET /healthz HTTP/1.1\r\n');
	await server.close(20);
	await closed;
	await t.throwsAsync(fetch(`http://${host}:${server.port}/healthz`));
});
