/** What goes into a work queue and what comes out: options, passes, reports. */

import type { Clock } from '../clock.ts';
import type { BackoffPolicy } from './backoff.ts';

/** Priorities: a higher number goes first. Any integer will do; these are the ones in use. */
export const priorities = {
	/** Objects found by the first list after a start, and by a resync: a person's edit overtakes them. */
	background: -100,
	normal: 0,
} as const;

export interface AddOptions {
	/** Earliest start from now, milliseconds. A key that is owed earlier stays so. Default 0. */
	readonly afterMs?: number;
	/** A key that has a higher priority already keeps it. Default `priorities.normal`. */
	readonly priority?: number;
	/** Why, in a word or two, for the log of the pass. Equal ones are folded. */
	readonly reason?: string;
}

export interface PassContext {
	/** Aborts when the pass outlives its deadline or the queue's stop does. A worker must then end soon. */
	readonly signal: AbortSignal;
	/** 1 for the first pass; grows while passes of this key fail in a row. */
	readonly attempt: number;
	/** What was given to the adds that this pass answers, in order. */
	readonly reasons: readonly string[];
}

export interface PassResult {
	/** Run again after this many milliseconds at the latest; 0 is at once. */
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
	/** The error is the user's to mend: no retry was planned. */
	readonly isTerminal: boolean;
	/** The error is from outside the closed family: a defect in the program. */
	readonly isDefect: boolean;
	/** The pass outlived its deadline. */
	readonly isTimeout: boolean;
	/** When the next pass was planned, if the end of this one planned one. */
	readonly retryInMs?: number;
}

/** Called synchronously; must not throw. */
export interface WorkQueueHooks<K extends string> {
	/** Every accepted `add`, folded or not, and every retry. */
	onAdd?(key: K): void;
	/** A retry after a failure was planned. */
	onRetry?(key: K): void;
	/** A pass starts; `queuedMs` since the key came in line. */
	onPassStart?(key: K, queuedMs: number): void;
	onPassEnd?(report: PassReport<K>): void;
}

export interface WorkQueueOptions<K extends string> {
	readonly worker: Worker<K>;
	/** Passes that may run at a time, each on its own key. Default 4. */
	readonly concurrency?: number;
	/** Deadline of one pass, milliseconds. Default 2 min. */
	readonly reconcileTimeoutMs?: number;
	readonly backoff?: BackoffPolicy;
	/** Retry after a `BlockedError`, milliseconds, ±20 %. Default 30 s. */
	readonly blockedRetryMs?: number;
	/** So many conflicts in a row are retried at once, later ones with backoff. Default 3. */
	readonly immediateConflictRetries?: number;
	readonly clock?: Clock;
	readonly random?: () => number;
	readonly hooks?: WorkQueueHooks<K>;
}

/** What the queue holds at this moment, for metrics and health. */
export interface WorkQueueSnapshot<K extends string> {
	readonly readyByPriority: ReadonlyMap<number, number>;
	readonly ready: readonly K[];
	readonly waiting: number;
	readonly running: readonly { readonly key: K; readonly runningMs: number }[];
	readonly concurrency: number;
}

export interface StopResult<K extends string> {
	/** Passes that were aborted because the deadline came. */
	readonly aborted: readonly K[];
	/** Passes that go on in spite of the abort: what they hold (a lease, a connection) must not be given away. */
	readonly unfinished: readonly K[];
}
