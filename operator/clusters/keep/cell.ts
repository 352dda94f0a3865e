/** What a process knows of one entry of one mesh between passes. All of it can be found again. */

import type { ClusterObservation, ClusterProblem } from '../../../api/v1/index.ts';
import type { CheckedFacts } from '../checks/checked-facts.ts';
import type { LeftBehind } from '../told.ts';
import type { ClusterConnection } from './connection.ts';
import { type Health, unknownHealth } from './health.ts';
import type { PublicationMemory } from './publication.ts';

export interface ClusterCell {
	/** Key of the queue. */
	readonly key: string;
	readonly mesh: string;
	readonly cluster: string;
	connection: ClusterConnection | undefined;
	/** Of what the connection was made: another one, and it is made anew. */
	connectedBy: string;
	/** The kubeconfig can't be used as it is now, whatever is connected. */
	isRefused: boolean;
	health: Health;
	/** Probes in a row that found it down. */
	downs: number;
	facts: CheckedFacts | undefined;
	problems: readonly ClusterProblem[] | undefined;
	/** It has passed the checks, and counts among those with which others are compared, from the moment in which it did. */
	isAdmitted: boolean;
	/** What the last checks were made for. */
	checkedFor: string;
	/** `connectedBy` of the connection by which they were made. */
	checkedBy: string;
	/** Checks in a row that found something. */
	refusals: number;
	/** Monotonic milliseconds. */
	nextProbeAt: number;
	nextCheckAt: number;
	/** Everything that is watched there is listed anew with the first pass after; never where it is infinite. */
	relistAt: number;
	publication: PublicationMemory;
	/** Of the Secrets in a primary, by the cluster that each is about. */
	readonly distributed: Map<string, PublicationMemory>;
	/** Passes in a row in which something there could not be done. */
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
		downs: 0,
		facts: undefined,
		problems: undefined,
		isAdmitted: false,
		checkedFor: '',
		checkedBy: '',
		refusals: 0,
		nextProbeAt: 0,
		nextCheckAt: 0,
		relistAt: Number.POSITIVE_INFINITY,
		publication: { wasPublished: false },
		distributed: new Map(),
		failures: 0,
		observation: undefined,
		leftBehind: undefined,
	};
}

/** The queue's key of a cluster: names of meshes have no slash. */
export function cellKey(mesh: string, cluster: string): string {
	return `${mesh}/${cluster}`;
}
