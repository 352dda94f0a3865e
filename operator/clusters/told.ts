/** What this room tells about clusters besides its observations. */

/** A cluster that was given up with things left in it. */
export interface LeftBehind {
	readonly cluster: string;
	readonly since: string;
	readonly reason: string;
	readonly objects: readonly string[];
}

/** Something about a cluster that becomes an Event. */
export interface ClusterNotice {
	readonly type: 'Normal' | 'Warning';
	readonly reason: string;
	readonly message: string;
}
