/** What a mesh wants of its clusters: to keep those that it lists, or to leave all of them. */
import { isDeepStrictEqual } from 'node:util';
import type { Owner } from '../apply/identity.ts';
import type { AuthorityWish } from './authority.ts';
import type { ClusterObjects, LeavingObjects } from './cluster-objects.ts';
import type { RotationPolicy } from './secret/rotation.ts';
import type { WantedCluster } from './wanted-cluster.ts';

/** What is known about a mesh, whether it stays or goes. */
export interface MeshOfClusters {
	readonly name: string;
	readonly namespace: string;
	readonly owner: Owner;
	/** Name of this cluster in the mesh. Default: the UID of its `kube-system`. */
	readonly clusterName?: string;
	/** A cluster that could not be cleaned within this time is left behind. */
	readonly leaveTimeoutMs: number;
}

/** A mesh that keeps the clusters of its list. Clusters that are no longer listed leave. */
export interface KeepingMesh extends MeshOfClusters {
	readonly kind: 'keeping';
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	/** Address of this cluster's API server for others. */
	readonly server?: string;
	readonly trustDomain: string;
	/** The Istio release, and whether it knows networks. */
	readonly release: { readonly version: string; readonly hasNetworks: boolean };
	/** Whether Pilot itself notices a changed Secret. Classic ones have to be replaced for it. */
	readonly followsSecrets: boolean;
	readonly paused: boolean;
	readonly rotation: RotationPolicy;
	readonly clusters: readonly WantedCluster[];
	/** What the status said about them before. */
	readonly before: ReadonlyMap<string, StatusBefore>;
	/** Clusters that the status lists as given up. */
	readonly leftBehind: ReadonlySet<string>;
	/** The authority of clusters with a control plane of their own. Undefined when the operator issues none. */
	readonly authority?: AuthorityWish;
	/** Renders the mesh's own objects, about which this room knows nothing. */
	readonly objects: ClusterObjects;
	/** Changes (by identity) with everything that `objects` depends on. */
	readonly basis: unknown;
}

/** A mesh whose MeshInstallation is being deleted: all clusters leave. */
export interface LeavingMesh extends MeshOfClusters {
	readonly kind: 'leaving';
	/** Leave behind at once what can't be cleaned. */
	readonly isForced: boolean;
	readonly objects: LeavingObjects;
}

export type WantedMesh = KeepingMesh | LeavingMesh;

/** What the status said about a cluster. */
export interface StatusBefore {
	readonly secret?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly inventoryHash?: string;
	readonly latency?: string;
	readonly reachable?: boolean;
}

/** The clusters to keep. */
export function entriesOf(mesh: WantedMesh): readonly WantedCluster[] {
	return mesh.kind === 'keeping' ? mesh.clusters : [];
}

/** The entry of a cluster. Undefined when it has to leave. */
export function entryIn(mesh: WantedMesh, cluster: string): WantedCluster | undefined {
	return entriesOf(mesh).find(({ name }) => name === cluster);
}

/** Whether two wishes are the same. What the status said before is no wish. */
export function isSameWish(a: WantedMesh, b: WantedMesh): boolean {
	if (a.kind === 'leaving' || b.kind === 'leaving') {
		const { objects: _, ...restA } = a;
		const { objects: __, ...restB } = b;
		return isDeepStrictEqual(restA, restB);
	}
	if (a.basis !== b.basis) return false;
	const { objects: _, before: __, basis: ___, ...restA } = a;
	const { objects: ____, before: _____, basis: ______, ...restB } = b;
	return isDeepStrictEqual(restA, restB);
}
