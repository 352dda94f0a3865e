/** A cluster with what is rendered for a mesh of istiod, and a real istiod that runs from it, behind the rendered webhooks. */
import { istiodMeshOf, renderIstiod } from '../../operator/lines/istiod-testing.ts';
import { istiodReleases } from '../../operator/releases/istiod/index.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { forwardTo, playNetwork } from '../control-plane/network.ts';
import { eventually } from '../support/eventually.ts';
import { person } from '../support/mesh-cluster.ts';
import { type Istiod, istiodDeployment, startIstiod } from './istiod-process.ts';
import type { RealIstio } from './locate.ts';
import { makeReadyForIstio } from './ready-for-istio.ts';

export const meshNamespace = 'istio-system';

const webhookKinds: readonly string[] = [
	kinds.MutatingWebhookConfiguration.kind,
	kinds.ValidatingWebhookConfiguration.kind,
];
/** What nobody works on here: no pods run, and istiod is a process. */
const left: readonly string[] = [
	'Namespace',
	kinds.Deployment.kind,
	kinds.HorizontalPodAutoscaler.kind,
	kinds.PodDisruptionBudget.kind,
];

export interface RenderedMesh extends AsyncDisposable {
	readonly cluster: Cluster;
	/** As administrator. */
	readonly api: ApiServer;
	readonly apply: (object: KubeObject) => Promise<void>;
	readonly istiod: Istiod;
	/** Ports of 127.0.0.1 by the addresses that the API server connects to, as `host:port`, beside those of Services. */
	readonly addresses: Map<string, number>;
}

/** What is rendered for the release of a line of which there are programs. */
export function renderedFor({ pins }: RealIstio, spec: Readonly<Record<string, unknown>> = {}): readonly KubeObject[] {
	const release = istiodReleases.find(({ minor }) => minor === pins.line);
	if (release === undefined) throw new Error(`there is no release of ${pins.line}`);
	return renderIstiod(istiodMeshOf({ version: release.version, profile: 'default', ...spec }));
}

/**
 * Settled when istiod answers for its webhooks.
 * @param before objects that istiod finds when it starts, beside what is rendered
 */
export async function startRendered(
	real: RealIstio,
	spec: Readonly<Record<string, unknown>> = {},
	before: readonly KubeObject[] = [],
): Promise<RenderedMesh> {
	await using started = new AsyncDisposableStack();
	const cluster = started.use(await startCluster({ name: 'rendered' }));
	const api = started.use(new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken }));
	const apply = async (object: KubeObject) => void (await api.apply(object, { fieldManager: person, force: true }));
	await makeReadyForIstio(api, meshNamespace);
	// istioctl asks istiod as it, and nobody makes it without controllers.
	await apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: meshNamespace } });
	const objects = renderedFor(real, spec);
	const webhooks = objects.filter(({ kind }) => webhookKinds.includes(kind));
	for (const object of objects) if (!webhooks.includes(object) && !left.includes(object.kind)) await apply(object);
	for (const object of before) await apply(object);
	const istiod = started.use(await startIstiod(real, cluster, istiodDeployment(objects)));
	const addresses = new Map<string, number>();
	started.use(
		await playNetwork(cluster, ({ host, port: asked }) => {
			const port = addresses.get(`${host}:${asked}`) ?? (asked === 443 ? istiod.ports.httpsAddr : undefined);
			return port === undefined ? undefined : forwardTo({ host: '127.0.0.1', port });
		}),
	);
	for (const webhook of webhooks) await apply(webhook);
	// An API server trusts istiod a moment after istiod has written its authority into the webhooks.
	const asked = [
		{ ...kinds.DestinationRule, spec: { host: 'asked.example.com' } },
		{ ...kinds.Pod, spec: { containers: [{ name: 'asked', image: 'asked:1' }] } },
	].map(({ apiVersion, kind, spec }) => {
		const metadata = { name: 'asked', namespace: meshNamespace, labels: { 'sidecar.istio.io/inject': 'true' } };
		return { apiVersion, kind, metadata, spec };
	});
	for (const object of asked)
		await eventually(`istiod is asked about a ${object.kind}`, () => api.create(object, { dryRun: true }));
	const all = started.move();
	return { cluster, api, apply, istiod, addresses, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
