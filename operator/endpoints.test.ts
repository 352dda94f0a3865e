import test from 'ava';
import { Endpoints } from './endpoints.ts';

const free = { host: '127.0.0.1', port: 0 };
const registry = { contentType: 'text/plain', metrics: async () => 'x 1\n' };

test('liveness, readiness and metrics are servers of their own, on the addresses that are given', async (t) => {
	const told = { awaited: () => 'the first lists', leaseTrouble: () => undefined, staleForMs: () => 0 };
	const addresses = { livenessAddress: free, healthAddress: free, metricsAddress: free };
	const endpoints = new Endpoints(addresses, told, registry);
	await endpoints.start();
	const { liveness, health, metrics } = endpoints;
	const ask = async (server: typeof health, path: string) =>
		(await fetch(`http://127.0.0.1:${server?.port}${path}`)).status;
	t.is(await ask(liveness, '/healthz'), 200);
	t.is(await ask(health, '/healthz'), 200);
	t.is(await ask(health, '/readyz'), 503);
	t.is(await ask(metrics, '/metrics'), 200);
	t.is(await ask(liveness, '/metrics'), 404);
	t.is(await ask(health, '/metrics'), 404);
	await endpoints.stop();
});

test('without an address for liveness, /healthz is served where it always was', async (t) => {
	const endpoints = new Endpoints(
		{ healthAddress: free, metricsAddress: undefined },
		{ awaited: () => undefined, leaseTrouble: () => undefined, staleForMs: () => 11 * 60_000 },
		registry,
	);
	await endpoints.start();
	t.is(endpoints.liveness, undefined);
	t.is(endpoints.metrics, undefined);
	const answer = await fetch(`http://127.0.0.1:${endpoints.health?.port}/healthz`);
	t.is(answer.status, 503);
	t.regex(await answer.text(), /a watch has been down for 660 s/);
	await endpoints.stop();
});
