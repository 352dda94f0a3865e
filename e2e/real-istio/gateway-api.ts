/** The Gateway API as far as istiod makes proxies for its Gateways: definitions without schemas, and two Gateways of a user. */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { untilEstablished } from '../support/installation.ts';

const group = 'gateway.networking.k8s.io';

function definition(kind: string, plural: string, scope: 'Cluster' | 'Namespaced'): KubeObject {
	const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: {
			name: `${plural}.${group}`,
			annotations: {
				// By the first istiod knows which definitions it can use, by the second API servers the group of Kubernetes' own.
				'gateway.networking.k8s.io/bundle-version': 'v1.6.0',
				'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/4530',
			},
		},
		spec: {
			group,
			scope,
			names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
			versions: ['v1', 'v1beta1'].map((name) => ({
				name,
				served: true,
				storage: name === 'v1',
				schema,
				subresources: { status: {} },
			})),
		},
	} as KubeObject;
}

export const gatewayApi: readonly KubeObject[] = [
	definition('GatewayClass', 'gatewayclasses', 'Cluster'),
	definition('Gateway', 'gateways', 'Namespaced'),
	definition('HTTPRoute', 'httproutes', 'Namespaced'),
	definition('ReferenceGrant', 'referencegrants', 'Namespaced'),
];

/** Settled when the API server serves them. */
export async function installGatewayApi(
	apply: (object: KubeObject) => Promise<unknown>,
	api: ApiServer,
): Promise<void> {
	for (const each of gatewayApi) await apply(each);
	for (const { metadata } of gatewayApi) await untilEstablished(api, metadata.name);
}

const gateways = [
	{ name: 'edge', gatewayClassName: 'istio', listener: { name: 'http', port: 80, protocol: 'HTTP' } },
	{ name: 'point', gatewayClassName: 'istio-waypoint', listener: { name: 'mesh', port: 15_008, protocol: 'HBONE' } },
];

/** Makes the Gateways, with labels and annotations that go on to what is made for them. */
export async function makeGateways(api: ApiServer): Promise<void> {
	for (const { name, gatewayClassName, listener } of gateways) {
		await api.request({
			method: 'POST',
			path: `/apis/${group}/v1/namespaces/shop/gateways`,
			body: {
				apiVersion: `${group}/v1`,
				kind: 'Gateway',
				metadata: { name, namespace: 'shop' },
				spec: {
					gatewayClassName,
					listeners: [listener],
					infrastructure: { labels: { team: 'edge' }, annotations: { mine: '"quoted": yes' } },
				},
			},
		});
	}
}

/** Names of what istiod makes for them. */
export const madeForGateways = ['edge-istio', 'point'] as const;
