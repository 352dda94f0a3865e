/** Finds networks of a mesh that have no usable way in: from other networks nobody reaches their workloads. Pure. */
import type { MultiClusterSupport } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { NetworkProblem } from '../../status/clusters.ts';
import { type NetworkPlace, networkPlaces, type SeenOfClusters } from './network-gateways.ts';
import type { LiveHere } from './remote-secrets.ts';

type Support = Pick<MultiClusterSupport, 'hasNetworks' | 'gateway' | 'noWayIn' | 'takesAddress'>;

/** All of them, by the names of the networks. None while the mesh has one network, and none that nobody has looked at. */
export function networkProblems(
	mesh: ResolvedMesh,
	support: Support,
	live: LiveHere,
	seen: SeenOfClusters,
): readonly NetworkProblem[] {
	if (!support.hasNetworks(mesh)) return [];
	const networks = Map.groupBy(networkPlaces(mesh, support, live, seen), ({ network }) => network);
	if (networks.size < 2) return [];
	return [...networks]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.flatMap(([network, places]) => problemOf(network, places, mesh, support));
}

function problemOf(
	network: string,
	places: readonly NetworkPlace[],
	mesh: ResolvedMesh,
	{ gateway: { service }, noWayIn, takesAddress }: Support,
): readonly NetworkProblem[] {
	const addresses = [...new Set(places.flatMap((place) => place.addresses))].sort();
	if (addresses.some((address) => takesAddress(mesh, address)) || places.some(({ isKnown }) => !isKnown)) return [];
	const about = `network ${network} has no way in`;
	if (addresses.length > 0) {
		const message = `${about}: Istio ${mesh.release.version} needs an IP address, and the load balancer of Service ${service} has only ${addresses.slice(0, 3).join(', ')}; use a load balancer with an IP address, or Istio 1.2 or later`;
		return [{ network, isPending: false, message }];
	}
	// Where the gateway is the mesh's own, the spec may tell why it never gets an address.
	const isOurs = places.some(({ hasOwnGateway }) => hasOwnGateway);
	const why = isOurs ? noWayIn(mesh) : undefined;
	if (why !== undefined) return [{ network, isPending: false, message: `${about}: ${why}` }];
	const where = places.map(({ cluster }) => (cluster === undefined ? 'this cluster' : `cluster ${cluster}`)).join(', ');
	const message = isOurs
		? `${about} yet: Service ${mesh.namespace}/${service} waits for its load balancer to get an address (${where})`
		: `${about}: Service ${mesh.namespace}/${service} in ${where} is missing, can't be read, or has no address of a load balancer`;
	return [{ network, isPending: isOurs, message }];
}
