/**
 * What a cluster without a control plane of its own needs to run workloads of a mesh: the mesh configuration, the webhook for
 * new pods, and a Service by the name of istiod that leads to this cluster's. Everything else istiod itself keeps there, once
 * it is in charge: its root in each namespace, and its authority in the webhook.
 *
 * `spec.overlays` are not applied: they are about objects of this cluster.
 */

import { isIPv6 } from 'node:net';
import type { AccessRule } from '../../releases/index.ts';
import { chargeRights, gatewayInto, type ResolvedIstiodMesh, readerRights } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { type AddressedCluster, checkAddresses, type DataPlaneProblem } from '../data-plane.ts';
import { finish } from '../finish.ts';
import { keptFrom, objectLabels } from '../labels.ts';
import { type Reader, readerObjects } from '../reader.ts';
import { renderGateways } from './gateways.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { injectionWebhookNames, istiodName, meshConfigName } from './names.ts';
import { renderInjectionWebhooks } from './webhooks.ts';

/** The cluster that the data plane is for. */
export interface RemoteDataPlane extends Omit<Reader, 'rules'> {
	/** Name of its entry. istiod knows the cluster by it. */
	readonly cluster: string;
	/** Its network, when the entry names one. Otherwise it is in the network of this cluster. */
	readonly network?: string;
	/** Sorted IP addresses by which it reaches istiod. */
	readonly addresses: readonly string[];
}

/** The mesh as it is in that cluster: it answers for the data plane what is asked about a mesh. */
export function istiodMeshThere(
	mesh: ResolvedIstiodMesh,
	{ cluster, network = mesh.location.network }: Pick<RemoteDataPlane, 'cluster' | 'network'>,
): ResolvedIstiodMesh {
	const { mutualTls: _, ...rest } = mesh;
	const own = mesh.gateways.find((gateway) => gateway.network !== undefined);
	// When pods of this cluster are not reached directly, that cluster needs a way in like this one's.
	const needsGateway = network !== undefined && network !== mesh.location.network && own !== undefined;
	return {
		...rest,
		isServedFromElsewhere: true,
		location: { clusterId: cluster, ...(network === undefined ? {} : { network }) },
		// Who signs here signs there as well.
		authority: mesh.authority.external === undefined ? {} : { external: mesh.authority.external },
		gateways: needsGateway ? [gatewayInto(network, own.replicas)] : [],
		overlays: [],
	};
}

/** The rights of an account by which an istiod reads a cluster. */
export function istiodReaderRules(mesh: ResolvedIstiodMesh): readonly AccessRule[] {
	return readerRights(meshConfigName(mesh));
}

/** All objects for the API server of that cluster, including its reader, in the form of `render`. */
export function renderIstiodDataPlane(mesh: ResolvedIstiodMesh, remote: RemoteDataPlane): readonly KubeObject[] {
	const there = istiodMeshThere(mesh, remote);
	const rules = [...istiodReaderRules(mesh), ...chargeRights(injectionWebhookNames(mesh))];
	const objects = [
		renderMeshConfig(there),
		...controlPlane(there, remote.addresses),
		...renderInjectionWebhooks(there),
		...renderGateways(there),
	];
	return finish([
		...readerObjects(mesh, { ...remote, rules }),
		...objects.map((object) => keptFrom(object, remote.readBy, remote.applySet)),
	]);
}

/** What proxies and API servers there ask: by the charts' names of these ports. */
const ports = [
	{ name: 'tcp-istiod', port: 15_012, targetPort: 15_012 },
	{ name: 'tcp-webhook', port: 443, targetPort: 15_017 },
] as const;

/**
 * A Service without a selector, and its addresses. A slice has addresses of one family. Without an address there is none: the
 * name leads nowhere yet.
 */
function controlPlane(mesh: ResolvedIstiodMesh, addresses: readonly string[]): readonly KubeObject[] {
	const name = istiodName(mesh);
	const { namespace } = mesh;
	const service: KubeObject = {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: { name, namespace, labels: objectLabels(mesh, 'Service', 'pilot', name) },
		spec: { ports: ports.map((port) => ({ ...port, protocol: 'TCP' })) },
	};
	const slices = (['IPv4', 'IPv6'] as const).flatMap((addressType): readonly KubeObject[] => {
		const own = addresses.filter((address) => isIPv6(address) === (addressType === 'IPv6'));
		if (own.length === 0) return [];
		return [
			{
				apiVersion: 'discovery.k8s.io/v1',
				kind: 'EndpointSlice',
				metadata: {
					name: addressType === 'IPv4' ? name : `${name}-ipv6`,
					namespace,
					labels: {
						...objectLabels(mesh, 'EndpointSlice', 'pilot', name),
						'kubernetes.io/service-name': name,
						// Controllers of Kubernetes leave it alone.
						'endpointslice.kubernetes.io/managed-by': 'meshwright.io',
					},
				},
				addressType,
				endpoints: own.map((address) => ({ addresses: [address] })),
				ports: ports.map(({ name: port, targetPort }) => ({ name: port, port: targetPort, protocol: 'TCP' })),
			} as KubeObject,
		];
	});
	return [service, ...slices];
}

/** Everything that is wrong with such a data plane. Empty when it can be rendered. */
export function checkIstiodDataPlane(
	{ location, exposesControlPlane }: ResolvedIstiodMesh,
	cluster: AddressedCluster,
): readonly DataPlaneProblem[] {
	if (exposesControlPlane === true) return [];
	return checkAddresses(
		location.network,
		cluster,
		'istiod',
		'Set spec.multiCluster.exposeControlPlane to true, so that it is reached by istio-eastwestgateway; or write the addresses of a load balancer that leads its ports 15012 and 15017 to those of istiod into dataPlane.controlPlaneAddresses.',
	);
}
