/** Finds the gateways of a mesh's networks, as far as they are known. Pure. */
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
	const { network, clusters } = mesh.multiCluster;
	const places = [
		...(network === undefined ? [] : [{ network, addresses: addressesHere(mesh, gateway.service, live) }]),
		...clusters.flatMap((entry) => {
			if (entry.network === undefined) return [];
			const isIt = ({ name }: { readonly name: string }) => name === entry.name;
			return [{ network: entry.network, addresses: seen.find(isIt)?.gateways ?? before.find(isIt)?.gateways ?? [] }];
		}),
	];
	const gateways = [...Map.groupBy(places, (place) => place.network)].flatMap(([name, all]) => {
		const addresses = [...new Set(all.flatMap((place) => place.addresses))].sort();
		return addresses.length === 0
			? []
			: [[name, addresses.map((address) => ({ address, port: gateway.port }))] as const];
	});
	return gateways.length === 0 ? undefined : Object.fromEntries(gateways);
}

function addressesHere({ namespace }: ResolvedMesh, name: string, live: LiveHere): readonly string[] {
	const service = live.get(objectKey({ ...kinds.Service, namespace, name }));
	return gatewayAddresses(service === undefined ? undefined : { ...service, ...service.service }).addresses ?? [];
}
