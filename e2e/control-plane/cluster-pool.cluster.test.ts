/** Clusters that are lent: what a borrower leaves behind is gone for the next one, and all of it ends with the lender. */
import test from 'ava';
import { z } from 'zod';
import type { Cluster } from './cluster.ts';
import { ClusterPool } from './cluster-pool.ts';
import { configMap, isGone } from './cluster-testing.ts';
import { borrowCluster, type Lender, startLending } from './lending.ts';
import { locateControlPlane } from './locate.ts';
import { eventually, printAndDie, processesWith, statesWith } from './testing.ts';

async function programs(): Promise<string> {
	const located = await locateControlPlane('all');
	if (located.kind === 'kubeconfig') throw new Error('clusters are started here: unset MESHWRIGHT_TEST_KUBECONFIG');
	return located.directory;
}

let pool: ClusterPool;
let lender: Lender;
const said: string[] = [];

test.before(async () => {
	pool = new ClusterPool(await programs(), (line) => said.push(line));
	lender = await startLending(pool);
});
test.after.always(async () => {
	await lender?.stop();
	await pool?.stop();
});

const named = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

async function namesOf(cluster: Cluster, path: string): Promise<readonly string[]> {
	return named
		.parse(await cluster.request({ path }))
		.items.map(({ metadata }) => metadata.name)
		.sort();
}

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
const widget = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const nodePort = 31_234;
const leases = '/apis/coordination.k8s.io/v1/leases';

/** Each of them is in somebody's way. */
async function leaveThings(cluster: Cluster): Promise<void> {
	const post = (path: string, body: object) => cluster.request({ method: 'POST', path, body });
	await post('/api/v1/namespaces', { metadata: { name: 'left', finalizers: ['example.com/never'] } });
	await post('/api/v1/namespaces/left/serviceaccounts', { metadata: { name: 'left' } });
	await post('/api/v1/namespaces/left/services', {
		metadata: { name: 'left' },
		spec: { type: 'NodePort', ports: [{ port: 80, nodePort }] },
	});
	await post(crds, {
		metadata: { name: 'widgets.example.com' },
		spec: {
			group: 'example.com',
			scope: 'Namespaced',
			names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
			versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: widget } }],
		},
	});
	const widgets = '/apis/example.com/v1/namespaces/left/widgets';
	await eventually('the new kind is served', () =>
		post(widgets, {
			apiVersion: 'example.com/v1',
			kind: 'Widget',
			metadata: { name: 'left', finalizers: ['example.com/never'] },
		}).then(
			() => true,
			() => false,
		),
	);
	await post(webhooks, {
		metadata: { name: 'left' },
		webhooks: [
			{
				name: 'left.example.com',
				failurePolicy: 'Fail',
				sideEffects: 'None',
				admissionReviewVersions: ['v1'],
				clientConfig: { service: { namespace: 'left', name: 'left', port: 80 } },
				rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
			},
		],
	});
	await eventually('the webhook is in force', () =>
		cluster.request(configMap(`refused-${Date.now()}`)).then(
			() => false,
			() => true,
		),
	);
	const contentType = 'application/merge-patch+json';
	await cluster.request({
		method: 'PATCH',
		path: '/api/v1/namespaces/default',
		contentType,
		body: { metadata: { labels: { left: 'behind' } } },
	});
	await cluster.request({
		method: 'DELETE',
		path: '/apis/rbac.authorization.k8s.io/v1/clusterroles/view',
	});
	// Of an operator that was killed: the next one would wait until it has run out.
	await post('/apis/coordination.k8s.io/v1/namespaces/left/leases', {
		metadata: { name: 'left' },
		spec: {
			holderIdentity: 'left',
			leaseDurationSeconds: 600,
			renewTime: new Date().toISOString().replace('Z', '000Z'),
		},
	});
}

test.serial('what a borrower leaves behind is gone for the next one', async (t) => {
	const first = await borrowCluster(lender.socket, { name: 'first' });
	const { url } = first;
	const before = await Promise.all(['/api/v1/namespaces', '/apis'].map((path) => first.request({ path })));
	await leaveThings(first);
	t.true((await first.auditEvents()).some(({ objectRef }) => objectRef?.name === 'widgets.example.com'));
	await first.stop();
	await first.stop();

	for (const name of ['second', 'third']) {
		await using cluster = await borrowCluster(lender.socket, { name });
		t.is(cluster.url, url, 'it is the same one');
		const users = (await cluster.auditEvents()).map(({ user }) => user.username);
		t.deepEqual(
			[...new Set(users)].filter((user) => user !== 'system:apiserver'),
			[],
		);
		t.deepEqual(await namesOf(cluster, crds), []);
		t.deepEqual(await namesOf(cluster, webhooks), []);
		t.deepEqual(await namesOf(cluster, '/api/v1/serviceaccounts'), []);
		t.false((await namesOf(cluster, leases)).includes('left'));
		t.true((await namesOf(cluster, '/apis/rbac.authorization.k8s.io/v1/clusterroles')).includes('view'));
		const now = await Promise.all(['/api/v1/namespaces', '/apis'].map((path) => cluster.request({ path })));
		const labels = z.object({
			items: z.array(z.object({ metadata: z.object({ name: z.string(), labels: z.unknown() }) })),
		});
		t.deepEqual(labels.parse(now[0]), labels.parse(before[0]));
		t.deepEqual(now[1], before[1]);
		// All of it can be made again: nothing is remembered of the names, the port or the kind.
		await cluster.request(configMap('mine'));
		await leaveThings(cluster);
		t.regex(cluster.adminKubeconfig(), /loan-\d+/);
	}
	t.deepEqual(pool.figures, { clusters: 1, loans: 3 });
	t.deepEqual(said, []);
});

