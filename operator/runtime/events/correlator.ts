/**
 * Keeps the number of Events small, as client-go does (tools/record/events_cache.go). An event that repeats becomes a
 * series. Many events that differ only in their text become one. An object that makes too many is cut off.
 */
export interface EventIdentity {
	/** The object that the event is about. */
	readonly object: string;
	/** Type, reason and action. */
	readonly what: string;
	readonly note: string;
}

export type Correlation =
	/** It is new: write it, with this note. The count is above 1 when earlier ones were dropped. */
	| { readonly do: 'create'; readonly series: string; readonly note: string; readonly count: number }
	/** It was seen within the window, and has now happened `count` times. */
	| { readonly do: 'repeat'; readonly series: string; readonly count: number }
	/** The object has used up its share. The event is counted, and the next one that passes shows the count. */
	| { readonly do: 'drop' };

export interface CorrelatorLimits {
	/** A repetition after this time is a new event. */
	readonly windowMs: number;
	/** When one object and reason have more texts than this in a window, they are combined. */
	readonly mostNotes: number;
	/** An object may have this many events at once … */
	readonly burst: number;
	/** … and one more per `refillMs`. */
	readonly refillMs: number;
	/** This many objects, and this many series, are remembered. */
	readonly remembered: number;
}

/** client-go's defaults. */
export const defaultLimits: CorrelatorLimits = {
	windowMs: 600_000,
	mostNotes: 10,
	burst: 25,
	refillMs: 300_000,
	remembered: 4_096,
};

const separator = '\u0000';

export class EventCorrelator {
	readonly #limits: CorrelatorLimits;
	readonly #series: RecentMap<{ count: number; lastMs: number; isWritten: boolean }>;
	readonly #similar: RecentMap<{ readonly notes: Set<string>; sinceMs: number }>;
	readonly #buckets: RecentMap<{ tokens: number; atMs: number }>;

	constructor(limits: CorrelatorLimits = defaultLimits) {
		this.#limits = limits;
		this.#series = new RecentMap(limits.remembered);
		this.#similar = new RecentMap(limits.remembered);
		this.#buckets = new RecentMap(limits.remembered);
	}

	/** @param nowMs monotonic time */
	correlate({ object, what, note }: EventIdentity, nowMs: number): Correlation {
		const isCombined = this.#isCombined(`${object}${separator}${what}`, note, nowMs);
		const series = [object, what, ...(isCombined ? [] : [note])].join(separator);
		const known = this.#series.get(series);
		const isFresh = known === undefined || nowMs - known.lastMs > this.#limits.windowMs;
		const entry = isFresh ? { count: 0, lastMs: nowMs, isWritten: false } : known;
		entry.count++;
		entry.lastMs = nowMs;
		this.#series.set(series, entry);
		if (!this.#takeToken(object, nowMs)) return { do: 'drop' };
		if (entry.isWritten) return { do: 'repeat', series, count: entry.count };
		entry.isWritten = true;
		return {
			do: 'create',
			series,
			count: entry.count,
			note: isCombined ? `(combined from similar events): ${note}` : note,
		};
	}

	#isCombined(key: string, note: string, nowMs: number): boolean {
		const known = this.#similar.get(key);
		const isFresh = known === undefined || nowMs - known.sinceMs > this.#limits.windowMs;
		const entry = isFresh ? { notes: new Set<string>(), sinceMs: nowMs } : known;
		this.#similar.set(key, entry);
		if (entry.notes.has(note)) return false;
		if (entry.notes.size >= this.#limits.mostNotes) return true;
		entry.notes.add(note);
		return false;
	}

	#takeToken(object: string, nowMs: number): boolean {
		const { burst, refillMs } = this.#limits;
		const bucket = this.#buckets.get(object) ?? { tokens: burst, atMs: nowMs };
		bucket.tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs);
		bucket.atMs = nowMs;
		this.#buckets.set(object, bucket);
		if (bucket.tokens < 1) return false;
		bucket.tokens--;
		return true;
	}
}

/** A map that drops the entry that was not used for longest when it is full. */
export class RecentMap<V> {
	readonly #most: number;
	readonly #values = new Map<string, V>();

	constructor(most: number) {
		this.#most = most;
	}

	get size(): number {
		return this.#values.size;
	}

	get(key: string): V | undefined {
		return this.#values.get(key);
	}

	set(key: string, value: V): void {
		this.#values.delete(key);
		this.#values.set(key, value);
		if (this.#values.size <= this.#most) return;
		for (const oldest of this.#values.keys()) {
			this.#values.delete(oldest);
			return;
		}
	}

	delete(key: string): void {
		this.#values.delete(key);
	}
}
