/** Ends leaving: the record goes last. When something is left behind, that is told first. */
import { definedFields, timeText } from '../../../api/v1/index.ts';
import { deleteObject } from '../../apply/delete-object.ts';
import { objectKey } from '../../runtime/object.ts';
import { recordReference } from '../secret/record.ts';
import type { KeeperContext } from './context.ts';
import { reachableOf } from './health.ts';
import type { LeavingVisit } from './visit.ts';

/** The status has room for this many. */
const mostObjects = 64;
const longestReasonCharacters = 1_000;

/** Deletes the record, which goes last: without it the cluster is forgotten. */
export async function end(context: KeeperContext, { cell, mesh, record, signal }: LeavingVisit): Promise<void> {
	const { namespace, name, ...kind } = recordReference(mesh.namespace, record.cluster);
	const known = context.live.get(objectKey({ ...kind, namespace, name }));
	await deleteObject(context.api, context.live, known ?? { ...kind, metadata: { namespace, name } }, signal);
	await cell.connection?.close();
	cell.connection = undefined;
	context.observed(cell, mesh, undefined);
}

/**
 * Gives up a cluster whose time is over. It is told first and forgotten then, so that whoever reads the status knows what
 * is left where.
 * @param left objects that are known to exist there
 * @returns whether it was told, so that it may be forgotten
 */
export async function giveUp(
	context: KeeperContext,
	visit: LeavingVisit,
	reason: string,
	left: readonly string[],
): Promise<boolean> {
	const { cell, mesh, names } = visit;
	const objects =
		left.length > 0
			? left.slice(0, mostObjects)
			: [
					`everything with label applyset.kubernetes.io/part-of=${names.applySet}, ServiceAccount ${mesh.namespace}/${mesh.objects.readerAccount(names.readBy)} among it`,
				];
	// What was told of an earlier time under that name does not count.
	const isTold = mesh.kind === 'leaving' || (cell.leftBehind !== undefined && mesh.leftBehind.has(cell.cluster));
	if (cell.leftBehind === undefined) {
		cell.leftBehind = {
			cluster: cell.cluster,
			since: timeText(context.wallClock()),
			reason: reason.slice(0, longestReasonCharacters).toWellFormed(),
			objects,
		};
		context.onNotice(mesh.name, {
			type: 'Warning',
			reason: 'ClusterLeftBehind',
			message: `cluster ${cell.cluster} was left without being cleaned (${reason}); left there: ${objects.slice(0, 10).join(', ')}`,
		});
	}
	if (isTold) {
		await end(context, visit);
		return true;
	}
	tellLeaving(context, visit, reason);
	// The status that tells it wakes nobody, so the mesh is looked at until it has been read.
	context.wakeMesh(mesh.name, `cluster ${cell.cluster} is left behind`);
	return false;
}

/** Tells what leaving waits for. */
export function tellLeaving(context: KeeperContext, { cell, mesh, record }: LeavingVisit, waiting: string): void {
	const { problem } = cell.health;
	context.observed(cell, mesh, {
		name: cell.cluster,
		role: record.role,
		state: 'Leaving',
		reachable: reachableOf(cell.health),
		...definedFields({ reachProblem: problem, id: record.id }),
		waiting,
	});
}
