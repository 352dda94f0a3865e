/**
 * A real istiod, istioctl and Envoy of each line, before anything of the line is rendered here: with what upstream's charts
 * render.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { upstream } from '../charts/istiod/renderings.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { freePort } from '../control-plane/ports.ts';
import { eventually } from '../support/eventually.ts';
import { person } from '../support/mesh-cluster.ts';
import { outputOf } from '../support/output-of.ts';
import { istioctl } from './istioctl.ts';
import { istiodDeployment, istiodHost, startIstiod } from './istiod-process.ts';
import { startProxy } from './proxy-process.ts';
import { makeReadyForIstio } from './ready-for-istio.ts';
import { testWithIstio } from './test-with-istio.ts';

const namespace = 'istio-system';
const { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } = kinds;

/** What nobody works on here: no pods run, and istiod is a process. */
const left: readonly string[] = [
	kinds.CustomResourceDefinition.kind,
	kinds.Deployment.kind,
	kinds.HorizontalPodAutoscaler.kind,
	kinds.PodDisruptionBudget.kind,
	ValidatingWebhookConfiguration.kind,
];

/** Envoy as it is published has no filters of Istio's own. */
const forPlainEnvoy = {
	components: { ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }] },
	meshConfig: { defaultProviders: { metrics: [] } },
	values: { pilot: { env: { PILOT_ENABLE_ALPN_FILTER: 'false', PILOT_ENABLE_METADATA_EXCHANGE: 'false' } } },
};

interface Webhooks extends KubeObject {
	readonly webhooks: readonly { readonly clientConfig: { readonly service?: { readonly path?: string } } }[];
}

/** The webhook as it was rendered, but that it is reached by a URL: no network of Services is here. */
function byUrl(object: Webhooks, port: number): KubeObject {
	const webhooks = object.webhooks.map(({ clientConfig, ...webhook }) => ({
		...webhook,
		clientConfig: { url: `https://${istiodHost}:${port}${clientConfig.service?.path ?? ''}` },
	}));
	return { ...object, webhooks } as KubeObject;
}

const pod = {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name: 'shop', namespace: 'shop' },
	spec: { containers: [{ name: 'shop', image: 'shop:1' }] },
};

interface Pod extends KubeObject {
	readonly spec: {
		readonly containers: readonly { readonly name: string }[];
		readonly initContainers?: readonly { readonly name: string }[];
	};
}

/** A way from a port of the gateway to a port of the loopback, with a header that only this way adds. */
function route(gatewayPort: number, serverPort: number): readonly (readonly [plural: string, object: KubeObject])[] {
	const apiVersion = 'networking.istio.io/v1';
	const metadata = { name: 'shop', namespace: 'shop' };
	const port = { number: 80, name: 'http', protocol: 'HTTP' };
	return [
		[
			'gateways',
			{
				apiVersion,
				kind: 'Gateway',
				metadata,
				spec: {
					selector: { istio: 'ingressgateway' },
					servers: [{ port: { ...port, number: gatewayPort }, bind: '127.0.0.1', hosts: ['shop.example.com'] }],
				},
			},
		],
		[
			'serviceentries',
			{
				apiVersion,
				kind: 'ServiceEntry',
				metadata,
				spec: {
					hosts: ['server.example.com'],
					resolution: 'STATIC',
					ports: [port],
					endpoints: [{ address: '127.0.0.1', ports: { http: serverPort } }],
				},
			},
		],
		[
			'virtualservices',
			{
				apiVersion,
				kind: 'VirtualService',
				metadata,
				spec: {
					hosts: ['shop.example.com'],
					gateways: ['shop'],
					http: [
						{
							headers: { request: { set: { 'x-way': 'virtual-service' } } },
							route: [{ destination: { host: 'server.example.com' } }],
						},
					],
				},
			},
		],
	];
}

/** A server on the loopback that answers with the header `x-way` of the request. */
async function serveWay(): Promise<{ readonly port: number } & AsyncDisposable> {
	const server = createServer((incoming, answer) => answer.end(String(incoming.headers['x-way'])));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		port: (server.address() as AddressInfo).port,
		[Symbol.asyncDispose]: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

testWithIstio(
	'istiod gets ready with the newest definitions, its webhook puts a proxy into a pod, and a gateway of Envoy carries a request',
	async (t, real) => {
		await using cluster: Cluster = await startCluster({ name: 'istiod' });
		await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
		const apply = (object: KubeObject) => api.apply(object, { fieldManager: person, force: true });
		await makeReadyForIstio(api, namespace);
		await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'gateway', namespace } });
		const objects = await upstream(real, forPlainEnvoy);
		const webhook = objects.find(({ kind }) => kind === MutatingWebhookConfiguration.kind) as Webhooks;
		for (const object of objects) {
			if (object !== webhook && !left.includes(object.kind)) await apply(object);
		}

		await using istiod = await startIstiod(real, cluster, istiodDeployment(objects));
		await apply(byUrl(webhook, istiod.ports.httpsAddr));
		const injected = await eventually('the API server asks istiod about a pod', async () => {
			const { object } = await api.create<Pod>(pod, { dryRun: true });
			return [...(object.spec.initContainers ?? []), ...object.spec.containers].map(({ name }) => name);
		});
		t.deepEqual(injected.toSorted(), ['istio-init', 'istio-proxy', 'shop']);

		const root = await eventually('istiod publishes its root', async () => {
			const object = await api.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>({
				apiVersion: 'v1',
				kind: 'ConfigMap',
				namespace,
				name: 'istio-ca-root-cert',
			});
			return object.data?.['root-cert.pem'];
		});
		await using server = await serveWay();
		const port = await freePort();
		for (const [plural, body] of route(port, server.port)) {
			await cluster.request({
				method: 'POST',
				path: `/apis/${body.apiVersion}/namespaces/shop/${plural}?fieldValidation=Strict`,
				body,
			});
		}
		await using proxy = await startProxy(real, cluster, istiod, {
			role: 'router',
			account: { namespace, name: 'gateway' },
			labels: { istio: 'ingressgateway' },
			root,
		});
		const carried = eventually('the gateway carries a request', async () => {
			const { statusCode, body } = await request(`http://127.0.0.1:${port}/`, {
				headers: { host: 'shop.example.com' },
			});
			const answer = await body.text();
			return statusCode === 200 ? answer : undefined;
		});
		t.is(await carried.catch((error: unknown) => `${error}\n${proxy.lines.slice(-40).join('\n')}`), 'virtual-service');

		t.deepEqual(
			istiod.lines.filter((line) => /forbidden|unknown flag/i.test(line)),
			[],
		);
		t.false(istiod.hasExited() || proxy.hasExited());
	},
);

testWithIstio('each program says its version, and istioctl renders the charts of its module', async (t, real) => {
	const { version, envoy } = real.pins;
	const words = `client version: ${version}`;
	t.is((await istioctl(real, ['version', '--remote=false', '--short'])).trim(), words);
	for (const name of ['pilot-discovery', 'pilot-agent'] as const) {
		t.is((await outputOf(real.program(name), ['version', '--short'])).trim(), words, name);
	}
	t.true((await outputOf(real.envoy, ['--version'])).includes(`/${envoy.version}/`));
	const objects = await upstream(real, { revision: 'canary' });
	t.is(istiodDeployment(objects).metadata.name, 'istiod-canary');
});
