import { applySetId } from '../render/index.ts';
import type { ClusterNames } from './cluster-objects.ts';
import type { MeshOfClusters } from './wanted-mesh.ts';

/** The names under which a mesh keeps something in other clusters. */
export function namesOf(
	{ name, clusterName }: Pick<MeshOfClusters, 'name' | 'clusterName'>,
	localId: string,
): ClusterNames {
	// The set is named by the UID, since names of clusters are only as different as people make them.
	return { readBy: clusterName ?? localId, applySet: applySetId(`${localId}/${name}`) };
}
