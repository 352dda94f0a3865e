/** What one pass over one cluster works with. */
import type { ClusterNames } from '../cluster-objects.ts';
import type { ClusterRecord } from '../secret/record.ts';
import type { WantedCluster } from '../wanted-cluster.ts';
import type { KeepingMesh, WantedMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { ClusterConnection } from './connection.ts';

export interface Visit {
	readonly cell: ClusterCell;
	readonly mesh: WantedMesh;
	/** The record as it was when the pass began. */
	readonly record: ClusterRecord | undefined;
	/** The names by which this mesh marks what it keeps there. */
	readonly names: ClusterNames;
	readonly signal: AbortSignal;
}

/** A visit to a cluster that is listed. */
export interface KeepingVisit extends Visit {
	readonly mesh: KeepingMesh;
	readonly entry: WantedCluster;
}

/** A visit with an open connection. */
export interface VisitThere extends KeepingVisit {
	readonly there: ClusterConnection;
}

/** A visit to a cluster that was begun and leaves. */
export interface LeavingVisit extends Visit {
	readonly record: ClusterRecord;
}
