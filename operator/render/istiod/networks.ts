/**
 * What opens the gateway between networks: to workloads of the others, and to clusters that ask istiod of this one.
 * istiod reads Gateways of its own cluster alone, and gives them to the gateways of all clusters that it serves.
 */
import { crossNetworkPort, eastWestGateway, type ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { gatewayComponent } from './gateways.ts';
import { istiodName } from './names.ts';

/** Served by the definitions of all releases. */
const apiVersion = 'networking.istio.io/v1alpha3';

export function renderNetworks(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	const gateway = mesh.gateways.find(({ network }) => network !== undefined);
	if (gateway === undefined || mesh.isServedFromElsewhere) return [];
	return [
		// Connections are passed on by the service that the TLS handshake names, and end at that service's own proxy.
		gatewayObject(mesh, 'cross-network-gateway', 'AUTO_PASSTHROUGH', '*.local', [
			{ name: 'tls', number: crossNetworkPort },
		]),
		...(mesh.exposesControlPlane === true ? renderExposure(mesh) : []),
	];
}

/** Ports of the gateway, and those of the Service of istiod to which they lead. */
const exposed = [
	{ name: 'tls-istiod', number: 15_012, service: 15_012 },
	{ name: 'tls-webhook', number: 15_017, service: 443 },
] as const;

/**
 * Connections to istiod end at istiod, which shows its own certificate (istio 1.31 `samples/multicluster/expose-istiod.yaml`).
 * Proxies of a cluster in another network find their way by its name, which leads them to this gateway.
 */
function renderExposure(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	const { namespace } = mesh;
	const gateway = 'istiod-gateway';
	const name = 'istiod-exposed';
	const host = `${istiodName(mesh)}.${namespace}.svc.cluster.local`;
	return [
		gatewayObject(mesh, gateway, 'PASSTHROUGH', '*', exposed),
		{
			apiVersion,
			kind: 'VirtualService',
			metadata: { name, namespace, labels: objectLabels(mesh, 'VirtualService', 'networks', name) },
			spec: {
				hosts: ['*'],
				gateways: [gateway],
				tls: exposed.map(({ number, service }) => ({
					match: [{ port: number, sniHosts: ['*'] }],
					route: [{ destination: { host, port: { number: service } } }],
				})),
			},
		},
	];
}

function gatewayObject(
	mesh: ResolvedIstiodMesh,
	name: string,
	mode: string,
	host: string,
	ports: readonly { readonly name: string; readonly number: number }[],
): KubeObject {
	return {
		apiVersion,
		kind: 'Gateway',
		metadata: { name, namespace: mesh.namespace, labels: objectLabels(mesh, 'Gateway', 'networks', name) },
		spec: {
			selector: { istio: gatewayComponent({ name: eastWestGateway }) },
			servers: ports.map((port) => ({
				hosts: [host],
				port: { name: port.name, number: port.number, protocol: 'TLS' },
				tls: { mode },
			})),
		},
	};
}
