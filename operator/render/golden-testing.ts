/** The meshes whose rendering is kept: as files that a person can read, and as hashes of the last version that was released. */
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import { istiodMeshOf, renderIstiod } from '../lines/istiod-testing.ts';
import { render, renderCrds } from '../lines/testing.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { profiles } from '../releases/classic/profiles.ts';
import { gatewayInto, istiodReleases } from '../releases/istiod/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { type ClassicFacts, renderDataPlane } from './classic/index.ts';
import { renderIstiodDataPlane } from './istiod/index.ts';
import { installation, resolved } from './testing.ts';

const examples = new URL('../../deploy/examples/classic/', import.meta.url);

async function example(name: string): Promise<unknown> {
	return parse(await readFile(new URL(`${name}.yaml`, examples), 'utf8'));
}

/** Both services with every backend. */
const mixer = {
	policy: { enabled: true },
	telemetry: { enabled: true },
	adapters: [
		{ prometheus: {} },
		{ stdio: {} },
		{ statsd: { address: 'statsd.monitoring:8125', prefix: 'istio' } },
		{
			custom: {
				name: 'newrelic',
				address: 'newrelic-adapter.monitoring:8080',
				templates: ['metric'],
				params: { a: 1 },
			},
		},
	],
};

/** Stands for the certificates of a cluster. */
const certificates: ClassicFacts = {
	injectorRoots: 'the roots\n',
	injectorCertificate: { certChain: 'the certificate\n', key: 'the key\n', roots: 'the roots\n' },
};

/** The objects of each golden file, by the file's name. */
export const golden: readonly (readonly [file: string, objects: () => Promise<readonly KubeObject[]>])[] = [
	...classicReleases.flatMap(({ version, minor }) => [
		[`${version}-minimal-without-citadel.yaml`, async () => render(resolved(installation({ version })))] as const,
		[
			`${version}-citadel-strict.yaml`,
			async () =>
				render(
					resolved(
						installation({
							version,
							citadel: { enabled: true },
							mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
						}),
					),
				),
		] as const,
		[`${version}-mixer.yaml`, async () => render(resolved(installation({ version, mixer })))] as const,
		[
			`${version}-injection.yaml`,
			async () =>
				render(
					resolved(installation({ version, sidecarInjector: { enabled: true, namespaces: ['shop'], replicas: 2 } })),
					certificates,
				),
		] as const,
		[`${version}-gateways.yaml`, async () => gatewaysOf(version)] as const,
		[`${version}-clusters.yaml`, async () => clustersOf(version, minor)] as const,
		[`${version}-data-plane.yaml`, async () => dataPlaneOf(version, minor)] as const,
		[`${version}-crds.yaml`, async () => renderCrds(resolved(installation({ version })))] as const,
	]),
	...istiodReleases.map(
		({ version }) =>
			[`${version}-default.yaml`, async () => renderIstiod(istiodMeshOf({ version, profile: 'default' }))] as const,
	),
	...istiodReleases.map(({ version }) => [`${version}-gateways.yaml`, async () => istiodGatewaysOf(version)] as const),
	...istiodReleases.map(({ version }) => [`${version}-cni.yaml`, async () => istiodNodesOf(version)] as const),
	[
		'1.31.4-production.yaml',
		async () =>
			renderIstiod(
				istiodMeshOf({
					version: '1.31.4',
					profile: 'production',
					images: { registry: 'registry.example.com/istio', pullSecrets: [{ name: 'pull' }] },
					mesh: {
						mtls: { mode: 'STRICT' },
						tracing: { enabled: true, sampling: 5, zipkin: { address: 'zipkin.tracing:9411' } },
						config: { dnsRefreshRate: '5s', defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: 'true' } } },
					},
					mixer: { adapters: [{ prometheus: {} }, { stdio: {} }, { statsd: { address: 'statsd.monitoring:8125' } }] },
					citadel: { enabled: true, caSecretName: 'cacerts', workloadCertTTL: '48h' },
					multiCluster: { clusterName: 'east', network: 'one' },
				}),
				{ caSecretHash: 'hash of the authority' },
			),
	],
	['1.31.4-data-plane.yaml', async () => istiodDataPlane()],
	['example-article-1.0.9.yaml', async () => render(resolved(await example('article-1.0.9')))],
	['example-ha.yaml', async () => render(resolved(await example('ha')))],
];

/** What the CNI plugin adds to a mesh, and what it changes: the templates of the injector, which are shown of one release. */
function istiodNodesOf(version: string): readonly KubeObject[] {
	const spec = { version, profile: 'default' };
	const without = new Map(renderIstiod(istiodMeshOf(spec)).map((object) => [objectKey(object), object]));
	return renderIstiod(istiodMeshOf({ ...spec, cni: { enabled: true, platform: 'gke' } })).filter(
		(object) =>
			!isDeepStrictEqual(without.get(objectKey(object)), object) &&
			(object.kind !== 'ConfigMap' || version === '1.31.4'),
	);
}

