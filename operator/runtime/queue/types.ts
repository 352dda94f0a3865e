/** The types of a work queue: options, passes, reports. */

import type { Clock } from '../clock.ts';
import type { BackoffPolicy } from './backoff.ts';

/** Priorities: a higher number goes first. Any integer will do; these are the ones in use. */
export const priorities = {
	/** For objects found by the first list after a start, and by a resync. A person's edit overtakes them. */
	background: -100,
	normal: 0,
} as const;

export interface AddOptions {
	/** Earliest start, from now. When the key is due earlier already, it stays so. Default 0. */
	readonly afterMs?: number;
	/** When the key has a higher priority already, it keeps it. Default `priorities.normal`. */
	readonly priority?: number;
	/** Why, in a word or two, for the log of the pass. Equal reasons are folded. */
	readonly reason?: string;
}

export interface PassContext {
	/** Aborts at the deadline of the pass, and at that of the queue's stop. The worker must then end soon. */
	readonly signal: AbortSignal;
	/** 1 for the first pass. Grows while passes of this key fail in a row. */
	readonly attempt: number;
	/** The reasons of the adds that this pass answers, in order. */
	readonly reasons: readonly string[];
}

export interface PassResult {
	/** Run again after this time at the latest; 0 is at once. */
	readonly requeueAfterMs?: number;
}

export type Worker<K extends string> = (
	key: K,
	context: PassContext,
) => Promise<PassResult | undefined> | Promise<void>;

/** How a pass ended. A conflict that is retried at once is a `requeue`, a blocked one a `requeue_after`: neither is a failure. */
export type PassOutcome = 'success' | 'error' | 'requeue' | 'requeue_after';

export interface PassReport<K extends string> {
	readonly key: K;
	readonly outcome: PassOutcome;
	readonly attempt: number;
	readonly durationMs: number;
	/** What the worker threw. */
	readonly error?: unknown;
	/** Whether the user has to mend the error. Then no retry is planned. */
	readonly isTerminal: boolean;
	/** Whether the error is from outside the closed family: a defect in the program. */
	readonly isDefect: boolean;
	/** Whether the pass outlived its deadline. */
	readonly isTimeout: boolean;
	/** Delay until the next pass, if the end of this one planned it. */
	readonly retryInMs?: number;
}

/** Called synchronously; must not throw. */
export interface WorkQueueHooks<K extends string> {
	/** Called for every accepted `add`, folded or not, and for every retry. */
	onAdd?(key: K): void;
	/** A retry after a failure was planned. */
	onRetry?(key: K): void;
	/** A pass starts, `queuedMs` after its key came in line. */
	onPassStart?(key: K, queuedMs: number): void;
	onPassEnd?(report: PassReport<K>): void;
}

export interface WorkQueueOptions<K extends string> {
	readonly worker: Worker<K>;
	/** How many passes may run at a time, each on its own key. Default 4. */
	readonly concurrency?: number;
	/** Deadline of one pass. Default 2 min. */
	readonly reconcileTimeoutMs?: number;
	readonly backoff?: BackoffPolicy;
	/** Delay of the retry after a `BlockedError`, ±20 %. Default 30 s. */
	readonly blockedRetryMs?: number;
	/** This many conflicts in a row are retried at once, later ones with backoff. Default 3. */
	readonly immediateConflictRetries?: number;
	readonly clock?: Clock;
	readonly random?: () => number;
	readonly hooks?: WorkQueueHooks<K>;
}

/** What the queue holds now, for metrics and health. */
export interface WorkQueueSnapshot<K extends string> {
	readonly readyByPriority: ReadonlyMap<number, number>;
	readonly ready: readonly K[];
	readonly waiting: number;
	readonly running: readonly { readonly key: K; readonly runningMs: number }[];
	readonly concurrency: number;
}

export interface StopResult<K extends string> {
	/** Keys of the passes that were aborted at the deadline. */
	readonly aborted: readonly K[];
	/** Keys of the passes that go on in spite of the abort. What they hold (a lease, a connection) must not be given away. */
	readonly unfinished: readonly K[];
}
