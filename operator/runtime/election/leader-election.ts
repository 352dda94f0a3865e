/**
 * Leader election by a Lease: of several replicas one writes.
 *
 * Why two never write at once: let the leader's last successful renewal be sent at `s` and stored at `t` ≥ `s`. A
 * candidate sees the record at `c` ≥ `t` and takes the lease not before `c` + lease duration. The leader sends its last
 * write before `s` + renew deadline, which is shorter. Only differences of each replica's own monotonic clock are used,
 * so clocks may be wrong and may be stepped. The leader's side is not a matter of timers: `mayWrite` compares times at
 * the moment of sending, so an event loop that stalled, or a process that was stopped, finds the gate closed.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Clock, sleep, systemClock, type Timer } from '../clock.ts';
import { inBrief } from '../error-in-brief.ts';
import { ConflictError, isNotFound, TransientError } from '../errors.ts';
import type { LogSink } from '../log/logger.ts';
import {
	decide,
	defaultTimings,
	heldSpec,
	jitterFactor,
	type LeaderElectionTimings,
	type LeaseObservation,
	releasedSpec,
	validateTimings,
} from './decision.ts';
import type { Lease, LeaseCallOptions, LeaseStore } from './lease.ts';

export interface LeaderElectorOptions {
	readonly store: LeaseStore;
	/** Unique per process. Default: host name and a random part. */
	readonly identity?: string;
	readonly timings?: LeaderElectionTimings;
	/** This replica leads from now on: start the workers. */
	readonly onElected: () => void;
	/**
	 * This replica leads no more, though `stop` was not called: abort everything and exit. Another one may be writing
	 * already.
	 */
	readonly onLost: (reason: string) => void;
	readonly log?: LogSink;
	readonly clock?: Clock;
	readonly random?: () => number;
}

/** A name that no other process has, not even after a restart in the same Pod. */
function uniqueIdentity(): string {
	return `${hostname()}_${randomUUID()}`;
}

export class LeaderElector {
	readonly identity: string;
	readonly #store: LeaseStore;
	readonly #timings: LeaderElectionTimings;
	readonly #onElected: () => void;
	readonly #onLost: (reason: string) => void;
	readonly #log: LogSink | undefined;
	readonly #clock: Clock;
	readonly #random: () => number;

	#state: 'new' | 'candidate' | 'leader' | 'ended' = 'new';
	readonly #abort = new AbortController();
	#loop: Promise<void> = Promise.resolve();
	#deadline: Timer | undefined;
	/** The record as this replica saw it last, and since when it has been so. */
	#lease: Lease | undefined;
	#fingerprint: string | undefined;
	#sinceMs = 0;
	/** When the last successful renewal was sent: monotonic time, and time of day. */
	#renewedMs = Number.NEGATIVE_INFINITY;
	#renewedDate = 0;
	#hasAnswer = false;
	/** Why the last try failed, while none has succeeded. */
	#firstFailure: unknown;

