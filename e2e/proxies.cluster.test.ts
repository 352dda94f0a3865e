/** Users' proxies: which versions run where, and what becomes of them when the mesh changes or goes. */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
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
import { changesOf, mark, untilCalm } from './support/writes.ts';

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
	// Pods change all the time, and pods of others come: that is no news.
	await api.patch(
		{ ...kinds.Pod, namespace: 'shop', name: 'new' },
		{ metadata: { labels: { some: 'label' } } },
		{ type: 'merge' },
	);
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
		await api.delete({ ...kinds.Pod, namespace: 'shop', name: 'new' });
		await untilGone(api, installationReference(name));
	},
);

test.serial(
	'workloads with another proxy are restarted one after the other, each once, though the operator ends in the middle; paused ones, those with OnDelete, and those of a narrow budget are left',
	async (t) => {
		const { api, cluster } = mesh;
		const name = 'restarted';
		const namespace = 'istio-restarted';
		const upgrade = { restartWorkloads: { enabled: true } };
		await makeNamespace(api, 'orders');
		await applyInstallation(api, name, { namespace, version: '1.3.8', upgrade });
		await untilReady(api, name);
		await injectProxies('orders', '1.3.8', namespace);
		for (const [one, more] of [
			// It is on its way for a while.
			['a', { minReadySeconds: 3 }],
			['b', { paused: true }],
			['c', {}],
			['d', { strategy: { type: 'Recreate' } }],
		] as const) {
			await api.create(deployment('orders', one, more));
		}
		// No controller makes pods of StatefulSets here.
		const byHand = deployment('orders', 's', { serviceName: 's', updateStrategy: { type: 'OnDelete' } });
		const { uid = '' } = (await api.create({ ...byHand, ...kinds.StatefulSet })).object.metadata;
		const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', uid, controller: true };
		await api.create({
			...kinds.Pod,
			metadata: { namespace: 'orders', name: 's-0', ownerReferences: [owner] },
			spec: { containers: [{ name: 'web', image: 'web:1' }] },
		});
		const budget = { minAvailable: 1, selector: { matchLabels: { app: 'd' } } };
		await api.create({
			...kinds.PodDisruptionBudget,
			metadata: { namespace: 'orders', name: 'all-of-d' },
			spec: budget,
		});
		await untilTells(name, [{ version: '1.3.8', count: 4 }]);
		await injectProxies('orders', '1.4.10', namespace);
		const since = await mark(cluster);
		await applyInstallation(api, name, { namespace, version: '1.4.10', upgrade });
		await eventually('the first one is being restarted', async () => {
			const { annotations } = (await api.get({ ...kinds.Deployment, namespace: 'orders', name: 'a' })).metadata;
			return annotations?.['meshwright.io/restarted-for'] === '1.4.10';
		});
		await operator.stop();
		operator = await startOperator(mesh, { proxiesQuietMs: 100 });
		await untilTells(name, [
			{ version: '1.3.8', count: 2 },
			{ version: '1.4.10', count: 2 },
		]);
		const restarts = await eventually('the status says what is left', async () => {
			const { status } = await readInstallation(api, name);
			const { current = [], message = '' } = status?.proxies?.restarts ?? {};
			const isLast = current.length === 0 && message.includes('all-of-d') && status?.upgrade?.stage === 'Workloads';
			return isLast ? message : undefined;
		});
		t.regex(restarts, /Deployment orders\/d would lose 1 pods at once, and PodDisruptionBudget all-of-d allows 0/);
		t.regex(restarts, /StatefulSet orders\/s replaces its pods only by hand \(OnDelete/);
		for (const [one, version] of [
			['a', '1.4.10'],
			['c', '1.4.10'],
			['d', undefined],
		] as const) {
			const { metadata } = await api.get({ ...kinds.Deployment, namespace: 'orders', name: one });
			t.is(metadata.annotations?.['meshwright.io/restarted-for'], version, one);
			if (version === undefined) continue;
			const managers = metadata.managedFields?.map(({ manager }) => manager) ?? [];
			t.true(managers.includes('meshwright-restart'), managers.join());
		}
		// Its owner widens the budget: then the last one is restarted, and the change of version is over.
		await api.delete({ ...kinds.PodDisruptionBudget, namespace: 'orders', name: 'all-of-d' });
		await untilTells(name, [
			{ version: '1.3.8', count: 1 },
			{ version: '1.4.10', count: 3 },
		]);
		await untilReady(api, name);
		t.is((await readInstallation(api, name)).status?.upgrade, undefined);
		const written = (await changesOf(cluster, operatorUser, since)).filter(
			({ objectRef }) => objectRef?.namespace === 'orders',
		);
		t.deepEqual(
			written.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource} ${objectRef?.name}`),
			['a', 'c', 'd'].map((one) => `patch deployments ${one}`),
		);
		await deleteInstallation(api, name);
	},
);

/** Lets API servers put a proxy of this version into pods that are made in a namespace, as an injector does. */
async function injectProxies(namespace: string, version: string, controlPlane: string): Promise<void> {
	const args = `["proxy", "sidecar", "--discoveryAddress", "istio-pilot.${controlPlane}:15010"]`;
	const container = `Object.spec.containers{name: "istio-proxy", image: "docker.io/istio/proxyv2:${version}", args: ${args}}`;
	const expression = `[JSONPatch{op: "add", path: "/spec/containers/-", value: ${container}}]`;
	const path = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic';
	const policy = {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingAdmissionPolicy',
		metadata: { name: `inject-${namespace}` },
		spec: {
			matchConstraints: {
				resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
			},
			failurePolicy: 'Fail',
			reinvocationPolicy: 'Never',
			mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
		},
	};
	const binding = { ...policy, kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: `inject-${namespace}` } };
	for (const [plural, body] of [
		['ies', policy],
		['ybindings', binding],
	] as const) {
		await mesh.api.request({
			method: 'PATCH',
			path: `${path}${plural}/inject-${namespace}`,
			query: { fieldManager: 'test', force: true },
			contentType: 'application/apply-patch+yaml',
			body,
		});
	}
	const probe = {
		...kinds.Pod,
		metadata: { namespace, name: 'probe' },
		spec: { containers: [{ name: 'a', image: 'a' }] },
	};
	await eventually('pods get that proxy', async () => {
		const { object } = await mesh.api.create(probe, { dryRun: true });
		return JSON.stringify(object.spec).includes(`proxyv2:${version}`);
	});
}

function deployment(namespace: string, name: string, more: object): KubeObject {
	const labels = { app: name };
	return {
		...kinds.Deployment,
		metadata: { namespace, name },
		spec: {
			replicas: 1,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
			...more,
		},
	};
}
