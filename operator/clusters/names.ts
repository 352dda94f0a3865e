import { applySetId } from '../render/index.ts';
import type { ClusterNames } from './cluster-objects.ts';
import type { MeshOfClusters } from './wanted-mesh.ts';

/** The names by which a mesh marks what it keeps in other clusters. */
export function namesOf(
	{ name, clusterName }: Pick<MeshOfClusters, 'name' | 'clusterName'>,
	localId: string,
): ClusterNames {
	// The set's name contains the UID, because names of clusters are only as different as people make them.
	return { readBy: clusterName ?? localId, applySet: applySetId(`${localId}/${name}`) };
}