	constructor(options: LeaderElectorOptions) {
		this.#timings = options.timings ?? defaultTimings;
		validateTimings(this.#timings);
		this.#store = options.store;
		this.identity = options.identity ?? uniqueIdentity();
		this.#onElected = options.onElected;
		this.#onLost = options.onLost;
		this.#log = options.log;
		this.#clock = options.clock ?? systemClock;
		this.#random = options.random ?? Math.random;
	}

	get isLeader(): boolean {
		return this.#state === 'leader';
	}

	/** Why the lease has never been seen, in brief. Undefined before the first try, and from the first success on. */
	get trouble(): string | undefined {
		return this.#firstFailure === undefined ? undefined : `waits for the lease (${inBrief(this.#firstFailure)})`;
	}

	/** The holder of the lease as far as this replica knows. Empty when nobody holds it. */
	get holder(): string {
		return this.#lease?.spec?.holderIdentity ?? '';
	}

	start(): void {
		if (this.#state !== 'new') throw new Error('a leader elector starts once');
		this.#state = 'candidate';
		this.#loop = this.#run();
	}

	/**
	 * Whether a write may be sent at this very moment.
	 *
	 * The time of day can only close the gate, never keep it open: a virtual machine that slept may find its monotonic clock
	 * where it was. After a forward step of the time of day the gate is closed until the next renewal.
	 */
	mayWrite(): boolean {
		if (this.#state !== 'leader') return false;
		const { renewDeadlineMs } = this.#timings;
		return !this.#isPastDeadline() && this.#clock.date().getTime() - this.#renewedDate <= renewDeadlineMs;
	}

	/** Throws a `TransientError` unless a write may be sent at this very moment: the guard of the API client's writes. */
	assertMayWrite(): void {
		if (this.mayWrite()) return;
		const why = this.#state === 'leader' ? 'the lease was not renewed in time' : 'it does not hold the lease';
		throw new TransientError(`this replica must not write: ${why}`, { retryAfterMs: this.#timings.retryPeriodMs });
	}

	/**
	 * Ends the election and closes the gate at once. With `release` it gives the lease back, so that another replica takes
	 * over within its retry period. Use that only when every worker has ended. Never rejects: a failure is logged, and the
	 * lease then expires by itself.
	 */
	async stop(options: { readonly release: boolean; readonly timeoutMs?: number }): Promise<void> {
		const wasLeader = this.#state === 'leader';
		this.#end();
		await this.#loop;
		if (!wasLeader || !options.release || this.#lease === undefined) return;
		const timeoutMs = options.timeoutMs ?? 5_000;
		const callOptions = { signal: new AbortController().signal, timeoutMs };
		try {
			await this.#release(this.#lease, callOptions);
			this.#log?.info('the lease is released');
		} catch (error) {
			this.#log?.warn({ err: error }, 'the lease could not be released; it expires by itself');
		}
	}

	async #release(lease: Lease, options: LeaseCallOptions): Promise<void> {
		try {
			await this.#store.replace(lease, releasedSpec(lease.spec ?? {}, this.#clock.date()), options);
		} catch (error) {
			if (!(error instanceof ConflictError)) throw error;
			// The renewal that `stop` cut off may have been stored. Then the newest version is ours as well.
			const newest = await this.#store.read(options);
			if (newest?.spec?.holderIdentity !== this.identity) throw error;
			await this.#store.replace(newest, releasedSpec(newest.spec, this.#clock.date()), options);
		}
	}

	async #run(): Promise<void> {
		while (this.#isRunning()) {
			// After a stall the deadline's own timer has not fired yet. The renewal must not slip in before it: the writes under
			// way must end first.
			if (this.#state === 'leader' && this.#isPastDeadline()) return this.#loseByDeadline();
			let waitMs: number;
			try {
				waitMs = await this.#tryOnce();
				this.#hasAnswer = true;
				this.#firstFailure = undefined;
			} catch (error) {
				if (!this.#isRunning()) return;
				if (!this.#hasAnswer) this.#firstFailure = error;
				this.#log?.warn({ err: error, isLeader: this.isLeader }, 'a try to hold the lease failed');
				// A leader whose time runs out tries more often than once a period.
				waitMs = this.isLeader ? this.#timings.retryPeriodMs / 4 : this.#candidatePauseMs();
			}
			try {
				await sleep(waitMs, { clock: this.#clock, signal: this.#abort.signal });
			} catch {
				// Only the end of the election interrupts the sleep.
				return;
			}
		}
	}

	/** Tries once. Returns the pause after it. */
	async #tryOnce(): Promise<number> {
		const untilMs = await this.#step();
		if (this.#state === 'leader') return this.#timings.retryPeriodMs;
		const pauseMs = this.#candidatePauseMs();
		// Wakes when the other's lease expires, instead of up to a retry period later.
		return untilMs === undefined ? pauseMs : Math.min(pauseMs, Math.max(1, untilMs - this.#clock.now()));
	}

	#candidatePauseMs(): number {
		return this.#timings.retryPeriodMs * (1 + (jitterFactor - 1) * this.#random());
	}

	/** Tries once. Returns until when another replica holds the lease, if one does. */
	async #step(): Promise<number | undefined> {
		if (this.#state === 'leader' && this.#lease !== undefined) {
			try {
				// The usual case: nobody else wrote, and one PUT does all.
				await this.#hold(this.#lease);
				return undefined;
			} catch (error) {
				if (!(error instanceof ConflictError || isNotFound(error))) throw error;
			}
		}
		const found = await this.#store.read(this.#callOptions());
		if (!this.#isRunning()) return undefined;
		const now = this.#clock.now();
		if (found === undefined && this.#state === 'candidate' && this.#lease !== undefined) {
			// Somebody deleted the lease, and its holder doesn't know yet. Its time is respected all the same.
			const last = decide(this.#observation(), this.identity, now, this.#timings.leaseDurationMs);
			if (last.do === 'wait') return last.untilMs;
		}
		this.#saw(found);
		const decision = decide(this.#observation(), this.identity, now, this.#timings.leaseDurationMs);
		if (this.#state === 'leader' && decision.do !== 'renew') {
			this.#lose(this.holder === '' ? 'somebody deleted or emptied the lease' : `${this.holder} holds the lease now`);
			return undefined;
		}
		if (decision.do === 'wait') return decision.untilMs;
		try {
			await this.#hold(found);
		} catch (error) {
			if (!(error instanceof ConflictError)) throw error;
			// Another replica was faster. The next read shows which.
			this.#log?.info('another replica wrote the lease first');
		}
		return undefined;
	}

	/** Writes the lease as ours, over the version that was read. */
	async #hold(previous: Lease | undefined): Promise<void> {
		const sentMs = this.#clock.now();
		const sentDate = this.#clock.date();
		const spec = heldSpec(previous?.spec, this.identity, sentDate, this.#timings.leaseDurationMs);
		const options = this.#callOptions();
		const written =
			previous === undefined
				? await this.#store.create(spec, options)
				: await this.#store.replace(previous, spec, options);
		if (this.#state === 'ended') {
			// `stop` waits for this and releases the newest version.
			this.#lease = written;
			return;
		}
		this.#saw(written);
		this.#renewedMs = sentMs;
		this.#renewedDate = sentDate.getTime();
		if (this.#state === 'leader') {
			this.#armDeadline();
		} else if (this.#clock.now() - sentMs <= this.#timings.renewDeadlineMs) {
			this.#state = 'leader';
			this.#armDeadline();
			this.#log?.info({ identity: this.identity, leaseTransitions: spec.leaseTransitions }, 'this replica leads');
			this.#onElected();
		}
		// Otherwise the answer took so long that the lease has as good as expired. The next try renews it first.
	}

	#observation(): LeaseObservation {
		return { spec: this.#lease === undefined ? undefined : (this.#lease.spec ?? {}), sinceMs: this.#sinceMs };
	}

	#saw(lease: Lease | undefined): void {
		const fingerprint = JSON.stringify(lease?.spec);
		if (fingerprint !== this.#fingerprint) {
			this.#fingerprint = fingerprint;
			this.#sinceMs = this.#clock.now();
		}
		this.#lease = lease;
	}

	#armDeadline(): void {
		this.#deadline?.cancel();
		const leftMs = this.#renewedMs + this.#timings.renewDeadlineMs - this.#clock.now();
		this.#deadline = this.#clock.setTimer(() => this.#loseByDeadline(), leftMs);
	}

	#isPastDeadline(): boolean {
		return this.#clock.now() - this.#renewedMs > this.#timings.renewDeadlineMs;
	}

	#loseByDeadline(): void {
		this.#lose(`the lease could not be renewed for ${this.#timings.renewDeadlineMs} ms`);
	}

	#lose(reason: string): void {
		if (this.#state !== 'leader') return;
		this.#end();
		this.#log?.error({ reason }, 'this replica leads no more');
		this.#onLost(reason);
	}

	#end(): void {
		this.#state = 'ended';
		this.#deadline?.cancel();
		this.#abort.abort(new Error('the election has ended'));
	}

	#isRunning(): boolean {
		return this.#state === 'candidate' || this.#state === 'leader';
	}

	/** A try may take half the renew deadline, so that one dead connection leaves time for another try. */
	#callOptions(): LeaseCallOptions {
		return { signal: this.#abort.signal, timeoutMs: this.#timings.renewDeadlineMs / 2 };
	}
}
