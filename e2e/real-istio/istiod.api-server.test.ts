/** A real istiod and a real istioctl of each line, before anything of the line is rendered here: with what upstream's charts render. */
import { istiodCrds } from '../../operator/releases/istiod/crds.ts';
import { renderCrds } from '../../operator/render/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { upstream } from '../charts/istiod/renderings.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { untilEstablished } from '../support/installation.ts';
import { makeNamespace, person } from '../support/mesh-cluster.ts';
import { outputOf } from '../support/output-of.ts';
import { istioctl } from './istioctl.ts';
import { istiodDeployment, istiodHost, startIstiod } from './istiod-process.ts';
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

testWithIstio(
	'istiod gets ready with the newest definitions, is refused nothing, and its webhook puts a proxy into a pod',
	async (t, real) => {
		await using cluster: Cluster = await startCluster({ name: 'istiod' });
		await using api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
		const apply = (object: KubeObject) => api.apply(object, { fieldManager: person, force: true });
		const definitions = renderCrds(istiodCrds, '1.32.0');
		for (const definition of definitions) await apply(definition);
		for (const { metadata } of definitions) await untilEstablished(api, metadata.name);
		for (const each of [namespace, 'shop']) await makeNamespace(api, each);
		await apply({
			apiVersion: 'v1',
			kind: 'Namespace',
			metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
		});
		await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } });

		const objects = await upstream(real, {
			components: { ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }] },
		});
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
		await eventually('istiod publishes its root', async () =>
			api.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'istio-ca-root-cert' }),
		);
		t.deepEqual(
			istiod.lines.filter((line) => /forbidden|unknown flag/i.test(line)),
			[],
		);
		t.false(istiod.hasExited());
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
