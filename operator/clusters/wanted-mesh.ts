/** What a mesh wants of its clusters: to keep those that it lists, or to leave all of them. */
import { isDeepStrictEqual } from 'node:util';
import type { Owner } from '../apply/identity.ts';
import type { ClusterObjects, LeavingObjects } from './cluster-objects.ts';
import type { RotationPolicy } from './keep/rotation.ts';
import type { WantedCluster } from './wanted-cluster.ts';

/** What is known of a mesh, whether it stays or goes. */
export interface MeshOfClusters {
	readonly name: string;
	readonly namespace: string;
	readonly owner: Owner;
	/** Name of this cluster in the mesh; the uid of its `kube-system` where none was given. */
	readonly clusterName?: string;
	/** A cluster that could not be cleaned in this time is left behind. */
	readonly leaveTimeoutMs: number;
}

/** A mesh that keeps the clusters of its list; those that are listed no more leave. */
export interface KeepingMesh extends MeshOfClusters {
	readonly kind: 'keeping';
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	/** Address of the API server of this cluster, for others. */
	readonly server?: string;
	readonly trustDomain: string;
	/** The Istio release, and whether it knows networks. */
	readonly release: { readonly version: string; readonly hasNetworks: boolean };
	/** Whether Pilot takes over a changed Secret by itself; classic ones have to be replaced for it. */
	readonly followsSecrets: boolean;
	readonly paused: boolean;
	readonly tokenLifetimeMs: number;
	readonly rotation: RotationPolicy;
	readonly clusters: readonly WantedCluster[];
	/** What the status said of them before. */
	readonly before: ReadonlyMap<string, StatusBefore>;
	/** Clusters of which the status says that they were given up. */
	readonly leftBehind: ReadonlySet<string>;
	/** Of the mesh's own things, whatever the room does not know. */
	readonly objects: ClusterObjects;
	/** Changes (by identity) with everything that `objects` depends on. */
	readonly basis: unknown;
}

/** A mesh whose MeshInstallation is being deleted: all clusters leave. */
export interface LeavingMesh extends MeshOfClusters {
	readonly kind: 'leaving';
	/** Leave at once what can't be cleaned. */
	readonly isForced: boolean;
	readonly objects: LeavingObjects;
}

export type WantedMesh = KeepingMesh | LeavingMesh;

/** What the status said of a cluster. */
export interface StatusBefore {
	readonly secret?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly inventoryHash?: string;
	readonly latency?: string;
	readonly reachable?: boolean;
}

/** The clusters that are to be kept. */
export function entriesOf(mesh: WantedMesh): readonly WantedCluster[] {
	return mesh.kind === 'keeping' ? mesh.clusters : [];
}

/** The entry of a cluster; undefined where it is to leave. */
export function entryIn(mesh: WantedMesh, cluster: string): WantedCluster | undefined {
	return entriesOf(mesh).find(({ name }) => name === cluster);
}

/** Whether two wishes are the same. What only the status said before is no wish. */
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
