/** The stage of joined clusters' data planes: one cluster after the other, in the order of their names. Pure. */
import type { ClusterObservation } from '../../../api/v1/index.ts';
import { stageIndex } from '../../plan/upgrade/course.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { Turn } from '../joined/in-turn.ts';
import type { Walk } from './walk.ts';

const stage = stageIndex('DataPlanes');

/** Names of the clusters that have a data plane. */
export function dataPlanesOf({ multiCluster: { clusters } }: ResolvedMesh): readonly string[] {
	return clusters
		.filter(({ dataPlane }) => dataPlane !== undefined)
		.map(({ name }) => name)
		.toSorted();
}

/**
 * What the mesh wants of its clusters while its version changes.
 * - a mesh and a turn: some clusters have the data plane of this mesh, the others that of the version before
 * - a mesh alone: all have its data plane
 * - undefined: what they have can't be told, and stays
 */
export function wantedOfClusters({
	course,
	old,
	next,
	leading,
}: Walk): { readonly mesh: ResolvedMesh; readonly turn?: Turn } | undefined {
	const { direction, at, record } = course;
	if (direction === 'back') return old === undefined ? undefined : { mesh: old.mesh };
	if (at > stage || dataPlanesOf(leading.mesh).length === 0) return { mesh: leading.mesh };
	if (old === undefined) return undefined;
	if (at < 0 || next === undefined) return { mesh: old.mesh };
	return { mesh: next.mesh, turn: { former: old.mesh, clusters: at < stage ? [] : (record.dataPlanes ?? []) } };
}

/** What the clusters whose turn it has been wait for, and whose turn is next. */
export function dataPlanesNow(
	names: readonly string[],
	begun: readonly string[],
	seen: readonly ClusterObservation[],
	version: string,
): { readonly waitingFor: string | undefined; readonly next: string | undefined } {
	for (const name of names.filter((one) => begun.includes(one))) {
		const waitingFor = unreadyBecause(
			name,
			seen.find((one) => one.name === name),
			version,
		);
		if (waitingFor !== undefined) return { waitingFor, next: undefined };
	}
	const next = names.find((name) => !begun.includes(name));
	return { next, waitingFor: next === undefined ? undefined : `cluster ${next} is next` };
}

function unreadyBecause(name: string, seen: ClusterObservation | undefined, version: string): string | undefined {
	const about = `cluster ${name}`;
	if (seen === undefined) return `${about} has not been looked at`;
	if (seen.reachable !== 'yes') return `${about}: ${seen.reachProblem?.message ?? 'is not reached'}`;
	if (seen.version !== version) return `${about}: the objects of ${version} are being written`;
	return seen.dataPlane?.problem?.message ?? seen.dataPlane?.waiting;
}
