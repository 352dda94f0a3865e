/** What the room is told of a mesh, and what it tells. */

import type { ApplyResult, Desired } from '../apply/applier.ts';
import type { Owner } from '../apply/identity.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ClusterConnection } from './keep/connection.ts';
import type { KubeconfigReference } from './keep/record.ts';
import type { RotationPolicy } from './keep/rotation.ts';
import type { ClusterProblem } from './problem.ts';

/** An entry of `spec.multiCluster.clusters`, with every question answered. */
export interface WantedCluster {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly kubeconfig: KubeconfigReference;
	/** Instead of the address in the kubeconfig, for the mesh. */
	readonly server?: string;
	readonly network?: string;
	/** As they were given; discovered where absent. */
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly dataPlane?: { readonly controlPlaneAddresses: readonly string[] };
}

/** A mesh with its clusters. */
export interface WantedMesh {
	readonly name: string;
	readonly namespace: string;
	readonly owner: Owner;
	/** Name of this cluster in the mesh; the uid of its `kube-system` where none was given. */
	readonly clusterName?: string;
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
	/** Milliseconds. */
	readonly tokenLifetimeMs: number;
	readonly rotation: RotationPolicy;
	/** How long leaving may take, milliseconds. */
	readonly leaveTimeoutMs: number;
	/** All clusters are to be left: the installation is being deleted. */
	readonly isLeaving: boolean;
	/** Leave at once what can't be cleaned. */
	readonly isForced: boolean;
	readonly clusters: readonly WantedCluster[];
	/** What the status said of them before. */
	readonly before: ReadonlyMap<string, StatusBefore>;
	/** Clusters of which the status says that they were given up. */
	readonly leftBehind: ReadonlySet<string>;
	/** Of the mesh's own things, whatever the room does not know: see `ClusterObjects`. */
	readonly objects: ClusterObjects;
	/** Changes (by identity) with everything that `objects` depends on. */
	readonly basis: unknown;
}

/** What the status said of a cluster. */
export interface StatusBefore {
	readonly secret?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly inventoryHash?: string;
	readonly latency?: string;
	readonly reachable?: boolean;
}

/** What is to be there, in another cluster or in this one. */
export interface PlannedObjects extends Pick<Desired, 'objects' | 'held' | 'kept'> {
	/** What a person may want to know, in a sentence. */
	readonly note?: string;
}

/** Renders what is kept for a mesh; comes from outside, so that the room knows no release. */
export interface ClusterObjects {
	/** All objects in a cluster: the account by which it is read and, where it has one, its data plane. */
	inCluster(
		cluster: WantedCluster,
		there: ClusterConnection,
		names: ClusterNames,
		signal: AbortSignal,
	): Promise<PlannedObjects>;
	/** After those were applied: labels of namespaces. Returns failures and sentences. */
	afterApply?(
		cluster: WantedCluster,
		there: ClusterConnection,
		applied: ApplyResult,
		signal: AbortSignal,
	): Promise<{ readonly errors: readonly unknown[]; readonly notes: readonly string[] }>;
	/** Name of the ServiceAccount of a reader. */
	readerAccount(readBy: string): string;
	/** Name of the ServiceAccount by which a primary reads this cluster; it is part of the mesh itself. */
	readerAccountFor(primary: string): string;
	/** Secret, of this name in each cluster with a data plane, that holds the authority by which its Citadel gives certificates. */
	readonly caSecretName?: string;
	/** Changes with that authority, as far as it is known. */
	authorityThere?(there: ClusterConnection): string | undefined;
	/** What keeps the mesh from having such a data plane. */
	problemsOf(cluster: WantedCluster): readonly ClusterProblem[];
	/** As `inCluster`, without anything that only the cluster tells: what rights are needed there. */
	samples(cluster: WantedCluster, names: ClusterNames): readonly KubeObject[];
	/** Namespaces of workloads that are labelled there. */
	readonly labelledNamespaces: readonly string[];
	/** Takes the labels off namespaces again. */
	release?(there: ClusterConnection, signal: AbortSignal): Promise<readonly unknown[]>;
}

/** Names under which something is kept somewhere. */
export interface ClusterNames {
	/** The cluster whose control plane reads. */
	readonly readBy: string;
	readonly applySet: string;
}

/** What is known of a cluster after a pass; what is undefined was not looked at, and stays as it was said before. */
export interface ClusterObservation {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly state: 'Joining' | 'Joined' | 'Leaving';
	readonly reachable: 'unknown' | 'yes' | 'no';
	/** Why it is not reached. */
	readonly reachProblem?: ClusterProblem;
	/** RFC 3339; only while it is not reached. */
	readonly lastSuccess?: string;
	readonly latency?: string;
	readonly id?: string;
	readonly serverVersion?: string;
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly services?: number;
	readonly endpoints?: number;
	readonly gateways?: readonly string[];
	/** What the checks found; undefined where they were not made. */
	readonly problems?: readonly ClusterProblem[];
	/** `namespace/name` of the published Secret. */
	readonly secret?: string;
	/** Why it is not published, or not as it should be. */
	readonly joinProblem?: ClusterProblem;
	/** What joining or leaving waits for, in a sentence. */
	readonly waiting?: string;
	readonly credentials?: { readonly expire: string; readonly state: 'valid' | 'late' | 'expired' };
	readonly inventory?: { readonly objects: number; readonly hash: string };
	/** Only with a data plane. */
	readonly dataPlane?: { readonly problem?: ClusterProblem; readonly waiting?: string; readonly note?: string };
}

/** What the checks learned of a cluster. */
export interface CheckedFacts {
	/** UID of `kube-system`. */
	readonly id: string;
	readonly serverVersion: string;
	readonly network: string | undefined;
	/** Given or discovered; undefined where they could not be found. */
	readonly podCIDRs: readonly string[] | undefined;
	readonly serviceCIDRs: readonly string[] | undefined;
	readonly services: number | undefined;
	readonly endpoints: number | undefined;
	/** Where its network is entered, if it is another one. */
	readonly gateways: readonly string[] | undefined;
	/** Clusters that the MeshInstallation there lists itself: ids where they are known, else undefined. */
	readonly listedThere: readonly (string | undefined)[];
}

/** A cluster that was given up with things left in it. */
export interface LeftBehind {
	readonly cluster: string;
	readonly since: string;
	readonly reason: string;
	readonly objects: readonly string[];
}

/** Something about a cluster that is worth an Event. */
export interface ClusterNotice {
	readonly type: 'Normal' | 'Warning';
	readonly reason: string;
	readonly message: string;
}