/** What is kept in a joined cluster of another network, which istiod of this cluster serves. */
function istiodDataPlane(): readonly KubeObject[] {
	const kubeconfigSecret = { name: 'far', namespace: 'meshwright-system' };
	const dataPlane = { controlPlaneAddresses: ['192.0.2.10', '2001:db8::10'] };
	const mesh = istiodMeshOf({
		version: '1.31.4',
		profile: 'default',
		mesh: { trustDomain: 'mesh.example.com' },
		multiCluster: {
			clusterName: 'near',
			network: 'near-network',
			clusters: [{ name: 'far', network: 'far-network', kubeconfigSecret, dataPlane }],
		},
	});
	return renderIstiodDataPlane(mesh, {
		readBy: 'near',
		applySet: 'applyset-of-far',
		cluster: 'far',
		network: 'far-network',
		addresses: dataPlane.controlPlaneAddresses,
	});
}

/** What gateways add to a mesh: a plain ingress gateway, and an egress gateway with an autoscaler. */
function gatewaysOf(version: string): readonly KubeObject[] {
	const gateways = {
		ingress: { enabled: true },
		egress: { enabled: true, autoscaling: { minReplicas: 2, maxReplicas: 5 } },
	};
	const components = ['ingressgateway', 'egressgateway'];
	return render(resolved(installation({ version, gateways }))).filter(({ metadata }) =>
		components.includes(metadata.labels?.['app.kubernetes.io/component'] ?? ''),
	);
}

/** What gateways add to a mesh of istiod, the one between networks too. */
function istiodGatewaysOf(version: string): readonly KubeObject[] {
	const gateways = {
		ingress: { enabled: true },
		egress: { enabled: true, autoscaling: { minReplicas: 2, maxReplicas: 5 }, extraArgs: ['--proxyLogLevel=info'] },
	};
	const mesh = istiodMeshOf({ version, profile: 'default', gateways, multiCluster: { network: 'here' } });
	const between = gatewayInto('here', { kind: 'fixed', count: 1 });
	const components = ['ingressgateway', 'egressgateway', 'eastwestgateway', 'networks'];
	return renderIstiod({ ...mesh, gateways: [...mesh.gateways, between] }).filter(({ metadata }) =>
		components.includes(metadata.labels?.['app.kubernetes.io/component'] ?? ''),
	);
}

/** One cluster in the same network, and one in another network when the release has networks. */
function joined(minor: string): object {
	const entry = (name: string) => ({ name, kubeconfigSecret: { name, namespace: 'meshwright-system' } });
	return minor === '1.0'
		? { clusters: [entry('near')] }
		: { network: 'here', clusters: [entry('near'), { ...entry('far'), network: 'there' }] };
}

/** What joined clusters change. Objects of this cluster that stay the same are left out. */
function clustersOf(version: string, minor: string): readonly KubeObject[] {
	const spec = {
		version,
		mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
		sidecarInjector: { enabled: true },
		gateways: { ingress: { enabled: true } },
	};
	const without = new Set(render(resolved(installation(spec))).map(yamlOf));
	const facts: ClassicFacts = {
		remoteSecrets: 'hash of those that were replaced',
		networkGateways: { there: [{ address: '192.0.2.7', port: 15443 }] },
	};
	return render(resolved(installation({ ...spec, multiCluster: joined(minor) })), facts).filter(
		(object) => !without.has(yamlOf(object)),
	);
}

/** What is made in a cluster without a control plane of its own, in another network when the release has networks. */
function dataPlaneOf(version: string, minor: string): readonly KubeObject[] {
	const mesh = resolved(
		installation({
			version,
			profile: 'default',
			citadel: { enabled: true, caSecretName: 'cacerts' },
			gateways: { ingress: { enabled: true } },
			multiCluster: joined(minor),
		}),
	);
	return renderDataPlane(mesh, {
		cluster: 'far',
		...(minor === '1.0' ? {} : { network: 'there' }),
		readBy: 'primary',
		applySet: 'applyset-there',
		addresses: { pilot: ['192.0.2.1', '192.0.2.2'], policy: ['192.0.2.1'], telemetry: ['192.0.2.1'] },
		facts: { ...certificates, caSecretHash: 'hash of the authority' },
	});
}

export function yamlOf(object: KubeObject): string {
	return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** The profiles with Citadel and without, whatever their default is. The smallest combination is listed in full above. */
export const combinations = Object.keys(profiles)
	.flatMap((profile) => [
		{ suffix: `${profile}-without-citadel.yaml`, spec: { profile, citadel: { enabled: false } } },
		{ suffix: `${profile}-citadel.yaml`, spec: { profile, citadel: { enabled: true } } },
	])
	.filter(({ suffix }) => suffix !== 'minimal-without-citadel.yaml');

/** The golden file of a combination. */
export function combinationFile(version: string, { suffix }: (typeof combinations)[number]): string {
	return `${version}-${suffix}`;
}

/** The objects of a combination. */
export function combinationOf(version: string, { spec }: (typeof combinations)[number]): readonly KubeObject[] {
	return render(resolved(installation({ version, ...spec })), certificates);
}
