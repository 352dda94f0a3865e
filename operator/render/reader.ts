/**
 * The account by which Pilot and Mixer of one cluster read another: the least that they need, and nothing that they could
 * change. It is made in a cluster that joins, and in the operator's own where another primary reads that.
 */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export interface Reader {
	/** Name of the cluster whose Pilot and Mixer read, as it is called in the mesh. */
	readonly readBy: string;
	/** Id of the ApplySet that the objects belong to. */
	readonly applySet: string;
}

/** Name of the ServiceAccount in the namespace of the mesh. */
export function readerServiceAccount(readBy: string): string {
	return `istio-reader-${readBy}`;
}

/** Namespace of the mesh, ServiceAccount, ClusterRole and ClusterRoleBinding, in the form of `render`. */
export function renderReader(_mesh: ResolvedMesh, _reader: Reader): readonly KubeObject[] {
	throw new Error('not yet');
}
