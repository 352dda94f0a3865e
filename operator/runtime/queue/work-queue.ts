/**
 * The level-triggered work queue. It carries keys, never events: however often a key is added while it waits, one pass
 * follows; a key added while its pass runs gets another pass afterwards.
 *
 * Every key known to the queue is in some of four sets:
 *
 * - `dirty`: a pass is owed now;
 * - `ready`: dirty and free to start, first in first out inside a priority;
 * - `processing`: a pass is running;
 * - `waiting`: a pass is owed later (delayed add, retry, requeue).
 *
 * Invariants, which hold whenever no method of the queue is on the stack (`work-queue.property.test.ts` checks them):
 *
 * 1. `dirty` = `ready` ∪ (`dirty` ∩ `processing`): what is owed is either in line or comes back in line when its pass
 *    ends. Hence no wake-up is lost.
 * 2. `ready` ∩ `processing` = ∅, and a pass starts only from `ready`. Hence never two workers on one key.
 * 3. `waiting` ∩ `dirty` = ∅: now is earlier than later.
 * 4. While started and not stopped: `ready` is empty or `processing` is full, or a dispatch is due in this microtask turn.
 */

import { type Clock, systemClock, type Timer } from '../clock.ts';
import { TransientError } from '../errors.ts';
import { type BackoffPolicy, backoffDelayMs, defaultBackoff, jittered } from './backoff.ts';
import { DueHeap } from './heap.ts';
import { ReadyLines } from './lines.ts';
import { classifyFailure } from './policy.ts';
import {
	type AddOptions,
	type PassReport,
	type PassResult,
	priorities,
	type StopResult,
	type Worker,
	type WorkQueueHooks,
	type WorkQueueOptions,
	type WorkQueueSnapshot,
} from './types.ts';

export * from './types.ts';

/** Everything about one key. It is kept while the key is in a set or has failures to remember. */
interface Entry<K extends string> {
	readonly key: K;
	isDirty: boolean;
	isProcessing: boolean;
	priority: number;
	/** Time at which the key came in line, for the queue duration. */
	readySince: number;
	failures: number;
	conflicts: number;
	reasons: Set<string>;
}

/** At most this many distinct reasons are kept: more tell a reader nothing. */
const maxReasons = 32;
const blockedJitter = 0.2;

export class WorkQueue<K extends string> {
	readonly #worker: Worker<K>;
	readonly #concurrency: number;
	readonly #reconcileTimeoutMs: number;
	readonly #backoff: BackoffPolicy;
	readonly #blockedRetryMs: number;
	readonly #immediateConflictRetries: number;
	readonly #clock: Clock;
	readonly #random: () => number;
	readonly #hooks: WorkQueueHooks<K>;

	readonly #entries = new Map<K, Entry<K>>();
	readonly #ready = new ReadyLines<Entry<K>>();
	readonly #waiting = new DueHeap<Entry<K>>();
	readonly #running = new Map<
		K,
		{ readonly since: number; readonly abort: AbortController; readonly ended: Promise<void> }
	>();
	#timer: { readonly due: number; readonly timer: Timer } | undefined;
	#isDispatchDue = false;
	#state: 'new' | 'started' | 'stopped' = 'new';

	constructor(options: WorkQueueOptions<K>) {
		this.#worker = options.worker;
		this.#concurrency = positive('concurrency', options.concurrency ?? 4);
		this.#reconcileTimeoutMs = positive('reconcileTimeoutMs', options.reconcileTimeoutMs ?? 120_000);
		this.#blockedRetryMs = positive('blockedRetryMs', options.blockedRetryMs ?? 30_000);
		this.#immediateConflictRetries = options.immediateConflictRetries ?? 3;
		this.#backoff = options.backoff ?? defaultBackoff;
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? Math.random;
		this.#hooks = options.hooks ?? {};
	}

