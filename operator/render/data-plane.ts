/**
 * What a cluster without a control plane of its own needs to run workloads of a mesh: namespace, mesh configuration, the
 * injector, Citadel where the mesh has one, and Services under the names of Pilot and Mixer that lead to this cluster's.
 */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ClusterFacts } from './facts.ts';
import type { Reader } from './reader.ts';

/** IP addresses, sorted, at which the cluster reaches the parts of the control plane. */
export interface ControlPlaneAddresses {
	readonly pilot: readonly string[];
	readonly policy: readonly string[];
	readonly telemetry: readonly string[];
}

/** The cluster that the data plane is for. */
export interface RemoteDataPlane extends Reader {
	/** Name of its entry: the id by which Pilot knows it. */
	readonly cluster: string;
	/** Its network; absent where the mesh has none. */
	readonly network?: string;
	readonly addresses: ControlPlaneAddresses;
	/** What only that cluster shows: injectorRoots, injectorCertificate and caSecretHash, found there as in this one. */
	readonly facts: ClusterFacts;
}

/** What keeps a mesh from having such a data plane. */
export interface DataPlaneProblem {
	/** Of `clusterReasons`; both are of the condition Compatible. */
	readonly reason: 'RootCertificateDiffers' | 'AddressesNeeded';
	/** The field that it is about, from the root. */
	readonly path: string;
	/** A sentence without its full stop. */
	readonly message: string;
	/** A sentence. */
	readonly remedy: string;
}

/** All objects for the API server of that cluster, its reader (`renderReader`) among them, in the form of `render`. */
export function renderDataPlane(_mesh: ResolvedMesh, _remote: RemoteDataPlane): readonly KubeObject[] {
	throw new Error('not yet');
}

/** Everything that is wrong with a data plane for an entry of `spec.multiCluster.clusters`; none when it can be rendered. */
export function checkDataPlane(
	_mesh: ResolvedMesh,
	_remote: Pick<RemoteDataPlane, 'cluster' | 'network'> & { readonly controlPlaneAddresses: readonly string[] },
): readonly DataPlaneProblem[] {
	return [];
}
