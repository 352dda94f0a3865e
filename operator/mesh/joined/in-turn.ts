/**
 * Joined clusters get another version of their data planes one after the other. Until its turn, a cluster keeps what the
 * version before renders there.
 */
import type { ClusterObjects } from '../../clusters/cluster-objects.ts';
import type { WantedCluster } from '../../clusters/wanted-cluster.ts';
import type { ResolvedMesh } from '../../releases/index.ts';

/** Whose turn it has been. */
export interface Turn {
	/** The mesh of the version before. */
	readonly former: ResolvedMesh;
	/** Names of the clusters that have the new version. */
	readonly clusters: readonly string[];
}

/** The objects of both versions as one. A cluster that is only read gets those of the new one. */
export function inTurn(next: ClusterObjects, former: ClusterObjects, { clusters }: Turn): ClusterObjects {
	const of = ({ name, dataPlane }: WantedCluster) =>
		dataPlane === undefined || clusters.includes(name) ? next : former;
	return {
		...next,
		inCluster: (cluster, ...rest) => of(cluster).inCluster(cluster, ...rest),
		afterApply: async (cluster, ...rest) =>
			(await of(cluster).afterApply?.(cluster, ...rest)) ?? { errors: [], notes: [] },
		problemsOf: (cluster) => of(cluster).problemsOf(cluster),
		samples: (cluster, names) => of(cluster).samples(cluster, names),
	};
}
