/** What upstream's charts are asked for, as the `spec` of an IstioOperator, and what they give for it. */
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../operator/runtime/object.ts';
import { istioctl } from '../../real-istio/istioctl.ts';
import type { RealIstio } from '../../real-istio/locate.ts';

/** In place of a version, so that a patch changes no fact. */
export const tag = 'VERSION';

/** A root of the user's own (`cacerts`) changes nothing of what is rendered: each istiod mounts that Secret where it is. */
export const renderings = {
	default: {},
	revision: { revision: 'canary', values: { revisionTags: ['stable', 'next'] } },
	remote: {
		profile: 'remote',
		values: {
			global: { remotePilotAddress: '192.0.2.10', multiCluster: { clusterName: 'far' }, network: 'far-network' },
			istiodRemote: { injectionPath: '/inject/cluster/far/net/far-network' },
		},
	},
	primary: {
		values: {
			global: { meshID: 'mesh', multiCluster: { clusterName: 'near' }, network: 'near-network', externalIstiod: true },
		},
	},
	'external-ca': {
		values: {
			global: { caAddress: 'cert-manager-istio-csr.cert-manager.svc:443' },
			pilot: { env: { ENABLE_CA_SERVER: 'false' } },
		},
	},
	ha: {
		values: { pilot: { autoscaleMin: 2, autoscaleMax: 5 }, global: { defaultPodDisruptionBudget: { enabled: true } } },
	},
	cni: { components: { cni: { enabled: true, namespace: 'istio-system' } } },
	ambient: { profile: 'ambient' },
	// As samples/multicluster/gen-eastwest-gateway.sh asks for the gateway between networks.
	gateways: {
		components: {
			ingressGateways: [
				{ name: 'istio-ingressgateway', enabled: true },
				{
					name: 'istio-eastwestgateway',
					enabled: true,
					label: {
						app: 'istio-eastwestgateway',
						istio: 'eastwestgateway',
						'topology.istio.io/network': 'near-network',
					},
					k8s: {
						env: [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: 'near-network' }],
						service: {
							ports: [
								{ name: 'status-port', port: 15_021, targetPort: 15_021 },
								{ name: 'tls', port: 15_443, targetPort: 15_443 },
								{ name: 'tls-istiod', port: 15_012, targetPort: 15_012 },
								{ name: 'tls-webhook', port: 15_017, targetPort: 15_017 },
							],
						},
					},
				},
			],
			egressGateways: [{ name: 'istio-egressgateway', enabled: true }],
		},
		values: {
			global: { network: 'near-network' },
			gateways: {
				'istio-ingressgateway': { injectionTemplate: 'gateway' },
				'istio-egressgateway': { injectionTemplate: 'gateway' },
			},
		},
	},
} as const;

export type Rendering = keyof typeof renderings;

/** In the order in which they are written: others refer to the default. */
export const renderingNames = Object.keys(renderings) as readonly Rendering[];

/** No gateways: charts have those apart. */
const withoutGateways = {
	components: { ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }] },
} as const;

/** The objects that istioctl renders for a spec from the charts of its line. It asks no cluster. */
export async function upstream(real: RealIstio, spec: object): Promise<readonly KubeObject[]> {
	const operator = {
		apiVersion: 'install.istio.io/v1alpha1',
		kind: 'IstioOperator',
		spec: { hub: 'docker.io/istio', tag, ...spec },
	};
	const output = await istioctl(
		real,
		['manifest', 'generate', '--manifests', real.manifests, '--filename', '-'],
		JSON.stringify(operator),
	);
	return parseAllDocuments(output)
		.map((document): unknown => document.toJS())
		.filter((object): object is KubeObject => object !== null);
}

/** What is rendered under a name of `renderings`. */
export function upstreamRendering(real: RealIstio, name: Rendering): Promise<readonly KubeObject[]> {
	const { components, ...spec }: { readonly components?: object; readonly [field: string]: unknown } = renderings[name];
	return upstream(real, { ...spec, components: { ...withoutGateways.components, ...components } });
}
