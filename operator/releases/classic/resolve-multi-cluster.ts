/** Decides the networks of a mesh of several clusters, and about a Pilot that serves another cluster than its own. */
import { isIP } from 'node:net';
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ResolvedGateway } from '../gateways.ts';
import { checkNetworkNames, type ResolvedMultiCluster } from '../multi-cluster.ts';
import type { ReleaseProblem } from '../problem.ts';
import { crossNetworkPort } from './gateways.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedClassicMesh, ResolvedNetwork } from './resolved.ts';

/** Pilot's name for the registry of its own cluster (istio 1.0-1.4 `pilot/pkg/serviceregistry/platform.go`). */
const localRegistry = 'Kubernetes';

const path = 'spec.multiCluster';

/** The name in the charts, the same in every cluster. */
const ingressGateway = 'istio-ingressgateway';

/** All problems of `spec.multiCluster` and `spec.pilot.kubeconfigSecret` that neither the schema nor the cluster shows. */
export function checkMultiCluster(release: ClassicRelease, spec: ParsedSpec): readonly ReleaseProblem[] {
	return [...checkNetworks(release, spec), ...checkPilotOutside(spec), ...checkExposure(release, spec)];
}

/** The gateway of this line is the ingress gateway, which leads to services alone. */
function checkExposure({ version }: ClassicRelease, { multiCluster }: ParsedSpec): readonly ReleaseProblem[] {
	const where = `${path}.exposeControlPlane`;
	return multiCluster?.exposeControlPlane === undefined
		? []
		: [
				{
					path: where,
					reason: 'FieldNotInRelease',
					message: `${where} is for releases of istiod, not for Istio ${version}`,
					remedy: 'Remove it, and write the addresses of a load balancer into dataPlane.controlPlaneAddresses.',
				},
			];
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
	return checkNetworkNames(multiCluster);
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

/**
 * Why the gateway of a mesh is no way into its network, in a sentence with what to do. Undefined when it is one as soon as
 * its load balancer has an address: Pilot knows no others (istio 1.2-1.4
 * `pilot/pkg/serviceregistry/kube/conversion.go`, ExternalServiceAddresses).
 */
export function noWayIn({ gateways }: Pick<ResolvedClassicMesh, 'gateways'>): string | undefined {
	const service = gateways.find(({ name }) => name === ingressGateway)?.service;
	if (service === undefined) return 'the mesh has no ingress gateway: set spec.gateways.ingress.enabled to true';
	if (service.type !== 'LoadBalancer')
		return `Service ${ingressGateway} is of type ${service.type}, and other clusters are told only the addresses of load balancers: set spec.gateways.ingress.service.type to LoadBalancer`;
	return service.ports.some(({ targetPort }) => targetPort === crossNetworkPort)
		? undefined
		: `Service ${ingressGateway} has no port that leads to ${crossNetworkPort} of its pods: add one to spec.gateways.ingress.service.ports`;
}

/** Whether Pilot takes an address of a gateway: one that can't look up names as they change takes no name. */
export function takesGatewayAddress({ release }: Pick<ResolvedClassicMesh, 'release'>, address: string): boolean {
	return release.mesh.gatewaysByService || isIP(address) !== 0;
}

/** The gateway's port for other networks. Only a load balancer has an address that Pilot finds. */
function entryPort(gateways: readonly ResolvedGateway[]): number | undefined {
	const service = gateways.find(({ name }) => name === ingressGateway)?.service;
	return service?.type === 'LoadBalancer'
		? service.ports.find(({ targetPort }) => targetPort === crossNetworkPort)?.port
		: undefined;
}
