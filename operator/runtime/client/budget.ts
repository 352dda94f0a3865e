/**
 * What a connection to a server may cost that nobody here controls: pages, objects, bytes, events and time. Everything that
 * is read on such a connection is counted from the first byte on. When the server takes more, that is an offence: the
 * connection ends, and its owner learns what the server did.
 */
import { type Clock, systemClock } from '../clock.ts';
import { MisbehaviourError } from '../errors.ts';
import type { JsonBounds } from './json-bounds.ts';
import { type ByteShare, SharedBytes } from './shared-bytes.ts';
import { WorkBucket, type WorkLimits } from './shared-work.ts';

export interface BudgetLimits {
	/** A document: an answer, an object in a list, an event. */
	readonly document: JsonBounds;
	/** An answer that refuses. */
	readonly refusalBytes: number;
	/** Pages of one list, and pages in a row that bring nothing. */
	readonly pages: number;
	readonly emptyPages: number;
	/** Objects of one list. Whoever keeps little of each may allow more, see `ListReading.most`. */
	readonly objects: number;
	/** What all caches of the connection may keep. */
	readonly stored: { readonly objects: number; readonly bytes: number };
	/** Objects that were not asked for. */
	readonly strangers: number;
	/** Answers and events that are none of Kubernetes. A long one counts once more for each `malformedBytes`. */
	readonly malformed: number;
	readonly malformedBytes: number;
	/** Events of all watches that may come at once, and for how long. */
	readonly events: { readonly burst: number; readonly perSecond: number };
	/** Answers with a status below 200 to one request. */
	readonly interim: number;
	/** Bytes that are part of no body (heads, frames), at once and for how long. */
	readonly framing: { readonly burst: number; readonly perSecond: number };
	/** An event that has begun has to end within this time. */
	readonly eventMs: number;
	readonly work: WorkLimits;
	/**
	 * However much it may take at once, nobody else waits longer for it than this. Here the time that passes counts: on a busy
	 * machine whatever else the process does gets as little of the processor.
	 */
	readonly pace: WorkLimits;
	/** A connection that wants more than its part of the process' time for longer than this misbehaves. */
	readonly busyMs: number;
}

/**
 * Limits for joined clusters. What is asked there (see `docs/clusters.md`) takes a tenth of them in a cluster with 5,000
 * Nodes and 10,000 Services. etcd takes objects up to 1.5 MiB. A document within these bounds is parsed in less than 50 ms.
 */
export const joinedLimits: BudgetLimits = {
	document: { bytes: 2 * 1024 * 1024, depth: 100, values: 50_000 },
	refusalBytes: 256 * 1024,
	pages: 1_000,
	emptyPages: 3,
	objects: 20_000,
	stored: { objects: 15_000, bytes: 12 * 1024 * 1024 },
	strangers: 50,
	malformed: 20,
	malformedBytes: 256 * 1024,
	events: { burst: 1_000, perSecond: 200 },
	interim: 10,
	framing: { burst: 1024 * 1024, perSecond: 64 * 1024 },
	eventMs: 15_000,
	work: { burstMs: 100, share: 0.1 },
	pace: { burstMs: 10, share: 0.5 },
	busyMs: 40_000,
};

/** What the connections to all joined clusters may take together. */
const sharedLimits = {
	bytes: { limit: 10 * 1024 * 1024, most: 2 * 1024 * 1024, free: 128 * 1024, patienceMs: 5_000 },
	work: { burstMs: 1_000, share: 0.35 },
} as const;

/**
 * What may have been read ahead of what is taken in: by each of some sixteen connections over HTTP/1.1, or for as many
 * requests on one connection over HTTP/2 (`http2-session.ts`, `boundedWindows`).
 */
const mostUncounted = 3 * 1024 * 1024;

/** Work that is done before anything is measured, by TLS, HTTP and the event loop. */
const msPerByte = 1 / (96 * 1024);
const msPerPiece = 0.03;

/**
 * Milliseconds of the processor's time that this thread has had. On a busy machine others' time does not count. Where Node
 * can't tell (before 23.9), the time that has passed.
 */
export const workTimeMs: () => number =
	typeof process.threadCpuUsage === 'function'
		? () => {
				const { user, system } = process.threadCpuUsage();
				return (user + system) / 1_000;
			}
		: () => performance.now();

