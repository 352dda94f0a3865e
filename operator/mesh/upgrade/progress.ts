/**
 * For how long a stage has made no progress. The record keeps when it got on last, and a hash of its numbers, so that a
 * deadline goes on over restarts of the operator. Pure.
 */
import { digest, timeText } from '../../../api/v1/index.ts';
import type { UpgradeRecord } from '../../plan/upgrade/course.ts';

/** What a process remembers of a stage. */
export interface Progress {
	/** A hash of the numbers of its pods. */
	readonly of: string;
	/** Milliseconds. */
	readonly quietMs: number;
	/** When they were looked at last, monotonic, milliseconds. */
	readonly lookedAtMs: number;
}

export interface ProgressLook {
	/** The numbers of pods, and whatever else changes when the stage gets on. */
	readonly numbers: unknown;
	readonly record: UpgradeRecord;
	readonly deadlineMs: number;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
	/** Monotonic, milliseconds. */
	readonly ticksMs: number;
}

/** A time in which nobody has looked counts as no more than this, milliseconds. */
const longestUnseenMs = 30_000;

/**
 * A process watches a stage itself for this time before it calls it failed: those who could have got on may have been away as
 * the process was. The record is as far behind.
 */
function ownMs(deadlineMs: number): number {
	return Math.min(60_000, deadlineMs / 4);
}

/**
 * What is remembered after a look. A time in which a process did not look counts as little: the mesh may have been paused, or
 * the API server away, and with it all who could have got on.
 */
export function looked(before: Progress | undefined, look: ProgressLook): Progress {
	const of = digest(JSON.stringify(look.numbers));
	const { ticksMs: lookedAtMs } = look;
	if (before === undefined) return { of, quietMs: quietBefore(of, look), lookedAtMs };
	if (before.of !== of) return { of, quietMs: 0, lookedAtMs };
	return { of, quietMs: before.quietMs + Math.min(lookedAtMs - before.lookedAtMs, longestUnseenMs), lookedAtMs };
}

/** What a process that has just begun takes over from the record. */
function quietBefore(of: string, { record: { progress, state }, deadlineMs, nowMs }: ProgressLook): number {
	const sinceMs = nowMs - Date.parse(progress?.at ?? '');
	if (progress?.of !== of || Number.isNaN(sinceMs)) return 0;
	const mostMs = state === 'Held' ? deadlineMs : deadlineMs - ownMs(deadlineMs);
	return Math.max(0, Math.min(sinceMs, mostMs));
}

/** The progress to record. It is written only now and then while a stage gets on, and once when it does not any more. */
export function recordedProgress(
	{ of, quietMs }: Progress,
	{ record: { progress, since }, deadlineMs, nowMs }: ProgressLook,
): UpgradeRecord['progress'] {
	const isOld = nowMs - Date.parse(progress?.at ?? since ?? '') >= ownMs(deadlineMs);
	return progress?.of === of || !isOld ? progress : { at: timeText(nowMs - quietMs), of };
}
