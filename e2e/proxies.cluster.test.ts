/** Users' proxies: which versions run where, and what becomes of them when the mesh changes or goes. */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	installationReference,
	readInstallation,
	untilCondition,
	untilEvent,
	untilGone,
	untilReady,
	versionsOf,
} from './support/installation.ts';
import { type MeshCluster, makeNamespace, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { untilCalm } from './support/writes.ts';

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	operator = await startOperator(mesh, { proxiesQuietMs: 100 });
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

async function pod(namespace: string, name: string, version: string, controlPlane: string): Promise<void> {
	await mesh.api.create({
		...kinds.Pod,
		metadata: { namespace, name },
		spec: {
			containers: [
				{ name: 'web', image: 'web:1' },
				{
					name: 'istio-proxy',
					image: `docker.io/istio/proxyv2:${version}`,
					args: ['proxy', 'sidecar', '--discoveryAddress', `istio-pilot.${controlPlane}:15010`],
				},
			],
		},
	});
}

async function untilTells(name: string, expected: object): Promise<void> {
	await eventually(`the status tells of ${JSON.stringify(expected)}`, async () => {
		const { proxies } = (await readInstallation(mesh.api, name)).status ?? {};
		return isDeepStrictEqual(proxies?.byVersion ?? [], expected);
	});
}

test.serial('the status tells which versions run where, which are not supported, and is quiet then', async (t) => {
	const { api, cluster } = mesh;
	const name = 'counted';
	const namespace = 'istio-counted';
	await applyInstallation(api, name, { namespace, version: '1.3.8' });
	await untilReady(api, name);
	for (const one of ['shop', 'billing']) await makeNamespace(api, one);
	await pod('shop', 'old', '1.1.17', namespace);
	await pod('shop', 'new', '1.3.8', namespace);
	await pod('billing', 'new', '1.3.8', namespace);
	await pod('billing', 'of-another-mesh', '1.0.9', 'istio-other');
	await untilTells(name, [
		{ version: '1.1.17', count: 1 },
		{ version: '1.3.8', count: 2 },
	]);
	t.deepEqual((await readInstallation(api, name)).status?.proxies, {
		total: 3,
		byVersion: [
			{ version: '1.1.17', count: 1 },
			{ version: '1.3.8', count: 2 },
		],
		namespaces: [
			{ name: 'billing', versions: [{ version: '1.3.8', count: 1 }] },
			{
				name: 'shop',
				versions: [
					{ version: '1.1.17', count: 1 },
					{ version: '1.3.8', count: 1 },
				],
			},
		],
	});
	const skew = await untilCondition(api, name, 'ProxiesSupported', 'False', 'ProxiesSkewed');
	t.regex(skew.message, /1 of 1\.1\.17 in namespace shop are more than one minor behind Pilot 1\.3\.8/);
	await untilReady(api, name);
	await eventually('the metric tells it', async () =>
		(await operator.ask('/metrics')).body.includes(
			'meshwright_proxies{installation="counted",namespace="shop",version="1.1.17"} 1',
		),
	);
	await api.delete({ ...kinds.Pod, namespace: 'shop', name: 'old' });
	await untilTells(name, [{ version: '1.3.8', count: 2 }]);
	await untilCalm(cluster, operatorUser);
	const before = await versionsOf(api, name);
	const { metadata } = await readInstallation(api, name);
	// One that goes and one that comes, of the same version in the same namespace.
	await pod('shop', 'another', '1.3.8', namespace);
	await api.delete({ ...kinds.Pod, namespace: 'shop', name: 'new' });
	await pod('shop', 'without', '1.3.8', 'istio-other');
	await untilCalm(cluster, operatorUser);
	await untilTells(name, [{ version: '1.3.8', count: 2 }]);
	t.deepEqual(await versionsOf(api, name), before);
	t.is((await readInstallation(api, name)).metadata.generation, metadata.generation);
});

test.serial(
	'a deletion waits for proxies where it is asked to, serves them meanwhile, and warns of them',
	async (t) => {
		const { api } = mesh;
		const name = 'counted';
		const namespace = 'istio-counted';
		const spec = { namespace, version: '1.3.8', deletion: { blockWhileInUse: true } };
		await applyInstallation(api, name, spec);
		await untilReady(api, name);
		await api.delete(installationReference(name));
		const { message } = await untilCondition(api, name, 'Ready', 'False', 'Deleting');
		t.regex(message, /waiting until no proxy uses it any more .*: 2 proxies still use it, in namespaces billing, shop/);
		t.regex(await untilEvent(api, name, 'ProxiesInUse'), /2 proxies still use it/);
		const pilot = { ...kinds.Deployment, namespace, name: 'istio-pilot' };
		await api.delete(pilot);
		await eventually('Pilot is there again', async () => {
			const { status } = await api.get<
				{ status?: { availableReplicas?: number } } & Awaited<ReturnType<typeof api.get>>
			>(pilot);
			return status?.availableReplicas === 1;
		});
		await api.delete({ ...kinds.Pod, namespace: 'billing', name: 'new' });
		const left = await eventually('one is left', async () => {
			const { status } = await readInstallation(api, name);
			const text = status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
			return text.includes(': 1 proxy still uses it, in namespace shop') ? text : undefined;
		});
		t.truthy(left);
		await api.delete({ ...kinds.Pod, namespace: 'shop', name: 'another' });
		await untilGone(api, installationReference(name));
	},
);
