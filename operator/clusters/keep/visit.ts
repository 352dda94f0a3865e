/** What one pass over one cluster works with. */
import type { ClusterNames } from '../cluster-objects.ts';
import type { WantedCluster } from '../wanted-cluster.ts';
import type { KeepingMesh, WantedMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { ClusterConnection } from './connection.ts';
import type { ClusterRecord } from './record.ts';

export interface Visit {
	readonly cell: ClusterCell;
	readonly mesh: WantedMesh;
	/** As it was when the pass began. */
	readonly record: ClusterRecord | undefined;
	/** The names under which this mesh keeps something there. */
	readonly names: ClusterNames;
	readonly signal: AbortSignal;
}

/** Of a cluster that is listed. */
export interface KeepingVisit extends Visit {
	readonly mesh: KeepingMesh;
	readonly entry: WantedCluster;
}

/** With an open connection. */
export interface VisitThere extends KeepingVisit {
	readonly there: ClusterConnection;
}

/** Of a cluster that was begun, and leaves. */
export interface LeavingVisit extends Visit {
	readonly record: ClusterRecord;
}
