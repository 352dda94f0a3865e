/**
 * A mesh whose istiod and proxies really run, as processes on this machine, from what the operator installs. It ends with a request
 * through a gateway and a sidecar, and tells where it went.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { toYaml } from '../../operator/cli/document.ts';
import { istiodReleases } from '../../operator/releases/istiod/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { startCluster } from '../control-plane/cluster.ts';
import { playNetwork } from '../control-plane/network.ts';
import { nodeOfProcesses } from '../control-plane/stages.ts';
import { type PlayedKubelet, playKubelet } from '../real-istio/kubelet.ts';
import { locateRealIstio, type RealIstio, realIstioVariable } from '../real-istio/locate.ts';
import { istioPins } from '../real-istio/pins.ts';
import {
	applyAsUser,
	gatewayHost,
	gatewayRoute,
	type Ports,
	portsFor,
	serverService,
	sidecars,
} from '../real-istio/routes.ts';
import { createInjected, headersSeen, notRedirected, serveHeaders } from '../real-istio/workload.ts';
import { eventually } from '../support/eventually.ts';
import { followUntilReady } from './one-cluster.ts';
import type { Options } from './options.ts';
import {
	describeOperator,
	endOperator,
	installOperator,
	paint,
	startOperator,
	step,
	untilInterrupted,
} from './steps.ts';
import { summary } from './summary.ts';

const name = 'default';
const meshNamespace = 'istio-system';
const shop = 'shop';
const gatewayLabels = { istio: 'ingressgateway' } as const;

function installation(version: string): KubeObject {
	const { apiVersion, kind } = kinds.MeshInstallation;
	const spec = {
		version,
		profile: 'default',
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT' } },
		sidecarInjector: { enabled: true, namespaces: [shop] },
		gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } },
		// Envoy as it is published has none of the filters that count for Istio's metrics.
		mixer: { telemetry: { enabled: false } },
	};
	return { apiVersion, kind, metadata: { name }, spec };
}

/** The newest line of which there are programs. Builds them where they are not there yet. */
async function programs(): Promise<RealIstio> {
	const pins = istioPins.at(-1);
	if (pins === undefined) throw new Error('no line has programs');
	const found = await locateRealIstio(pins);
	if (found !== undefined) return found;
	step(`Building istiod, pilot-agent and istioctl of Istio ${pins.line} from their Go module, and fetching Envoy`);
	console.log(
		'  Once, into your cache folder: some 10 minutes of processor time. npm run real-istio does it for all lines.',
	);
	const log = (line: string) => console.log(`  ${line}`);
	const built = await locateRealIstio(pins, log, { ...process.env, [realIstioVariable]: '1' });
	if (built === undefined) throw new Error(`Istio ${pins.line} was not built`);
	return built;
}

/** Resolves when the demo is over: whether the request came through. */
export async function demoOfRealIstio({ once }: Options, signal: AbortSignal): Promise<boolean> {
	const real = await programs();
	const version = istiodReleases.find(({ minor }) => minor === real.pins.line)?.version ?? real.pins.line;
	await using started = new AsyncDisposableStack();
	step(
		'Starting Kubernetes on this machine: etcd, API server, controllers, scheduler and a node whose pods are processes',
	);
	const cluster = started.use(await startCluster({ own: true, parts: 'all', nodes: 0, name: 'meshwright-demo' }));
	console.log(`  ${cluster.url}`);
	const api = started.use(new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken }));
	const kubelet = started.use(await playKubelet({ cluster, api }, [meshNamespace, shop]));
	started.use(await playNetwork(cluster, kubelet.network));
	signal.throwIfAborted();

	step('Installing the CustomResourceDefinition, and the operator with its own rights');
	console.log(`  ${await installOperator(api, { meshNamespaces: [meshNamespace], with: ['istiod'] })}`);
	await api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: shop } }, { fieldManager: 'demo' });
	const operator = await startOperator(cluster, ['--leader-elect']);
	started.defer(() => endOperator(operator));
	console.log(`  ${describeOperator(operator)}`);

	step(`Applying a MeshInstallation of Istio ${version}`);
	const wanted = installation(version);
	console.log(`${toYaml(wanted).trimEnd().replace(/^/gm, '  ')}\n`);
	await api.apply(wanted, { fieldManager: 'demo', fieldValidation: 'Strict' });
	const begun = performance.now();
	const isReady = await followUntilReady(api, name, operator, signal);
	const seconds = ((performance.now() - begun) / 1000).toFixed(1);
	step(isReady ? `Ready after ${seconds} s: istiod and the gateway run` : `Not ready after ${seconds} s`);
	console.log(await summary(api, name));
	if (!isReady) {
		console.log(kubelet.troubles.join('\n'));
		return false;
	}

	step('A server behind a sidecar, and a way to it from the gateway');
	const application = started.use(await serveHeaders());
	const ports = await portsFor(application.port);
	await sendThrough({ api, cluster, kubelet, ports, signal });
	if (!once) {
		step('Look around; everything stays until Ctrl-C');
		console.log(`  export KUBECONFIG=${cluster.adminKubeconfig()}`);
		console.log(`  curl -H 'Host: ${gatewayHost}' http://127.0.0.1:${ports.gateway}/`);
		console.log(`  ${real.program('istioctl')} analyze --all-namespaces`);
		console.log(`  npx meshwright status ${name} --watch`);
		await untilInterrupted(signal);
	}
	step('Ending proxies, istiod, the operator and the cluster');
	return true;
}

interface Scene {
	readonly api: ApiServer;
	readonly cluster: Parameters<typeof applyAsUser>[0];
	readonly kubelet: PlayedKubelet;
	readonly ports: Ports;
	readonly signal: AbortSignal;
}

async function sendThrough({ api, cluster, kubelet, ports, signal }: Scene): Promise<void> {
	const server = await createInjected(api, {
		name: 'server',
		namespace: shop,
		nodeName: nodeOfProcesses,
		annotations: notRedirected,
	});
	const proxy = await eventually('the proxy of the server starts', () => kubelet.addressOf(shop, server.metadata.name));
	for (const object of [serverService(ports), ...sidecars(ports, proxy), ...gatewayRoute(ports, gatewayLabels)]) {
		console.log(`  ${object.kind} ${object.metadata.namespace}/${object.metadata.name}`);
		await applyAsUser(cluster, object);
	}
	const seen = await eventually('the gateway answers', async () => {
		signal.throwIfAborted();
		await sleep(100);
		return headersSeen(ports.gateway, gatewayHost);
	});
	const [, answered = '', asked = ''] = /By=([^;]+);.*URI=(.+)$/.exec(String(seen['x-forwarded-client-cert'])) ?? [];
	step('A request went through');
	for (const line of [
		`curl -H 'Host: ${gatewayHost}' http://127.0.0.1:${ports.gateway}/`,
		`→ Envoy of the gateway, by Gateway and VirtualService shop/shop: it added the header x-way: ${seen['x-way']}`,
		`→ by mTLS, as ${asked}`,
		`→ Envoy beside the server, at ${proxy}:${ports.proxy}, which is ${answered}`,
		`→ the server at 127.0.0.1:${ports.application}, which answered 200`,
	])
		console.log(`  ${paint('green', line)}`);
}
