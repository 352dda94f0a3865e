/**
 * Lets a cluster leave the mesh. First the Secret is unpublished, so that no control plane reads the cluster any more. Then
 * everything that is kept in it goes, the account last, with which its tokens end. Then the record goes. All this has a
 * deadline, and what is left is told.
 */
import { multiClusterLabel } from '../../../api/v1/constants.ts';
import { objectKey } from '../../runtime/object.ts';
import type { PassResult } from '../../runtime/queue/work-queue.ts';
import { type ClusterRecord, recordReference, recordSecret } from '../secret/record.ts';
import { noRollOutUntil } from '../secret/rotation.ts';
import { clean, within } from './clean.ts';
import type { KeeperContext } from './context.ts';
import { isTold } from './distribute.ts';
import { ClusterFailure, isDefect, ourDefect } from './failure.ts';
import { end, giveUp, tellLeaving } from './give-up.ts';
import type { ClusterLink } from './link.ts';
import type { LeavingVisit } from './visit.ts';

/** A classic Pilot forgets a cluster within seconds after its Secret went. Until this time is over nothing else is done. */
const forgottenAfterMs = 10_000;
/** Waits for a roll-out no longer than this, because it may hang for reasons of its own. */
const rollOutPatienceMs = 2 * 60_000;
/** Look again after this time at what waits. */
const recheckMs = 1_000;
const unreachedMs = 5_000;
const soonestMs = 50;
/**
 * A try to clean a cluster that does not answer ends after this time. When the whole deadline is over, the last try still
 * gets `lastTryMs`.
 */
const oneTryMs = 30_000;
const lastTryMs = 3_000;
/** The clocks of two replicas may differ by this much. */
const clockSkewMs = 60_000;

export async function leave(context: KeeperContext, link: ClusterLink, visit: LeavingVisit): Promise<PassResult> {
	const { mesh, record, signal } = visit;
	const now = context.wallClock();
	if (mesh.kind === 'keeping' && mesh.paused) {
		tellLeaving(context, visit, 'spec.paused is true: nothing is written, and the cluster does not leave yet');
		return {};
	}
	if (record.state !== 'Leaving' || isOfAnotherClock(record, now)) return beginLeaving(context, visit, now);
	const passedMs = Math.max(0, now - (record.leavingSince ?? now));
	const leftMs = mesh.leaveTimeoutMs - passedMs;
	const isOver = leftMs <= 0 || (mesh.kind === 'leaving' && mesh.isForced);
	const waiting = isOver ? undefined : whatHoldsIt(context, visit, passedMs);
	if (waiting !== undefined) {
		tellLeaving(context, visit, waiting.sentence);
		return { requeueAfterMs: Math.min(waiting.forMs, leftMs) };
	}
	let sentence: string;
	let left: readonly string[] = [];
	try {
		const withinMs = Math.max(lastTryMs, Math.min(oneTryMs, leftMs));
		const cleaned = await within(withinMs, signal, (bounded) =>
			clean(context, link, { ...visit, signal: bounded }, isOver),
		);
		if (cleaned.isDone) return await endClean(context, visit);
		({ sentence, left } = cleaned);
	} catch (error) {
		signal.throwIfAborted();
		if (error instanceof ClusterFailure) {
			sentence = error.problem.message;
		} else if (isDefect(error)) {
			// Leaving ends in any case.
			context.onDefect(visit.cell, error);
			sentence = ourDefect.message;
		} else {
			throw error;
		}
	}
	if (isOver) {
		const isTold = await giveUp(context, visit, sentence, left);
		return isTold ? {} : { requeueAfterMs: recheckMs };
	}
	tellLeaving(context, visit, sentence);
	return { requeueAfterMs: Math.max(soonestMs, Math.min(leftMs, left.length > 0 ? recheckMs : unreachedMs)) };
}

/** Unpublishes the Secret in one write. */
async function beginLeaving(context: KeeperContext, visit: LeavingVisit, now: number): Promise<PassResult> {
	const { cell, mesh, record, signal } = visit;
	// The time of the last token stays in the record. By it a restarted operator knows that Pilot has to forget the cluster.
	const { content: _, basis: __, ...kept } = record;
	const leaving: ClusterRecord = { ...kept, state: 'Leaving', leavingSince: now };
	await context.writerHere(mesh, signal).apply(recordSecret(mesh, leaving), true);
	await hide(context, visit);
	if (record.state === 'Leaving') return { requeueAfterMs: 0 };
	context.onNotice(mesh.name, {
		type: 'Normal',
		reason: 'ClusterLeaving',
		message: `cluster ${cell.cluster} leaves the mesh: its Secret is unpublished`,
	});
	tellLeaving(context, visit, 'its Secret was unpublished; waiting for Pilot to forget it');
	return { requeueAfterMs: record.state === 'Published' ? Math.min(forgottenAfterMs, mesh.leaveTimeoutMs) : 0 };
}

/**
 * Hides the Secret from Pilot. What somebody else has applied as well, as from a backup, stays when we give it up, and
 * Pilot would go on reading the cluster.
 */
async function hide({ live, api }: KeeperContext, { mesh, record, signal }: LeavingVisit): Promise<void> {
	const reference = recordReference(mesh.namespace, record.cluster);
	if (live.get(objectKey(reference))?.clusterRecord?.isPublished !== true) return;
	const hidden = { metadata: { labels: { [multiClusterLabel]: null } }, data: null };
	await api.patch(reference, hidden, { type: 'merge', metadataOnly: true, signal });
}

/** Whether leaving began at a time that is still to come: the clock went back, and leaving would last until then. */
function isOfAnotherClock({ leavingSince }: ClusterRecord, now: number): boolean {
	return leavingSince !== undefined && leavingSince > now + clockSkewMs;
}

function whatHoldsIt(
	context: KeeperContext,
	{ cell, mesh, record }: LeavingVisit,
	passedMs: number,
): { readonly sentence: string; readonly forMs: number } | undefined {
	if (passedMs < forgottenAfterMs && record.issued !== undefined)
		return { sentence: 'waiting for Pilot to forget it', forMs: forgottenAfterMs - passedMs };
	const now = context.wallClock();
	// Pods that have to keep their distance from the last roll-out are not replaced in this time.
	const mayRollOut = (noRollOutUntil(context.rolledOutAt(mesh.namespace), now) ?? now) <= now;
	if (
		record.replacedAt !== undefined &&
		passedMs < rollOutPatienceMs &&
		mayRollOut &&
		!context.isFollowed(mesh.namespace)
	)
		return { sentence: 'waiting for the pods of Pilot and Mixer to be replaced', forMs: recheckMs };
	const reader = context.cellsOf(mesh.name).find((other) => isTold(context, other, mesh, cell.cluster));
	return reader === undefined || passedMs >= rollOutPatienceMs
		? undefined
		: { sentence: `waiting for its Secret in cluster ${reader.cluster} to be gone`, forMs: recheckMs };
}

async function endClean(context: KeeperContext, visit: LeavingVisit): Promise<PassResult> {
	await end(context, visit);
	context.onNotice(visit.mesh.name, {
		type: 'Normal',
		reason: 'ClusterLeft',
		message: `cluster ${visit.cell.cluster} has left the mesh, and nothing of it is left there`,
	});
	return {};
}
