import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { startCluster } from './cluster.ts';
import { clusterFor, configMap, isGone } from './cluster-testing.ts';
import { locateControlPlane } from './locate.ts';
import { startOwnCluster } from './own-cluster.ts';
import { freePort } from './ports.ts';
import { eventually, printAndDie, processesWith } from './testing.ts';

test.serial('two clusters run side by side, reach different servers, and overlap in no range', async (t) => {
	const [west, east] = await Promise.all([clusterFor(t, { name: 'west' }), clusterFor(t, { name: 'east' })]);
	t.not(west.url, east.url);
	t.not(west.serviceCIDR, east.serviceCIDR);
	await west.request(configMap('only-in-west'));
	await t.throwsAsync(east.request({ path: '/api/v1/namespaces/default/configmaps/only-in-west' }), {
		name: 'ApiServerError',
		message: /404/,
	});
	const ranges = await west.request({ path: '/apis/networking.k8s.io/v1/servicecidrs/kubernetes' });
	t.like(ranges, { spec: { cidrs: [west.serviceCIDR] } });
});

test.serial('a stopped cluster leaves neither processes nor files, and stopping twice is fine', async (t) => {
	const { directory, stop } = await startCluster({ own: true });
	t.not((await processesWith(directory)).length, 0);
	await stop();
	await stop();
	t.true(await isGone(directory));
	await eventually('no process is left', async () => (await processesWith(directory)).length === 0);
});

test.serial('a server that cannot start tells why and leaves nothing behind', async (t) => {
	const name = `broken-${process.pid}`;
	await t.throwsAsync(startCluster({ name, apiServerFlags: ['--no-such-flag'] }), {
		name: 'ProgramExitError',
		message: /unknown flag: --no-such-flag/,
	});
	await eventually('no process is left', async () => (await processesWith(`meshwright-${name}-`)).length === 0);
	t.pass();
});

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
	test.serial(
		`when the process that started a cluster ends by ${signal}, the cluster goes with all its files`,
		async (t) => {
			const source = `
			import { startCluster } from ${JSON.stringify(new URL('cluster.ts', import.meta.url).href)};
			const { directory } = await startCluster({ own: true, parts: 'all', name: 'orphan' });
			setInterval(() => {}, 1000);
			console.log(directory);
		`;
			const directory = await printAndDie(source, signal);
			t.regex(directory, /meshwright-orphan-/);
			await eventually('no process is left', async () => (await processesWith(directory)).length === 0);
			await eventually('its files are gone', () => isGone(directory));
			t.pass();
		},
	);
}

test.serial('a port that somebody was quicker to take is a reason to take another', async (t) => {
	const holder = createServer();
	await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
	t.teardown(() => holder.close());
	const { port: held } = holder.address() as AddressInfo;
	const located = await locateControlPlane('api-server');
	if (located.kind === 'kubeconfig') {
		t.pass('not this time: a cluster is offered');
		return;
	}
	const ports: number[] = [];
	const own = await startOwnCluster(located.directory, {}, async () => {
		ports.push(ports.length === 0 ? held : await freePort());
		return ports.at(-1) ?? held;
	});
	t.teardown(() => own.stop());
	t.true(ports.length > 1);
	t.is(own.url, `https://127.0.0.1:${ports.at(-1)}`);
	t.is(await own.request({ path: '/readyz' }), 'ok');
});
