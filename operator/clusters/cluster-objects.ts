/** What is kept in clusters for a mesh: it comes from outside, so that this room knows no release. */
import type { ClusterProblem } from '../../api/v1/index.ts';
import type { ApplyResult, Desired } from '../apply/applier.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ClusterConnection } from './keep/connection.ts';
import type { WantedCluster } from './wanted-cluster.ts';

/** Names under which something is kept somewhere. */
export interface ClusterNames {
	/** The cluster whose control plane reads. */
	readonly readBy: string;
	readonly applySet: string;
}

/** What is to be there, in another cluster or in this one. */
export interface PlannedObjects extends Pick<Desired, 'objects' | 'held' | 'kept'> {
	/** What a person may want to know, in a sentence. */
	readonly note?: string;
}

/** What is needed to take things of a mesh away: its spec may be invalid. */
export interface LeavingObjects {
	/** Name of the ServiceAccount of a reader. */
	readerAccount(readBy: string): string;
	/** Takes the labels off namespaces again. */
	release?(there: ClusterConnection, signal: AbortSignal): Promise<readonly unknown[]>;
}

/** Renders what is kept for a mesh. */
export interface ClusterObjects extends LeavingObjects {
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
}
