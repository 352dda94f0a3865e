/** What is kept in clusters for a mesh. It comes from outside, so that this room knows no release. */
import type { ClusterProblem } from '../../api/v1/index.ts';
import type { ApplyResult } from '../apply/applier.ts';
import type { Desired } from '../apply/installation-plan.ts';
import type { Kind } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ClusterConnection } from './keep/connection.ts';
import type { WantedCluster } from './wanted-cluster.ts';

/** Names that mark what is kept in a cluster. */
export interface ClusterNames {
	/** The cluster whose control plane reads. */
	readonly readBy: string;
	readonly applySet: string;
}

/** The objects that should exist, in another cluster or in this one. */
export interface PlannedObjects extends Pick<Desired, 'objects' | 'held' | 'kept'> {
	/** Something that a person may want to know, in a sentence. */
	readonly note?: string;
	/** The release that renders them. */
	readonly version?: string;
	/** Webhooks of others there. Undefined while they are not known. */
	readonly webhooks?: WebhooksThere | undefined;
}

/** Webhooks of others in a cluster that are asked about pods of its data plane, or pods that it injects. */
export interface WebhooksThere {
	/** A sentence about each that keeps pods from being made. In the words of that cluster, which nobody trusts. */
	readonly dead: readonly string[];
	/** Kinds that may not be read there, so that something may be wrong and is not told. */
	readonly unseen: readonly Kind[];
}

/** What removing a mesh's objects needs. The mesh's spec may be invalid. */
export interface LeavingObjects {
	/** Name of the ServiceAccount of a reader. */
	readerAccount(readBy: string): string;
	/** Removes the labels from namespaces. */
	release?(there: ClusterConnection, signal: AbortSignal): Promise<readonly unknown[]>;
}

/** Renders what is kept for a mesh. */
export interface ClusterObjects extends LeavingObjects {
	/** Begins to look at what the mesh has in a cluster besides its objects, unless it does. It ends with the connection. */
	lookAt?(cluster: WantedCluster, there: ClusterConnection): void;
	/** All objects in a cluster: the account by which it is read and, where it has one, its data plane. */
	inCluster(
		cluster: WantedCluster,
		there: ClusterConnection,
		names: ClusterNames,
		signal: AbortSignal,
	): Promise<PlannedObjects>;
	/**
	 * Runs after the objects were applied: marks namespaces. Returns failures, sentences, and whether the control plane here has
	 * been put in charge there, where that is known now and it makes a difference.
	 */
	afterApply?(
		cluster: WantedCluster,
		there: ClusterConnection,
		applied: ApplyResult,
		signal: AbortSignal,
	): Promise<{
		readonly errors: readonly unknown[];
		readonly notes: readonly string[];
		readonly isInCharge?: boolean;
	}>;
	/** Name of the ServiceAccount by which a primary reads this cluster. It is part of the mesh itself. */
	readerAccountFor(primary: string): string;
	/** The Secret in each cluster with a data plane that holds the authority of its Citadel. */
	readonly caSecretName?: string;
	/** A text that changes with that authority, as far as it is known. */
	authorityThere?(there: ClusterConnection): string | undefined;
	/** Why the mesh can't have such a data plane. */
	problemsOf(cluster: WantedCluster): readonly ClusterProblem[];
	/** As `inCluster`, but without anything that only the cluster knows. It shows which rights are needed there. */
	samples(cluster: WantedCluster, names: ClusterNames): readonly KubeObject[];
	/** Namespaces of workloads that are labelled there. */
	readonly labelledNamespaces: readonly string[];
}