/** The budget that several connections share. */
export class SharedBudget {
	readonly bytes: SharedBytes;
	readonly work: WorkBucket;
	readonly clock: Clock;

	constructor(clock: Clock = systemClock) {
		this.clock = clock;
		this.bytes = new SharedBytes({ ...sharedLimits.bytes, clock });
		this.work = new WorkBucket(sharedLimits.work, clock.now());
	}
}

export class ConnectionBudget {
	readonly limits: BudgetLimits;
	readonly clock: Clock;
	readonly #shared: SharedBudget;
	readonly #onOffence: ((offence: MisbehaviourError) => void) | undefined;
	readonly #work: WorkBucket;
	readonly #pace: WorkBucket;
	readonly #newShare: () => ByteShare;
	readonly #stored = new Map<object, { readonly objects: number; readonly bytes: number }>();
	readonly #events: Allowance;
	readonly #framing: Allowance;
	#strangers = 0;
	#malformed = 0;
	/** Bytes that have come and were part of no body yet. */
	#uncounted = 0;
	#offence: MisbehaviourError | undefined;
	#workedMs = 0;

	/** @param onOffence called once, with the first offence */
	constructor(
		shared: SharedBudget,
		onOffence?: (offence: MisbehaviourError) => void,
		limits: BudgetLimits = joinedLimits,
	) {
		this.#shared = shared;
		this.limits = limits;
		this.#onOffence = onOffence;
		this.clock = shared.clock;
		this.#work = new WorkBucket(limits.work, this.clock.now());
		this.#pace = new WorkBucket(limits.pace, this.clock.now());
		this.#newShare = shared.bytes.connection();
		this.#events = new Allowance(limits.events, this.clock.now());
		this.#framing = new Allowance(limits.framing, this.clock.now());
	}

	/** The first offence. Nothing more is sent or read after it. */
	get offence(): MisbehaviourError | undefined {
		return this.#offence;
	}

