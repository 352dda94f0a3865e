/**
 * What a cluster without a control plane of its own needs to run workloads of a mesh: namespace, mesh configuration, the
 * injector, Citadel where the mesh has one, and Services under the names of Pilot and Mixer that lead to this cluster's.
 *
 * Proxies there call the control plane by the same names as here, whatever is behind them. So the mesh configuration is the
 * same, and under mutual TLS they expect the same identities. (With an address instead of `istio-pilot.<namespace>` they
 * would expect an identity of `istio-system`; istio 1.0-1.4 `pilot/cmd/pilot-agent`.)
 *
 * `spec.overlays` are not applied: they are about objects of this cluster.
 */

import type { MixerService, ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { checkAddresses, type DataPlaneProblem } from '../data-plane.ts';
import { finish } from '../finish.ts';
import { keptFrom } from '../labels.ts';
import { type Reader, readerObjects } from '../reader.ts';
import { renderCitadel } from './citadel.ts';
import type { ClassicFacts } from './facts.ts';
import { renderGateways } from './gateways.ts';
import { renderInjector } from './injector.ts';
import { injectorFiles } from './injector-files.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { mixerService } from './mixer.ts';
import { pilotService } from './pilot.ts';
import { readerRules } from './reader-rules.ts';

/** Sorted IP addresses by which the cluster reaches the parts of the control plane. */
export type ClassicAddresses = Readonly<Record<'pilot' | 'policy' | 'telemetry', readonly string[]>>;

/** The cluster that the data plane is for. */
export interface RemoteDataPlane extends Omit<Reader, 'rules'> {
	/** Name of its entry. Pilot knows the cluster by it. */
	readonly cluster: string;
	/** Its network, when the entry names one. Otherwise it is in the network of this cluster. */
	readonly network?: string;
	readonly addresses: ClassicAddresses;
	/** Facts of that cluster: injectorRoots, injectorCertificate and caSecretHash, found there as in this cluster. */
	readonly facts: ClassicFacts;
}

/**
 * The mesh as it is in that cluster: what of it runs there, and where its proxies say they are. It answers for the data
 * plane what is asked about a mesh: its Secrets, what waits, what becomes of a pod that is injected by hand.
 */
export function dataPlaneMesh(
	mesh: ResolvedClassicMesh,
	{ cluster, network = mesh.location.network }: Pick<RemoteDataPlane, 'cluster' | 'network'>,
): ResolvedClassicMesh {
	const { networks: _, pilotKubeconfig: __, ...rest } = mesh;
	return {
		...rest,
		location: { clusterId: cluster, ...(network === undefined ? {} : { network }) },
		mixer: { adapters: [] },
		// When pods of this cluster are not reached directly, that cluster needs a gateway of its own, like this one's.
		gateways:
			network === mesh.location.network ? [] : mesh.gateways.filter(({ name }) => name === 'istio-ingressgateway'),
		// Pilot reads only the policies of its own cluster.
		mutualTls: 'DISABLED',
		overlays: [],
	};
}

/** All objects for the API server of that cluster, including its reader (`renderReader`), in the form of `render`. */
export function renderDataPlane(mesh: ResolvedClassicMesh, remote: RemoteDataPlane): readonly KubeObject[] {
	const there = dataPlaneMesh(mesh, remote);
	const objects = [
		renderMeshConfig(there, remote.facts),
		...controlPlane(mesh, remote.addresses),
		...renderCitadel(there, remote.facts),
		...renderInjector(there, remote.facts),
		...renderGateways(there),
	];
	const all = [...objects, ...injectorFiles(there, objects)];
	return finish([
		...readerObjects(mesh, { ...remote, rules: readerRules(mesh) }),
		...all.map((object) => keptFrom(object, remote.readBy, remote.applySet)),
	]);
}

/**
 * Services without a selector, and their addresses. They are not headless as in the charts. The addresses change with pods
 * here, and proxies look up a name again only every five minutes (`dnsRefreshRate`), while the nodes follow Endpoints at
 * once. Besides, Pilot takes a headless Service for a wish to listen on all addresses there.
 */
function controlPlane(mesh: ResolvedClassicMesh, addresses: ClassicAddresses): readonly KubeObject[] {
	const { mixer } = mesh;
	const services: readonly MixerService[] = ['policy', 'telemetry'];
	return [
		...withEndpoints(pilotService(mesh), addresses.pilot),
		...services.flatMap((service) =>
			mixer[service] === undefined ? [] : withEndpoints(mixerService(mesh, service), addresses[service]),
		),
	];
}

interface ServiceObject extends KubeObject {
	readonly spec?: {
		readonly ports: readonly { readonly name: string; readonly targetPort: number; readonly protocol: string }[];
	};
}

/**
 * Adds `Endpoints`. API servers have called them deprecated since 1.33 and keep them. Pilots of these releases read nothing
 * else, and a controller of Kubernetes mirrors them into EndpointSlices for the nodes. Without an address there are none:
 * empty Endpoints are no answer.
 */
function withEndpoints(service: KubeObject, addresses: readonly string[]): readonly KubeObject[] {
	const { metadata, spec } = service as ServiceObject;
	return addresses.length === 0
		? [service]
		: [
				service,
				{
					apiVersion: 'v1',
					kind: 'Endpoints',
					metadata: { name: metadata.name, namespace: metadata.namespace, labels: metadata.labels },
					subsets: [
						{
							addresses: addresses.map((ip) => ({ ip })),
							ports: (spec?.ports ?? []).map(({ name, targetPort, protocol }) => ({
								name,
								port: targetPort,
								protocol,
							})),
						},
					],
				} as KubeObject,
			];
}

/**
 * Everything that is wrong with a data plane for an entry of `spec.multiCluster.clusters`. Empty when it can be rendered.
 */
export function checkDataPlane(
	mesh: ResolvedClassicMesh,
	remote: Pick<RemoteDataPlane, 'cluster' | 'network'> & { readonly controlPlaneAddresses: readonly string[] },
): readonly DataPlaneProblem[] {
	return [
		...checkAuthority(mesh, remote),
		...checkAddresses(
			mesh.location.network,
			remote,
			'Pilot and Mixer',
			'Write the addresses of a load balancer in front of Pilot and Mixer into dataPlane.controlPlaneAddresses.',
		),
	];
}

/** Two Citadels with CAs of their own issue certificates that the other side does not trust. */
function checkAuthority(
	{ citadel }: ResolvedClassicMesh,
	{ cluster }: { readonly cluster: string },
): readonly DataPlaneProblem[] {
	return citadel === undefined || citadel.caSecretName !== undefined
		? []
		: [
				{
					reason: 'RootCertificateDiffers',
					path: 'spec.citadel.caSecretName',
					message: `spec.citadel.caSecretName is not set: the Citadel in cluster ${cluster} would make an authority of its own, and workloads of the two clusters would refuse each other`,
					remedy:
						'Put authorities with a common root into a Secret of the same name in both clusters, and name it in spec.citadel.caSecretName.',
				},
			];
}