test.serial('controllers and nodes are those of one loan', async (t) => {
	const nodes = async (cluster: Cluster) => namesOf(cluster, '/api/v1/nodes');
	const pods = '/api/v1/namespaces/default/pods';
	for (const [name, count] of [
		['west', 2],
		['east', 1],
	] as const) {
		await using cluster = await borrowCluster(lender.socket, { name, parts: 'all', nodes: count });
		t.deepEqual(
			await nodes(cluster),
			Array.from({ length: count }, (_, index) => `${name}-node-${index + 1}`),
		);
		t.deepEqual(await namesOf(cluster, pods), []);
		const labels = { app: 'web' };
		await cluster.request({
			method: 'POST',
			path: '/apis/apps/v1/namespaces/default/deployments',
			body: {
				metadata: { name: 'web' },
				spec: {
					replicas: 2,
					selector: { matchLabels: labels },
					template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
				},
			},
		});
		await eventually('its pods are ready', async () => {
			const { status } = z
				.object({ status: z.object({ readyReplicas: z.number().optional() }) })
				.parse(await cluster.request({ path: '/apis/apps/v1/namespaces/default/deployments/web' }));
			return status.readyReplicas === 2;
		});
	}
	await using bare = await borrowCluster(lender.socket, {});
	t.deepEqual(await nodes(bare), []);
	t.deepEqual(await namesOf(bare, pods), []);
	t.deepEqual(
		(await namesOf(bare, leases)).filter((name) => name.includes('-node-')),
		[],
		'nodes of these names are ready at once when there are some again',
	);
	t.is(bare.podCIDR, undefined);
	t.deepEqual(pool.figures, { clusters: 1, loans: 6 });
});

test.serial('two loans at a time are two clusters, and an outage is none of theirs', async (t) => {
	const [west, east] = await Promise.all([
		borrowCluster(lender.socket, { name: 'west' }),
		borrowCluster(lender.socket, { name: 'east' }),
	]);
	t.not(west.url, east.url);
	t.not(west.serviceCIDR, east.serviceCIDR);
	await t.throwsAsync(west.stopApiServer(), { message: /startCluster\(\{ own: true \}\)/ });
	await west.stop();
	await east.stop();
	await using again = await borrowCluster(lender.socket, { name: 'again' });
	t.true([west.url, east.url].includes(again.url));
	t.is(pool.figures.clusters, 2);
});

test.serial('one that nobody has does nothing until it is lent again', async (t) => {
	const first = await borrowCluster(lender.socket, { name: 'first' });
	const { url } = first;
	/** Of kube-apiserver and its guard, which waits for it. */
	const states = async () =>
		statesWith(`/kube-apiserver --etcd-servers=unix://${first.directory.replace(/loan-.*/, '')}`);
	t.true((await states()).every((state) => state !== 'T'));
	await first.stop();
	await eventually('it is stopped', async () => (await states()).includes('T'));
	// There are two, and who comes next may get either.
	await using one = await borrowCluster(lender.socket, { name: 'one' });
	await using other = await borrowCluster(lender.socket, { name: 'other' });
	const again = [one, other].find((cluster) => cluster.url === url);
	t.true((await states()).every((state) => state !== 'T'));
	t.truthy(again);
	await again?.request(configMap('after-all'));
});

test.serial('a borrower that is killed gives back what it had', async (t) => {
	const url = await printAndDie(
		`
		import { borrowCluster } from ${JSON.stringify(new URL('lending.ts', import.meta.url).href)};
		const cluster = await borrowCluster(${JSON.stringify(lender.socket)}, { name: 'orphan' });
		await cluster.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'orphaned' } } });
		setInterval(() => {}, 1000);
		console.log(cluster.url);
	`,
		'SIGKILL',
	);
	await using next = await borrowCluster(lender.socket, { name: 'next' });
	await using other = await borrowCluster(lender.socket, { name: 'other' });
	t.true([next.url, other.url].includes(url));
	for (const cluster of [next, other]) t.false((await namesOf(cluster, '/api/v1/namespaces')).includes('orphaned'));
	t.is(pool.figures.clusters, 2);
});

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
	test.serial(`when the lender ends by ${signal}, what it has lent goes with it`, async (t) => {
		const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
		const source = `
			import { ClusterPool } from ${at('cluster-pool.ts')};
			import { borrowCluster, type Lender, startLending } from ${at('lending.ts')};
			const pool = new ClusterPool(${JSON.stringify(await programs())}, () => undefined);
			const { socket } = await startLending(pool);
			const { directory } = await borrowCluster(socket, { name: 'lent', parts: 'all' });
			setInterval(() => {}, 1000);
			console.log(JSON.stringify([directory.replace(/.loan-.*/, ''), socket]));
		`;
		const [directory, socket] = JSON.parse(await printAndDie(source, signal)) as [string, string];
		t.regex(directory, /meshwright-lent-/);
		await eventually('no process is left', async () => (await processesWith(directory)).length === 0);
		await eventually('its files are gone', async () => (await isGone(directory)) && (await isGone(socket)));
		t.pass();
	});
}