	/** Takes note of an offence. Returns the error that everything under way ends with. */
	offend(deed: string): MisbehaviourError {
		if (this.#offence === undefined) {
			this.#offence = new MisbehaviourError(deed);
			const { onOffence, offence } = { onOffence: this.#onOffence, offence: this.#offence };
			// Not in the middle of whatever reads now.
			if (onOffence !== undefined) queueMicrotask(() => onOffence(offence));
		}
		return this.#offence;
	}

	/** All the work that was counted so far. Milliseconds. */
	get workedMs(): number {
		return this.#workedMs;
	}

	/** What one answer holds while it is read. */
	newShare(): ByteShare {
		return this.#newShare();
	}

	/** Counts a piece of an answer that has come, and the work that has been done for it before anything is measured. */
	arrived(byteCount: number): void {
		this.#uncounted -= byteCount;
		this.worked(msPerPiece + byteCount * msPerByte);
	}

	/**
	 * Counts work. Throws when the connection has wanted more than its part for too long.
	 * @param ms what it took of the processor
	 * @param passedMs the time that passed meanwhile, in which nobody else here could do anything
	 */
	worked(ms: number, passedMs = ms): void {
		const now = this.clock.now();
		this.#workedMs += ms;
		this.#work.take(ms, now);
		this.#shared.work.take(ms, now);
		this.#pace.take(Math.max(ms, Math.min(passedMs, this.limits.pace.burstMs)), now);
		if (this.#work.busyMs(now) > this.limits.busyMs)
			throw this.offend(
				`has sent more for ${this.limits.busyMs / 1000} s than the operator reads from one cluster in that time`,
			);
	}

	/** How long nothing more may be taken in. 0: it may be now. */
	waitMs(): number {
		const now = this.clock.now();
		const ownMs = Math.max(this.#work.waitMs(now), this.#pace.waitMs(now));
		// A connection that takes little does not wait for those that take much.
		return this.#work.left > 0.5 ? ownMs : Math.max(ownMs, this.#shared.work.waitMs(now));
	}

	/**
	 * Counts bytes as they come from the network, before it is known what they are part of. Throws when too many are part of
	 * nothing that is read: only here does anybody see them.
	 */
	received(byteCount: number): void {
		this.#uncounted += byteCount;
		if (this.#uncounted < mostUncounted) return;
		// What was read before and not taken in yet is still among them.
		const framing = this.#uncounted - mostUncounted / 2;
		this.#uncounted -= framing;
		if (!this.#framing.take(framing, this.clock.now()))
			throw this.offend(`sent more than ${this.limits.framing.burst} bytes that are part of no answer`);
	}

	/** Counts an event of a watch. Throws when there are too many. */
	countEvent(): void {
		const { burst, perSecond } = this.limits.events;
		if (!this.#events.take(1, this.clock.now()))
			throw this.offend(`sent more than ${burst} events of watches at once, and more than ${perSecond} in a second`);
	}

	/** Counts an object that was not asked for. Throws when there are too many. */
	countStranger(): void {
		if (++this.#strangers > this.limits.strangers)
			throw this.offend(
				`sent more than ${this.limits.strangers} objects that were not asked for: of another name, namespace or label`,
			);
	}

	/** Counts something that is none of Kubernetes. Throws when there is too much of it: reading it was in vain. */
	countMalformed(byteCount: number): void {
		const { malformed, malformedBytes } = this.limits;
		this.#malformed += 1 + byteCount / malformedBytes;
		if (this.#malformed > malformed)
			throw this.offend(
				`sent more than ${malformed} lists and events that are none of Kubernetes, or ${(malformed * malformedBytes) / 2 ** 20} MiB of them`,
			);
	}

	/** Takes note of what a cache keeps. Throws when all of them together keep too much. */
	keeps(cache: object, objects: number, byteCount: number): void {
		this.#stored.set(cache, { objects, bytes: byteCount });
		const { stored } = this.limits;
		let all = 0;
		let allBytes = 0;
		for (const one of this.#stored.values()) {
			all += one.objects;
			allBytes += one.bytes;
		}
		if (all > stored.objects)
			throw this.offend(`has more than ${stored.objects} objects of the kinds and labels that are watched there`);
		if (allBytes > stored.bytes)
			throw this.offend(`has objects of which more than ${stored.bytes} bytes would have to be kept`);
	}

	/** @param most objects that the list may have; default `limits.objects` */
	newList(what: string, most = this.limits.objects): ListProgress {
		return new ListProgress(this, what, most);
	}
}

/** Something of which some may come at once, and more with time. */
class Allowance {
	readonly #limits: { readonly burst: number; readonly perSecond: number };
	#left: number;
	#at: number;

	constructor(limits: { readonly burst: number; readonly perSecond: number }, now: number) {
		this.#limits = limits;
		this.#left = limits.burst;
		this.#at = now;
	}

	/** Returns false when there is not as much left. */
	take(amount: number, now: number): boolean {
		const { burst, perSecond } = this.#limits;
		this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond) - amount;
		this.#at = now;
		return this.#left >= 0;
	}
}

/** Watches over the pages of one list. */
export class ListProgress {
	readonly #budget: ConnectionBudget;
	readonly #what: string;
	readonly #most: number;
	#pages = 0;
	#empty = 0;
	#objects = 0;
	#last: string | undefined;

	constructor(budget: ConnectionBudget, what: string, most: number) {
		this.#budget = budget;
		this.#what = what;
		this.#most = most;
	}

	/**
	 * Counts a page. Throws when the list does not end, or repeats itself.
	 * @param next the token for the next page
	 */
	page(objects: number, next: string | undefined): void {
		const { pages, emptyPages } = this.#budget.limits;
		this.#pages++;
		this.#objects += objects;
		this.#empty = objects === 0 ? this.#empty + 1 : 0;
		if (this.#objects > this.#most) throw this.#offend(`has more than ${this.#most} objects`);
		if (next === undefined) return;
		if (next === this.#last) throw this.#offend('goes on with the same page again and again');
		if (this.#empty >= emptyPages) throw this.#offend('goes on with pages that have nothing in them');
		if (this.#pages >= pages) throw this.#offend(`has more than ${pages} pages`);
		this.#last = next;
	}

	#offend(words: string): MisbehaviourError {
		return this.#budget.offend(`sent a list of ${this.#what} that ${words}`);
	}
}
