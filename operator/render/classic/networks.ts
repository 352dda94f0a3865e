/** Networks of a mesh of several clusters: which network each cluster is in, and the gateways of each network. */
import { createHash } from 'node:crypto';
import {
	crossNetworkPort,
	type ResolvedClassicMesh,
	type ResolvedNetwork,
	takesGatewayAddress,
} from '../../releases/classic/index.ts';
import type { Opaque } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { NetworkGateway } from '../facts.ts';
import { objectLabels } from '../labels.ts';
import type { ClassicFacts } from './facts.ts';

/** The `meshNetworks` that Pilot reads (istio 1.1-1.4 `MeshNetworks`). Undefined when the release knows none. */
export function meshNetworks(mesh: ResolvedClassicMesh, facts: ClassicFacts): Opaque | undefined {
	return mesh.networks === undefined
		? undefined
		: {
				networks: Object.fromEntries(
					mesh.networks.map((network) => [
						network.name,
						{
							endpoints: endpointsOf(network),
							...gatewaysOf(mesh, network, knownGateways(facts, network.name)),
						},
					]),
				),
			};
}

function endpointsOf({ registries }: ResolvedNetwork): readonly Opaque[] {
	return registries.map((fromRegistry) => ({ fromRegistry }));
}

/** Looks up own fields only, because a network may have the name of an inherited one. */
function knownGateways({ networkGateways = {} }: ClassicFacts, network: string): readonly NetworkGateway[] {
	return Object.hasOwn(networkGateways, network) ? (networkGateways[network] ?? []) : [];
}

/** Known addresses come before the Service by which Pilot would look for them. */
function gatewaysOf(
	{ release }: ResolvedClassicMesh,
	{ gatewayService }: ResolvedNetwork,
	given: readonly NetworkGateway[],
): { readonly gateways?: readonly Opaque[] } {
	// When Pilot 1.1 can't look up a name while it reads this, the network has a gateway without an address, which ends Pilot.
	const known = given.filter(({ address }) => takesGatewayAddress({ release }, address));
	if (known.length > 0) {
		return { gateways: known.map(({ address, port }) => ({ address, port })) };
	}
	return gatewayService === undefined
		? {}
		: { gateways: [{ registryServiceName: gatewayService.host, port: gatewayService.port }] };
}

/**
 * A hash for the pods of a Pilot that reads only once in which network another cluster is. Undefined when the release
 * follows changes, and without networks. Every release follows changes of gateways.
 */
export function networksHash({ networks = [], release }: ResolvedClassicMesh): string | undefined {
	if (release.mesh.followsNetworks || networks.length === 0) {
		return undefined;
	}
	const places = networks.map(({ name, registries }) => [name, ...registries]);
	return createHash('sha256').update(JSON.stringify(places)).digest('hex').slice(0, 32);
}

/**
 * The Gateway that opens the gateways to other networks. They pass connections on by the service that the TLS handshake
 * names. The connection ends at that service's own proxy (`AUTO_PASSTHROUGH`, istio 1.1-1.4). Pilot gives it to the
 * gateways of all clusters that it serves. There is none while all pods reach each other, and none without a gateway.
 */
export function renderNetworkGateway(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	const { networks = [], gateways, namespace } = mesh;
	if (networks.length < 2 || !gateways.some(({ name }) => name === 'istio-ingressgateway')) {
		return [];
	}
	const name = 'meshwright-networks';
	return [
		{
			apiVersion: 'networking.istio.io/v1alpha3',
			kind: 'Gateway',
			metadata: { name, namespace, labels: objectLabels(mesh, 'Gateway', 'networks', name) },
			spec: {
				selector: { istio: 'ingressgateway' },
				servers: [
					{
						hosts: ['*.local'],
						port: { name: 'tls', number: crossNetworkPort, protocol: 'TLS' },
						tls: { mode: 'AUTO_PASSTHROUGH' },
					},
				],
			},
		},
	];
}
