/** What a process knows about one entry of one mesh between passes. All of it can be found out again. */

import type { ClusterObservation, ClusterProblem } from '../../../api/v1/index.ts';
import type { IssuedAuthority } from '../authority.ts';
import type { CheckedFacts } from '../checks/checked-facts.ts';
import type { PublicationMemory } from '../secret/publication.ts';
import type { LeftBehind } from '../told.ts';
import type { ClusterConnection } from './connection.ts';
import { type Health, unknownHealth } from './health.ts';
import type { Suspension } from './suspension.ts';

export interface ClusterCell {
	/** Key in the queue. */
	readonly key: string;
	readonly mesh: string;
	readonly cluster: string;
	connection: ClusterConnection | undefined;
	/** What the connection was made from. When that changes, the connection is made anew. */
	connectedBy: string;
	/** Whether the kubeconfig can't be used now, whatever is connected. */
	isRefused: boolean;
	health: Health;
	/** Set once its API server has misbehaved. It may be over. */
	suspension: Suspension | undefined;
	/** Probes in a row that found it down. */
	downs: number;
	facts: CheckedFacts | undefined;
	problems: readonly ClusterProblem[] | undefined;
	/** Whether it has passed the checks. From that moment on others are compared with it. */
	isAdmitted: boolean;
	/** As in its record, should that be deleted. */
	joinedAt: number | undefined;
	/** The subject of the last checks. */
	checkedFor: string;
	/** `connectedBy` of the connection that the last checks used. */
	checkedBy: string;
	/** Checks in a row that found something. */
	refusals: number;
	/** Monotonic times. */
	nextProbeAt: number;
	nextCheckAt: number;
	/** The first pass after this time lists everything anew that is watched there. Infinite means never. */
	relistAt: number;
	publication: PublicationMemory;
	/** Memory of the Secrets in a primary, by the cluster that each is about. */
	readonly distributed: Map<string, PublicationMemory>;
	/** Fingerprint of the authority that this process has written there, or found as it was written. */
	authorityFingerprint: string | undefined;
	/** What this process has issued to the cluster last. */
	authority: IssuedAuthority | undefined;
	/** Passes in a row in which something there failed. */
	failures: number;
	observation: ClusterObservation | undefined;
	leftBehind: LeftBehind | undefined;
}

export function newCell(mesh: string, cluster: string): ClusterCell {
	return {
		key: cellKey(mesh, cluster),
		mesh,
		cluster,
		connection: undefined,
		connectedBy: '',
		isRefused: false,
		health: unknownHealth,
		suspension: undefined,
		downs: 0,
		facts: undefined,
		problems: undefined,
		isAdmitted: false,
		joinedAt: undefined,
		checkedFor: '',
		checkedBy: '',
		refusals: 0,
		nextProbeAt: 0,
		nextCheckAt: 0,
		relistAt: Number.POSITIVE_INFINITY,
		publication: { wasPublished: false },
		distributed: new Map(),
		authorityFingerprint: undefined,
		authority: undefined,
		failures: 0,
		observation: undefined,
		leftBehind: undefined,
	};
}

/** The queue's key of a cluster. Names of meshes have no slash. */
export function cellKey(mesh: string, cluster: string): string {
	return `${mesh}/${cluster}`;
}