	/** Lets passes begin. Keys added before are kept, so caches may fill while a replica waits for its lease. */
	start(): void {
		if (this.#state !== 'new') throw new Error('a work queue starts once');
		this.#state = 'started';
		this.#dispatchSoon();
	}

	/**
	 * Asks for a pass of this key. Returns false after `stop`.
	 *
	 * On an idle queue the pass starts in a microtask: events handled in the same turn are folded into one pass, and
	 * nothing waits for a timer.
	 */
	add(key: K, options: AddOptions = {}): boolean {
		if (this.#state === 'stopped') return false;
		const { afterMs = 0, priority = priorities.normal, reason } = options;
		if (!Number.isFinite(afterMs)) throw new RangeError(`afterMs of ${key} is ${afterMs}`);
		this.#promoteDue();
		this.#put(this.#entryOf(key, priority), afterMs, priority, reason);
		this.#hooks.onAdd?.(key);
		return true;
	}

	/**
	 * Forgets the failures of a key and its planned later pass, because its object is gone or well. A pass that is owed now
	 * stays owed.
	 */
	forget(key: K): void {
		const entry = this.#entries.get(key);
		if (entry === undefined) return;
		entry.failures = 0;
		entry.conflicts = 0;
		if (this.#waiting.delete(entry)) {
			entry.reasons.clear();
			this.#armTimer();
		}
		this.#dropIfUnused(entry);
	}

	snapshot(): WorkQueueSnapshot<K> {
		const now = this.#clock.now();
		return {
			readyByPriority: this.#ready.sizes(),
			ready: Array.from(this.#ready, (entry) => entry.key),
			waiting: this.#waiting.size,
			running: Array.from(this.#running, ([key, pass]) => ({ key, runningMs: now - pass.since })),
			concurrency: this.#concurrency,
		};
	}

	/**
	 * Ends the queue. It accepts nothing more and drops what has not begun (the next start lists everything anew). It waits
	 * for the running passes until the deadline, then aborts them and gives them `graceMs` (default 1 s) to end.
	 */
	async stop(options: { readonly deadlineMs: number; readonly graceMs?: number }): Promise<StopResult<K>> {
		this.#state = 'stopped';
		this.#timer?.timer.cancel();
		this.#timer = undefined;
		this.#waiting.clear();
		this.#ready.clear();
		for (const entry of [...this.#entries.values()]) {
			entry.isDirty = false;
			if (!entry.isProcessing) this.#entries.delete(entry.key);
		}
		if (options.deadlineMs > 0) await this.#runningEnded(options.deadlineMs);
		const aborted = [...this.#running.keys()];
		for (const pass of this.#running.values()) pass.abort.abort(new TransientError('the operator stops'));
		await this.#runningEnded(options.graceMs ?? 1_000);
		return { aborted, unfinished: [...this.#running.keys()] };
	}

	#entryOf(key: K, priority: number): Entry<K> {
		const known = this.#entries.get(key);
		if (known !== undefined) return known;
		const entry: Entry<K> = {
			key,
			isDirty: false,
			isProcessing: false,
			priority,
			readySince: 0,
			failures: 0,
			conflicts: 0,
			reasons: new Set(),
		};
		this.#entries.set(key, entry);
		return entry;
	}

	/** Merges a request into what is planned for the key already: the higher priority and the shorter delay win. */
	#put(entry: Entry<K>, afterMs: number, priority: number, reason: string | undefined): void {
		if (reason !== undefined && entry.reasons.size < maxReasons) entry.reasons.add(reason);
		const due = this.#waiting.dueOf(entry);
		const isOwed = entry.isDirty || due !== undefined;
		const merged = isOwed ? Math.max(entry.priority, priority) : priority;
		if (afterMs <= 0) {
			this.#waiting.delete(entry);
			this.#markDirty(entry, merged);
		} else if (entry.isDirty) {
			this.#markDirty(entry, merged);
		} else {
			entry.priority = merged;
			const wanted = this.#clock.now() + afterMs;
			if (due === undefined || wanted < due) this.#waiting.set(entry, wanted);
		}
		this.#armTimer();
	}

	#markDirty(entry: Entry<K>, priority: number): void {
		if (entry.isDirty && entry.priority === priority) return;
		if (entry.isDirty && !entry.isProcessing) this.#ready.leave(entry);
		else if (!entry.isDirty) entry.readySince = this.#clock.now();
		entry.isDirty = true;
		entry.priority = priority;
		if (!entry.isProcessing) this.#joinLine(entry);
	}

	#joinLine(entry: Entry<K>): void {
		this.#ready.join(entry);
		this.#dispatchSoon();
	}

	#promoteDue(): void {
		const now = this.#clock.now();
		for (let entry = this.#waiting.popDue(now); entry !== undefined; entry = this.#waiting.popDue(now)) {
			this.#markDirty(entry, entry.priority);
		}
	}

	/** Sets the one timer for all waiting keys: for the earliest of them, again whenever the earliest changes. */
	#armTimer(): void {
		const due = this.#waiting.nextDue;
		if (due === this.#timer?.due) return;
		this.#timer?.timer.cancel();
		this.#timer = undefined;
		if (due === undefined) return;
		const timer = this.#clock.setTimer(() => {
			this.#timer = undefined;
			this.#promoteDue();
			this.#armTimer();
		}, due - this.#clock.now());
		this.#timer = { due, timer };
	}

	#dispatchSoon(): void {
		if (this.#isDispatchDue || this.#state !== 'started') return;
		this.#isDispatchDue = true;
		queueMicrotask(() => {
			this.#isDispatchDue = false;
			this.#dispatch();
		});
	}

	#dispatch(): void {
		while (this.#state === 'started' && this.#running.size < this.#concurrency) {
			const entry = this.#ready.shift();
			if (entry === undefined) return;
			this.#begin(entry);
		}
	}

	#begin(entry: Entry<K>): void {
		const since = this.#clock.now();
		const reasons = [...entry.reasons];
		entry.isDirty = false;
		entry.isProcessing = true;
		entry.reasons.clear();
		const abort = new AbortController();
		const { promise: ended, resolve } = Promise.withResolvers<void>();
		this.#running.set(entry.key, { since, abort, ended });
		this.#hooks.onPassStart?.(entry.key, since - entry.readySince);
		void this.#runPass(entry, since, abort, reasons).then(resolve);
	}

	async #runPass(entry: Entry<K>, since: number, abort: AbortController, reasons: readonly string[]): Promise<void> {
		const { key } = entry;
		const { priority } = entry;
		const attempt = entry.failures + entry.conflicts + 1;
		let isTimeout = false;
		const deadline = this.#clock.setTimer(() => {
			isTimeout = true;
			abort.abort(new DOMException(`the pass took longer than ${this.#reconcileTimeoutMs} ms`, 'TimeoutError'));
		}, this.#reconcileTimeoutMs);
		let verdict: Verdict;
		try {
			const result = await this.#worker(key, { signal: abort.signal, attempt, reasons });
			verdict = this.#onResult(entry, result ?? {});
		} catch (error) {
			verdict = this.#onFailure(entry, error, abort.signal.aborted);
		}
		deadline.cancel();
		entry.isProcessing = false;
		this.#running.delete(key);
		if (this.#state === 'stopped') {
			this.#entries.delete(key);
			verdict = withoutRetry(verdict);
		} else this.#settle(entry, verdict, priority);
		this.#hooks.onPassEnd?.({ key, attempt, durationMs: this.#clock.now() - since, isTimeout, ...verdict });
		this.#dispatch();
	}

	/** Puts a key whose pass has ended where it belongs: in line, waiting, or out. */
	#settle(entry: Entry<K>, verdict: Verdict, priority: number): void {
		if (entry.isDirty) this.#joinLine(entry);
		if (verdict.retryInMs !== undefined) {
			this.#put(entry, verdict.retryInMs, priority, verdict.error === undefined ? 'requeue' : 'retry');
			this.#hooks.onAdd?.(entry.key);
			if (verdict.error !== undefined) this.#hooks.onRetry?.(entry.key);
		}
		this.#dropIfUnused(entry);
	}

	#onResult(entry: Entry<K>, { requeueAfterMs }: PassResult): Verdict {
		if (requeueAfterMs !== undefined && !Number.isFinite(requeueAfterMs)) {
			throw new RangeError(`requeueAfterMs of ${entry.key} is ${requeueAfterMs}`);
		}
		entry.failures = 0;
		entry.conflicts = 0;
		if (requeueAfterMs === undefined) return { outcome: 'success', isTerminal: false, isDefect: false };
		const outcome = requeueAfterMs <= 0 ? 'requeue' : 'requeue_after';
		return { outcome, isTerminal: false, isDefect: false, retryInMs: Math.max(0, requeueAfterMs) };
	}

	#onFailure(entry: Entry<K>, error: unknown, isAborted: boolean): Verdict {
		// What an aborted worker throws depends on its last step, and tells nothing.
		const failure = isAborted ? ({ class: 'failure', retryAfterMs: 0 } as const) : classifyFailure(error);
		const base = { error, isTerminal: false, isDefect: failure.class === 'defect' };
		switch (failure.class) {
			case 'invalid':
				entry.failures = 0;
				entry.conflicts = 0;
				return { ...base, outcome: 'error', isTerminal: true };
			case 'blocked':
				entry.failures = 0;
				entry.conflicts = 0;
				return {
					...base,
					outcome: 'requeue_after',
					retryInMs: jittered(this.#blockedRetryMs, blockedJitter, this.#random),
				};
			case 'conflict':
				if (entry.conflicts < this.#immediateConflictRetries) {
					entry.conflicts++;
					return { ...base, outcome: 'requeue', retryInMs: 0 };
				}
				return { ...base, outcome: 'error', retryInMs: this.#backoffOf(entry) };
			case 'failure':
				return { ...base, outcome: 'error', retryInMs: Math.max(failure.retryAfterMs, this.#backoffOf(entry)) };
			case 'defect':
				return { ...base, outcome: 'error', retryInMs: this.#backoffOf(entry) };
		}
	}

	#backoffOf(entry: Entry<K>): number {
		entry.failures++;
		return backoffDelayMs(this.#backoff, entry.failures, this.#random);
	}

	#dropIfUnused(entry: Entry<K>): void {
		const isUsed = entry.isDirty || entry.isProcessing || this.#waiting.dueOf(entry) !== undefined;
		if (!isUsed && entry.failures === 0 && entry.conflicts === 0) this.#entries.delete(entry.key);
	}

	async #runningEnded(deadlineMs: number): Promise<void> {
		if (this.#running.size === 0) return;
		const { promise: deadline, resolve } = Promise.withResolvers<void>();
		const timer = this.#clock.setTimer(resolve, deadlineMs);
		await Promise.race([Promise.all(Array.from(this.#running.values(), (pass) => pass.ended)), deadline]);
		timer.cancel();
	}
}

type Verdict = Pick<PassReport<string>, 'outcome' | 'error' | 'isTerminal' | 'isDefect' | 'retryInMs'>;

function withoutRetry({ retryInMs: _, ...verdict }: Verdict): Verdict {
	return verdict;
}

function positive(name: string, value: number): number {
	if (!(value > 0)) throw new RangeError(`${name} must be greater than 0, but is ${value}`);
	return value;
}
