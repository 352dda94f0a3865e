/** Decides the networks of a mesh of several clusters, and about a Pilot that serves another cluster than its own. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ResolvedMultiCluster } from '../multi-cluster.ts';
import type { ReleaseProblem } from '../problem.ts';
import { crossNetworkPort } from './gateways.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedClassicMesh, ResolvedGateway, ResolvedNetwork } from './resolved.ts';

/** Pilot's name for the registry of its own cluster (istio 1.0-1.4 `pilot/pkg/serviceregistry/platform.go`). */
const localRegistry = 'Kubernetes';

const path = 'spec.multiCluster';

/** The name in the charts, the same in every cluster. */
const ingressGateway = 'istio-ingressgateway';

/** All problems of `spec.multiCluster` and `spec.pilot.kubeconfigSecret` that neither the schema nor the cluster shows. */
export function checkMultiCluster(release: ClassicRelease, spec: ParsedSpec): readonly ReleaseProblem[] {
	return [...checkNetworks(release, spec), ...checkPilotOutside(spec)];
}

function checkNetworks(release: ClassicRelease, { multiCluster = {} }: ParsedSpec): readonly ReleaseProblem[] {
	const { network, clusters = [] } = multiCluster;
	const named = clusters.flatMap((cluster, index) =>
		cluster.network === undefined ? [] : [{ ...cluster, path: `${path}.clusters[${index}].network` }],
	);
	if (!release.mesh.networks) {
		return [...(network === undefined ? [] : [`${path}.network`]), ...named.map((entry) => entry.path)].map(
			(where) => ({
				path: where,
				reason: 'FieldNotInRelease',
				message: `${where} came with Istio 1.1; in a mesh of ${release.version} all pods reach each other directly`,
				remedy: 'Remove it, or install Istio 1.1 or newer.',
			}),
		);
	}
	const [first] = named;
	return network !== undefined || first === undefined
		? []
		: [
				{
					path: `${path}.network`,
					reason: 'Invalid',
					message: `${path}.network must be set: cluster ${first.name} names its network, and from there nothing leads to one without a name`,
					remedy: `Name the network of this cluster, or remove ${first.path}.`,
				},
			];
}

/**
 * Refuses joined clusters beside a Pilot that serves another cluster: it looks for their Secrets there, where the operator
 * writes nothing.
 */
function checkPilotOutside({ pilot, multiCluster }: ParsedSpec): readonly ReleaseProblem[] {
	return pilot?.kubeconfigSecret === undefined || (multiCluster?.clusters ?? []).length === 0
		? []
		: [
				{
					path: 'spec.pilot.kubeconfigSecret',
					reason: 'Invalid',
					message: `spec.pilot.kubeconfigSecret does not go with ${path}.clusters: a Pilot outside looks for the Secrets of other clusters where it reads everything else`,
					remedy: 'Remove one of the two.',
				},
			];
}

type Settings = Pick<ResolvedClassicMesh, 'networks' | 'location' | 'pilotKubeconfig'>;

export function resolveNetworks(
	release: ClassicRelease,
	{ namespace, pilot }: ParsedSpec,
	multiCluster: ResolvedMultiCluster,
	gateways: readonly ResolvedGateway[],
): Settings {
	const { kubeconfigSecret } = pilot ?? {};
	const { network } = multiCluster;
	return {
		...(release.mesh.networks ? { networks: networksOf(release, namespace, multiCluster, gateways) } : {}),
		location: { clusterId: localRegistry, ...(network === undefined ? {} : { network }) },
		...(kubeconfigSecret === undefined
			? {}
			: { pilotKubeconfig: { name: kubeconfigSecret.name, key: kubeconfigSecret.key ?? 'kubeconfig' } }),
	};
}

/**
 * The networks of the mesh: none, or one for every cluster. A cluster without a network is put into that of this one.
 * Otherwise Pilot would hide its endpoints from all proxies that have a network, and it gives no listeners to a proxy that
 * names another network than its pod is in (`GetProxyServiceInstances` of istio 1.1-1.4).
 */
function networksOf(
	release: ClassicRelease,
	namespace: string,
	{ network: local, clusters }: ResolvedMultiCluster,
	gateways: readonly ResolvedGateway[],
): readonly ResolvedNetwork[] {
	if (local === undefined) {
		return [];
	}
	const others = Map.groupBy(clusters, ({ network }) => network ?? local);
	const host = `${ingressGateway}.${namespace}.svc.cluster.local`;
	const ids = (name: string) => (others.get(name) ?? []).map((cluster) => cluster.name).sort();
	const byService = (port: number | undefined) =>
		release.mesh.gatewaysByService && port !== undefined ? { gatewayService: { host, port } } : {};
	return [
		{ name: local, registries: [localRegistry, ...ids(local)], ...byService(entryPort(gateways)) },
		...[...others.keys()]
			.filter((name) => name !== local)
			.sort()
			.flatMap((name): readonly ResolvedNetwork[] => {
				const [first, ...rest] = ids(name);
				return first === undefined ? [] : [{ name, registries: [first, ...rest], ...byService(crossNetworkPort) }];
			}),
	];
}

/** The gateway's port for other networks. Only a load balancer has an address that Pilot finds. */
function entryPort(gateways: readonly ResolvedGateway[]): number | undefined {
	const service = gateways.find(({ name }) => name === ingressGateway)?.service;
	return service?.type === 'LoadBalancer'
		? service.ports.find(({ targetPort }) => targetPort === crossNetworkPort)?.port
		: undefined;
}
