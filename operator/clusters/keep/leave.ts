/**
 * A cluster leaves the mesh: the Secret first, so that no control plane reads it any more; then what is kept in it; last
 * the account, with which its tokens die; and then the record of it all. Bounded in time, and what is left is told.
 */

import { multiClusterLabel } from '../../../api/v1/constants.ts';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import { isWebhook, webhookGraceLeft } from '../../apply/applier.ts';
import { deleteObject } from '../../apply/delete-object.ts';
import { removeChildren } from '../../apply/remove.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, objectKey } from '../../runtime/object.ts';
import type { PassResult } from '../../runtime/queue/work-queue.ts';
import type { WantedMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { ClusterLink } from './cluster-link.ts';
import type { KeeperContext } from './context.ts';
import { isTold } from './distribute.ts';
import { ClusterFailure, inCluster, quote } from './failure.ts';
import { timeText } from './observe.ts';
import { type ClusterRecord, recordReference, recordSecret } from './record.ts';
import { failureContextOf } from './source.ts';

/** A classic Pilot forgets a cluster within seconds of the end of its Secret; so long, milliseconds, nothing else is done. */
const forgottenAfterMs = 10_000;
/** A roll-out is waited for so long, milliseconds, and no longer: it may hang for reasons of its own. */
const rollOutPatienceMs = 2 * 60_000;
/** What waits is looked at again, milliseconds. */
const recheckMs = 1_000;
const unreachedMs = 5_000;
/** A try to clean a cluster that does not answer ends after so long, milliseconds; also the one after the time is over. */
const oneTryMs = 30_000;
const lastTryMs = 3_000;
/** By so much, milliseconds, the clocks of two replicas may differ. */
const clockSkewMs = 60_000;
/** What the status has room for. */
const mostObjects = 64;
const longestReason = 1_000;

export async function leave(
	context: KeeperContext,
	link: ClusterLink,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	signal: AbortSignal,
): Promise<PassResult> {
	const now = context.wallClock();
	if (mesh.kind === 'keeping' && mesh.paused) {
		tell(context, cell, mesh, record, 'spec.paused is true: nothing is written, and the cluster does not leave yet');
		return {};
	}
	if (record.state !== 'Leaving' || isOfAnotherClock(record, now)) {
		// When its token was issued stays: by that a restarted operator knows that Pilot has to forget it.
		const { content: _, basis: __, ...kept } = record;
		const leaving: ClusterRecord = { ...kept, state: 'Leaving', leavingSince: now };
		await context.writerHere(mesh, signal).apply(recordSecret(mesh, leaving), true);
		await hide(context, mesh, record, signal);
		if (record.state === 'Leaving') return { requeueAfterMs: 0 };
		context.onNotice(mesh.name, {
			type: 'Normal',
			reason: 'ClusterLeaving',
			message: `cluster ${cell.cluster} leaves the mesh: its Secret is unpublished`,
		});
		tell(context, cell, mesh, record, 'its Secret was unpublished; waiting for Pilot to forget it');
		return { requeueAfterMs: record.state === 'Published' ? Math.min(forgottenAfterMs, mesh.leaveTimeoutMs) : 0 };
	}
	const since = record.leavingSince ?? now;
	const passedMs = Math.max(0, now - since);
	const isOver = passedMs >= mesh.leaveTimeoutMs || (mesh.kind === 'leaving' && mesh.isForced);
	if (!isOver) {
		const waiting = whatHoldsIt(context, cell, mesh, record, passedMs);
		if (waiting !== undefined) {
			tell(context, cell, mesh, record, waiting.sentence);
			return { requeueAfterMs: Math.min(waiting.forMs, mesh.leaveTimeoutMs - passedMs) };
		}
	}
	let sentence: string;
	let left: readonly string[] = [];
	try {
		const withinMs = Math.max(lastTryMs, Math.min(oneTryMs, mesh.leaveTimeoutMs - passedMs));
		const cleaned = await within(withinMs, signal, (bounded) =>
			clean(context, link, cell, mesh, record, isOver, bounded),
		);
		if (cleaned.isDone) {
			await end(context, cell, mesh, record, signal);
			context.onNotice(mesh.name, {
				type: 'Normal',
				reason: 'ClusterLeft',
				message: `cluster ${cell.cluster} has left the mesh, and nothing of it is left there`,
			});
			return {};
		}
		({ sentence } = cleaned);
		left = cleaned.left;
	} catch (error) {
		signal.throwIfAborted();
		if (!(error instanceof ClusterFailure)) throw error;
		sentence = error.problem.message;
	}
	if (!isOver) {
		tell(context, cell, mesh, record, sentence);
		const leftMs = mesh.leaveTimeoutMs - passedMs;
		return { requeueAfterMs: Math.max(50, Math.min(leftMs, left.length > 0 ? recheckMs : unreachedMs)) };
	}
	return giveUp(context, cell, mesh, record, sentence, left, signal);
}

/** What somebody else has applied as well, as from a backup, stays when it is given up: Pilot would go on to read the cluster. */
async function hide(
	context: KeeperContext,
	{ namespace }: WantedMesh,
	{ cluster }: ClusterRecord,
	signal: AbortSignal,
): Promise<void> {
	const reference = recordReference(namespace, cluster);
	if (context.live.get(objectKey(reference))?.clusterRecord?.isPublished !== true) return;
	const hidden = { metadata: { labels: { [multiClusterLabel]: null } }, data: null };
	await context.api.patch(reference, hidden, { type: 'merge', metadataOnly: true, signal });
}

/** Left at a time that is still to come: the clock went back, and by it leaving would last until then. */
function isOfAnotherClock({ leavingSince }: ClusterRecord, now: number): boolean {
	return leavingSince !== undefined && leavingSince > now + clockSkewMs;
}

function whatHoldsIt(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	passedMs: number,
): { readonly sentence: string; readonly forMs: number } | undefined {
	if (passedMs < forgottenAfterMs && record.issued !== undefined)
		return { sentence: 'waiting for Pilot to forget it', forMs: forgottenAfterMs - passedMs };
	if (record.replacedAt !== undefined && passedMs < rollOutPatienceMs && !context.isFollowed(mesh.namespace))
		return { sentence: 'waiting for the pods of Pilot and Mixer to be replaced', forMs: recheckMs };
	const reader = context.cellsOf(mesh.name).find((other) => isTold(context, other, mesh, cell.cluster));
	return reader === undefined || passedMs >= rollOutPatienceMs
		? undefined
		: { sentence: `waiting for its Secret in cluster ${reader.cluster} to be gone`, forMs: recheckMs };
}

/** Ends work after a time with a failure of the cluster: one that is silent must not keep it in the mesh. */
async function within<T>(ms: number, signal: AbortSignal, work: (bounded: AbortSignal) => Promise<T>): Promise<T> {
	const timeout = AbortSignal.timeout(ms);
	try {
		return await work(AbortSignal.any([signal, timeout]));
	} catch (error) {
		signal.throwIfAborted();
		if (!timeout.aborted || error instanceof ClusterFailure) throw error;
		throw new ClusterFailure(
			{ reason: 'Unreachable', message: `its API server did not answer within ${ms / 1_000} s` },
			true,
		);
	}
}

interface Cleaned {
	readonly isDone: boolean;
	readonly sentence: string;
	readonly left: readonly string[];
}

async function clean(
	context: KeeperContext,
	link: ClusterLink,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	isAll: boolean,
	signal: AbortSignal,
): Promise<Cleaned> {
	const asked = await link.connect(cell, mesh, record, signal);
	// Its kubeconfig may have been deleted together with the entry: what is open is good as long as this process lives.
	const there = asked ?? cell.connection;
	if (there === undefined) {
		const { namespace, name } = record.kubeconfig;
		const sentence = cell.health.problem?.message ?? `Secret ${namespace}/${name} has no kubeconfig that can be used`;
		return { isDone: record.id === undefined && cell.facts === undefined, sentence, left: [] };
	}
	return inCluster(failureContextOf(there.access), signal, async () => {
		const { apiVersion, kind } = kinds.Namespace;
		const { metadata } = await there.api.getMetadata({ apiVersion, kind, name: 'kube-system' }, { signal });
		if (record.id !== undefined && metadata.uid !== record.id) {
			const problem = `the kubeconfig leads to another cluster than the one that leaves; nothing was deleted there`;
			return { isDone: false, sentence: problem, left: [] };
		}
		await there.synced(signal);
		const labels = (await mesh.objects.release?.(there, signal)) ?? [];
		const { applySet } = context.namesOf(mesh);
		const children = there.live.ofApplySet(applySet);
		const graceMs = isAll ? 0 : webhookGraceLeft(there.memory, context.now());
		const targets = graceMs > 0 ? children.filter(isWebhook) : children;
		const removal = await removeChildren(there.api, there.live, targets, isAll, signal, (child) => {
			if (isWebhook(child)) there.memory.webhookGoneAt = context.now();
			context.onApply(child.kind, 'deleted');
		});
		const errors = [...labels, ...removal.errors];
		if (errors.length > 0) throw new AggregateError(errors);
		// Their names are words of that cluster.
		const left = children.map((child) => quote(describeObject(child), []));
		return {
			isDone: children.length === 0,
			sentence: `waiting for ${left.slice(0, 5).join(', ')} to be gone there`,
			left,
		};
	});
}

/** The record goes last: without it the cluster is forgotten. */
async function end(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	signal: AbortSignal,
): Promise<void> {
	const { namespace, name, ...kind } = recordReference(mesh.namespace, record.cluster);
	const known = context.live.get(objectKey({ ...kind, namespace, name }));
	await deleteObject(context.api, context.live, known ?? { ...kind, metadata: { namespace, name } }, signal);
	await cell.connection?.close();
	cell.connection = undefined;
	context.observed(cell, mesh, undefined);
}

/** Its time is over. Told first, forgotten then: whoever reads the status knows what is left where. */
async function giveUp(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	reason: string,
	left: readonly string[],
	signal: AbortSignal,
): Promise<PassResult> {
	const { readBy } = context.namesOf(mesh);
	const objects =
		left.length > 0
			? left.slice(0, mostObjects)
			: [
					`everything with label applyset.kubernetes.io/part-of=${context.namesOf(mesh).applySet}, ServiceAccount ${mesh.namespace}/${mesh.objects.readerAccount(readBy)} among it`,
				];
	// Not what was told of another time under that name.
	const isTold = mesh.kind === 'leaving' || (cell.leftBehind !== undefined && mesh.leftBehind.has(cell.cluster));
	if (cell.leftBehind === undefined) {
		cell.leftBehind = {
			cluster: cell.cluster,
			since: timeText(context.wallClock()),
			reason: reason.slice(0, longestReason).toWellFormed(),
			objects,
		};
		context.onNotice(mesh.name, {
			type: 'Warning',
			reason: 'ClusterLeftBehind',
			message: `cluster ${cell.cluster} was left without being cleaned (${reason}); left there: ${objects.slice(0, 10).join(', ')}`,
		});
	}
	if (!isTold) {
		tell(context, cell, mesh, record, reason);
		// Nobody is woken by the status that tells it: the mesh has to be looked at until it has been read.
		context.wakeMesh(mesh.name, `cluster ${cell.cluster} is left behind`);
		return { requeueAfterMs: recheckMs };
	}
	await end(context, cell, mesh, record, signal);
	return {};
}

function tell(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	record: ClusterRecord,
	waiting: string,
): void {
	const observation: ClusterObservation = {
		name: cell.cluster,
		role: record.role,
		state: 'Leaving',
		reachable: cell.health.state === 'up' ? 'yes' : cell.health.state === 'down' ? 'no' : 'unknown',
		...(cell.health.problem === undefined ? {} : { reachProblem: cell.health.problem }),
		...(record.id === undefined ? {} : { id: record.id }),
		waiting,
	};
	context.observed(cell, mesh, observation);
}
