/** Finds the gateways of a mesh's networks, as far as they are known. Pure. */
import { isIP } from 'node:net';
import type { ClusterObservation, ParsedStatus } from '../../../api/v1/index.ts';
import type { MultiClusterSupport } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { NetworkGateway } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { gatewayAddresses } from '../../status/gateway-addresses.ts';
import type { LiveHere } from './remote-secrets.ts';

export interface SeenOfClusters {
	/** What passes of this process saw. */
	readonly seen: readonly ClusterObservation[];
	/** What the status said before. It counts until a cluster has been looked at. */
	readonly before: NonNullable<ParsedStatus['clusters']>;
}

/** Gateways by the name of the network. Undefined when there are none, or the mesh knows no networks. */
export function networkGateways(
	mesh: ResolvedMesh,
	{ hasNetworks, gateway }: Pick<MultiClusterSupport, 'hasNetworks' | 'gateway'>,
	live: LiveHere,
	{ seen, before }: SeenOfClusters,
): Readonly<Record<string, readonly NetworkGateway[]>> | undefined {
	if (!hasNetworks(mesh)) return undefined;
	const places = networkPlaces(mesh, { gateway }, live, { seen, before });
	const gateways = [...Map.groupBy(places, (place) => place.network)].flatMap(([name, all]) => {
		const addresses = [...new Set(all.flatMap((place) => place.addresses))].sort();
		return addresses.length === 0
			? []
			: [[name, addresses.map((address) => ({ address, port: gateway.port }))] as const];
	});
	return gateways.length === 0 ? undefined : Object.fromEntries(gateways);
}

/** A cluster that names its network. */
export interface NetworkPlace {
	readonly network: string;
	/** Undefined for this cluster. */
	readonly cluster: string | undefined;
	/** Addresses of its gateway, as far as they are known. */
	readonly addresses: readonly string[];
	/** Whether anybody has looked at it since it joined. */
	readonly isKnown: boolean;
	/** Whether its gateway is one that the mesh renders. */
	readonly hasOwnGateway: boolean;
}

export function networkPlaces(
	mesh: ResolvedMesh,
	{ gateway }: Pick<MultiClusterSupport, 'gateway'>,
	live: LiveHere,
	{ seen, before }: SeenOfClusters,
): readonly NetworkPlace[] {
	const { network: local, clusters } = mesh.multiCluster;
	const here: readonly NetworkPlace[] =
		local === undefined
			? []
			: [
					{
						network: local,
						cluster: undefined,
						addresses: addressesHere(mesh, gateway.service, live),
						isKnown: true,
						hasOwnGateway: true,
					},
				];
	const there = clusters.flatMap(({ name, network, dataPlane }): readonly NetworkPlace[] => {
		if (network === undefined) return [];
		const isIt = (one: { readonly name: string }) => one.name === name;
		const now = seen.find(isIt);
		const told = before.find(isIt);
		return [
			{
				network,
				cluster: name,
				addresses: now?.gateways ?? told?.gateways ?? [],
				isKnown: now === undefined ? isJoined(told) : now.state === 'Joined',
				// In the network of this cluster a data plane has none of its own.
				hasOwnGateway: dataPlane !== undefined && network !== local,
			},
		];
	});
	return [...here, ...there];
}

function isJoined(cluster: SeenOfClusters['before'][number] | undefined): boolean {
	return cluster?.conditions?.some(({ type, status }) => type === 'Joined' && status === 'True') === true;
}

/**
 * Sorted IP addresses of the gateway by which clusters of other networks reach the control plane. A name is none: an
 * EndpointSlice takes none that others resolve. Undefined when they do not reach it so.
 */
export function controlPlaneGateway(
	mesh: ResolvedMesh,
	{ exposes, gateway }: Pick<MultiClusterSupport, 'exposes' | 'gateway'>,
	live: Pick<LiveHere, 'get'>,
): readonly string[] | undefined {
	if (exposes?.(mesh) !== true) return undefined;
	return addressesHere(mesh, gateway.service, live)
		.filter((address) => isIP(address) !== 0)
		.toSorted();
}

function addressesHere({ namespace }: ResolvedMesh, name: string, live: Pick<LiveHere, 'get'>): readonly string[] {
	const service = live.get(objectKey({ ...kinds.Service, namespace, name }));
	return gatewayAddresses(service === undefined ? undefined : { ...service, ...service.service }).addresses ?? [];
}
