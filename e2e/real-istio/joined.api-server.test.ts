/**
 * A real istiod in charge of a second cluster, by what is kept there and by a Secret as the operator publishes it: workloads of
 * that cluster get proxies and certificates, and are called from the first one while the token in the Secret changes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { controlPlaneClustersAnnotation } from '../../api/v1/constants.ts';
import { istiodMeshOf } from '../../operator/lines/istiod-testing.ts';
import { istiodReleases } from '../../operator/releases/istiod/index.ts';
import { applySetId } from '../../operator/render/index.ts';
import { renderIstiodDataPlane } from '../../operator/render/istiod/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { startCluster } from '../control-plane/cluster.ts';
import { forwardTo, playNetwork } from '../control-plane/network.ts';
import { eventually } from '../support/eventually.ts';
import { makeNamespace, person } from '../support/mesh-cluster.ts';
import { type RunningProxy, startProxy } from './proxy-process.ts';
import { meshNamespace, startRendered } from './rendered-mesh.ts';
import { applyAsUser, portsFor, serverHost, serverService, sidecars } from './routes.ts';
import { testWithIstio } from './test-with-istio.ts';
import { publishedSecret, syncStatus, tokenBoundTo } from './told-cluster.ts';
import { headersSeen, makePod, serveHeaders } from './workload.ts';

const near = 'near';
const far = 'far';
const kubeconfigSecret = { name: far, namespace: 'meshwright-system' };
const spec = {
	citadel: { enabled: true },
	mixer: { telemetry: { enabled: false } },
	multiCluster: { clusterName: near, clusters: [{ name: far, kubeconfigSecret }] },
} as const;
const annotations = {
	'sidecar.istio.io/interceptionMode': 'NONE',
	'proxy.istio.io/config': JSON.stringify({ proxyStatsMatcher: { inclusionRegexps: ['listener.*ssl.*'] } }),
} as const;

/** Puts there what the operator keeps in such a cluster. */
async function makeDataPlane(api: ApiServer, objects: readonly KubeObject[]): Promise<void> {
	await makeNamespace(api, meshNamespace);
	const metadata = { name: meshNamespace, annotations: { [controlPlaneClustersAnnotation]: near } };
	await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata }, { fieldManager: 'charge' });
	const labels = { 'istio-injection': 'enabled' };
	await api.apply(
		{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } },
		{ fieldManager: person },
	);
	for (const object of objects)
		if (object.kind !== 'Namespace') await api.apply(object, { fieldManager: person, force: true });
}

testWithIstio(
	'istiod serves a second cluster: its pods get proxies and certificates, and are called without a failed request while the token changes',
	async (t, real) => {
		await using mesh = await startRendered(real, spec);
		const { istiod, api } = mesh;
		await using stack = new AsyncDisposableStack();
		const other = stack.use(await startCluster({ name: far }));
		const there = stack.use(new ApiServer({ url: other.url, ca: other.ca, token: other.adminToken }));
		stack.use(
			await playNetwork(other, ({ port }) =>
				port === 443 ? forwardTo({ host: '127.0.0.1', port: istiod.ports.httpsAddr }) : undefined,
			),
		);
		const release = istiodReleases.find(({ minor }) => minor === real.pins.line);
		const resolved = istiodMeshOf({ version: release?.version, profile: 'default', ...spec });
		const kept = renderIstiodDataPlane(resolved, {
			cluster: far,
			readBy: near,
			applySet: applySetId('near/default'),
			addresses: ['192.0.2.10'],
		});
		await makeDataPlane(there, kept);
		const publish = async (token: string) =>
			mesh.apply(publishedSecret({ cluster: far, role: 'Remote' }, other, token));
		await publish(await tokenBoundTo(there, near, 'first'));

		await eventually('istiod reads the far cluster', async () => (await syncStatus(istiod, far)) === 'synced');
		await eventually('istiod is in charge there', () =>
			there.get({ ...kinds.ConfigMap, namespace: 'shop', name: 'istio-ca-root-cert' }).catch(() => undefined),
		);
		const [here, root] = await Promise.all(
			[api, there].map((of) => of.get({ ...kinds.ConfigMap, namespace: 'shop', name: 'istio-ca-root-cert' })),
		);
		t.deepEqual(here?.data, root?.data);

		// Workloads: a server there, a client here.
		const application = stack.use(await serveHeaders());
		const ports = await portsFor(application.port);
		await there.apply(
			{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } },
			{ fieldManager: person },
		);
		const server = await makePod(there, { name: 'server', namespace: 'shop', annotations });
		const client = await makePod(api, { name: 'client', namespace: 'shop', annotations });
		const proxy = server.spec.containers
			.concat(server.spec.initContainers ?? [])
			.find(({ name }) => name === 'istio-proxy');
		t.is(proxy?.env?.find(({ name }) => name === 'ISTIO_META_CLUSTER_ID')?.value, far);
		for (const object of [serverService(ports), ...sidecars(ports, server.status?.podIP ?? '')])
			await applyAsUser(mesh.cluster, object);
		const proxies: RunningProxy[] = [];
		for (const [cluster, pod] of [
			[other, server],
			[mesh.cluster, client],
		] as const)
			proxies.push(stack.use(await startProxy(real, cluster, pod, istiod.ports.secureGRPCAddr)));
		const call = () => headersSeen(ports.service, serverHost);
		try {
			const seen = await eventually('the far server is called', call, 30_000);
			t.regex(
				String(seen['x-forwarded-client-cert']),
				/By=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server;.*sa\/client$/,
			);
		} catch (error) {
			throw new Error(proxies.map(({ lines }) => lines.slice(-25).join('\n')).join('\n\n'), { cause: error });
		}

		// Rotation: the second token, and the first one ends.
		const failures: unknown[] = [];
		let calls = 0;
		let isOver = false;
		const calling = (async () => {
			for (; !isOver; calls++)
				await call()
					.catch((error: unknown) => failures.push(error))
					.then(() => sleep(20));
		})();
		const said = () => istiod.lines.filter((line) => line.includes(`cluster ${far} synced, replacing registry`)).length;
		await publish(await tokenBoundTo(there, near, 'second'));
		await eventually('istiod has taken the second token', async () => said() === 1);
		await there.delete({ apiVersion: 'v1', kind: 'Secret', namespace: meshNamespace, name: 'first' } as never);
		await eventually('istiod reads the far cluster', async () => (await syncStatus(istiod, far)) === 'synced');
		// What changes there afterwards comes by the second token alone: a namespace gets its root.
		await makeNamespace(there, 'later');
		await eventually('istiod is in charge there', () =>
			there.get({ ...kinds.ConfigMap, namespace: 'later', name: 'istio-ca-root-cert' }).catch(() => undefined),
		);
		const before = calls;
		await eventually('calls go on', async () => calls > before + 20);
		isOver = true;
		await calling;
		t.deepEqual(failures, []);
		t.log(`${calls} requests`);
		t.deepEqual(
			istiod.lines.filter((line) => /forbidden|unknown flag|ADS.*error|NACK/i.test(line)),
			[],
		);
	},
);
