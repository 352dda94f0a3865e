/**
 * The known objects of one kind. Pure bookkeeping: takes what lists, watches and own writes say, in whatever order it
 * arrives, and returns what changed.
 *
 * Invariants (property-tested): a change is returned for every difference between two contents of the store; after a list
 * and the events that follow it the store holds exactly what the server holds; nothing newer is replaced by something
 * older.
 */
import { type KubeObject, objectKey } from '../object.ts';
import { compareResourceVersions } from './resource-version.ts';

export type Change<T> =
	| { readonly type: 'added'; readonly key: string; readonly old?: undefined; readonly current: T }
	| { readonly type: 'updated'; readonly key: string; readonly old: T; readonly current: T }
	/** `old` is the last known state. The object may have changed unseen before it was deleted. */
	| { readonly type: 'deleted'; readonly key: string; readonly old: T; readonly current?: undefined };

/** The values under which an index finds an object: none, one or several. */
export type IndexFunction<T> = (value: T) => string | readonly string[] | undefined;

export interface StoreOptions<T> {
	/** Reduces an object to what is needed: whole objects cost 7 to 14 KiB each, a few fields 0.3. */
	readonly transform: (object: KubeObject) => T;
	readonly indexes?: Readonly<Record<string, IndexFunction<T>>> | undefined;
	/** How many bytes are kept of an object, for `bytes`. Default: not counted. */
	readonly sizeOf?: ((value: T) => number) | undefined;
}

/** What is kept of an object that a list has brought, and what tells it from others. */
export class Listed<T> {
	readonly key: string;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly value: T;
	/** Bytes that are kept of it and were not kept before. */
	readonly size: number;

	constructor(object: KubeObject, value: T, size: number) {
		const { uid = '', resourceVersion = '' } = object.metadata;
		this.key = objectKey(object);
		this.uid = uid;
		this.resourceVersion = resourceVersion;
		this.value = value;
		this.size = size;
	}
}

type Origin = 'event' | 'list' | 'rewound list' | 'own write';

interface Entry<T> {
	readonly value: T;
	readonly uid: string;
	readonly resourceVersion: string;
	readonly size: number;
	/**
	 * Set while the entry comes from the answer to an own write whose event has not come yet. Holds the state before that
	 * write: older events show changes by others that nobody has been told yet.
	 */
	own?: { readonly before: T | undefined } | undefined;
}

export class Store<T> {
	readonly #transform: (object: KubeObject) => T;
	readonly #sizeOf: (value: T) => number;
	readonly #entries = new Map<string, Entry<T>>();
	readonly #indexes = new Map<
		string,
		{ readonly valuesOf: IndexFunction<T>; readonly keys: Map<string, Set<string>> }
	>();
	/** The server has told every event up to this resourceVersion. */
	#position: string | undefined;
	#bytes = 0;

	constructor(options: StoreOptions<T>) {
		this.#transform = options.transform;
		this.#sizeOf = options.sizeOf ?? (() => 0);
		for (const [name, valuesOf] of Object.entries(options.indexes ?? {})) {
			this.#indexes.set(name, { valuesOf, keys: new Map() });
		}
	}

	get size(): number {
		return this.#entries.size;
	}

	/** Bytes that are kept of all objects, by `sizeOf`. */
	get bytes(): number {
		return this.#bytes;
	}

	/** The resourceVersion up to which the store has the server's changes. Undefined before the first list. */
	get position(): string | undefined {
		return this.#position;
	}

	/** @param key as `objectKey` makes it */
	get(key: string): T | undefined {
		return this.#entries.get(key)?.value;
	}

	has(key: string): boolean {
		return this.#entries.has(key);
	}

	resourceVersionOf(key: string): string | undefined {
		return this.#entries.get(key)?.resourceVersion;
	}

	keys(): IterableIterator<string> {
		return this.#entries.keys();
	}

	*values(): IterableIterator<T> {
		for (const entry of this.#entries.values()) {
			yield entry.value;
		}
	}

	/** The objects whose index function returned this value. Throws for an index that was not declared. */
	byIndex(name: string, value: string): readonly T[] {
		const index = this.#indexes.get(name);
		if (index === undefined) {
			throw new Error(`the store has no index ${name}`);
		}
		const found: T[] = [];
		for (const key of index.keys.get(value) ?? []) {
			const entry = this.#entries.get(key);
			if (entry !== undefined) {
				found.push(entry.value);
			}
		}
		return found;
	}

	/** An ADDED or MODIFIED event. */
	put(object: KubeObject): readonly Change<T>[] {
		this.advance(object.metadata.resourceVersion);
		return this.#put(object, 'event');
	}

	/** A DELETED event: it carries the resourceVersion of the deletion. */
	remove(object: KubeObject): readonly Change<T>[] {
		const { resourceVersion = '', uid = '' } = object.metadata;
		this.advance(resourceVersion);
		const key = objectKey(object);
		const entry = this.#entries.get(key);
		// Another object of that name was made after this one was deleted, and is known already by our own write.
		const isSuccessor = entry !== undefined && entry.uid !== uid && isNewer(entry.resourceVersion, resourceVersion);
		if (entry === undefined) {
			return [];
		}
		return isSuccessor ? tellOverwritten(key, entry) : [this.#delete(key, entry)];
	}

	/**
	 * The server has confirmed that an object is gone, before its DELETED event comes. Another one that was made under its
	 * name stays.
	 */
	forget(key: string, uid: string): readonly Change<T>[] {
		const entry = this.#entries.get(key);
		return entry?.uid === uid ? [this.#delete(key, entry)] : [];
	}

	/** A bookmark: the server has told every change up to here. */
	advance(resourceVersion: string | undefined): void {
		if (resourceVersion !== undefined && resourceVersion !== '') {
			this.#position = resourceVersion;
		}
	}

	/** What is kept of an object of a list. An object that is known as it is now is not read again. */
	read(object: KubeObject): Listed<T> {
		const { resourceVersion = '', uid = '' } = object.metadata;
		const entry = this.#entries.get(objectKey(object));
		if (entry?.uid === uid && entry.resourceVersion === resourceVersion) return new Listed(object, entry.value, 0);
		const value = this.#transform(object);
		return new Listed(object, value, this.#sizeOf(value));
	}

	/** A complete list: what is not in it is gone, except what we wrote after the list was taken. */
	replaceAll(list: readonly (KubeObject | Listed<T>)[], resourceVersion: string): readonly Change<T>[] {
		const changes: Change<T>[] = [];
		// Read before anything is changed, so that an object that can't be read leaves the store as it is.
		const read = list.map((one) => (one instanceof Listed ? one : this.read(one)));
		// The server's history went back (a backup was restored), so nothing that is known may win over the list.
		const isRewound = this.#position !== undefined && isNewer(this.#position, resourceVersion);
		this.#position = resourceVersion;
		const present = new Set<string>();
		for (const one of read) {
			present.add(one.key);
			for (const change of this.#put(one, isRewound ? 'rewound list' : 'list')) {
				changes.push(change);
			}
		}
		for (const [key, entry] of this.#entries) {
			if (!present.has(key) && (isRewound || !isNewer(entry.resourceVersion, resourceVersion))) {
				changes.push(this.#delete(key, entry));
			}
		}
		return changes;
	}

	/**
	 * The answer to an own write, which may come before or after its event. Accepted only when it is certainly newer: an
	 * object that is absent although the watch has passed its resourceVersion was deleted since.
	 *
	 * @param isTold whether the caller tells the returned changes to handlers. If not, changes by others from before the
	 * write, which its answer includes, are told when their events come.
	 */
	observe(object: KubeObject): readonly Change<T>[] {
		const { resourceVersion = '' } = object.metadata;
		const order = this.#position === undefined ? undefined : compareResourceVersions(resourceVersion, this.#position);
		if (order === undefined || (order <= 0 && !this.#entries.has(objectKey(object)))) {
			return [];
		}
		return this.#put(object, 'own write');
	}

	#put(object: KubeObject | Listed<T>, from: Origin): readonly Change<T>[] {
		const isRead = object instanceof Listed;
		const key = isRead ? object.key : objectKey(object);
		const { resourceVersion = '', uid = '' } = isRead ? object : object.metadata;
		const entry = this.#entries.get(key);
		const order = entry === undefined ? undefined : compareResourceVersions(resourceVersion, entry.resourceVersion);
		if (entry !== undefined && order === 0 && entry.uid === uid) {
			return this.#confirm(key, entry, from);
		}
		if (entry !== undefined && order !== undefined && order < 0 && from !== 'rewound list') {
			return from === 'own write' ? [] : tellOverwritten(key, entry);
		}
		const value = isRead ? object.value : this.#transform(object);
		const added: Entry<T> = { value, uid, resourceVersion, size: this.#sizeOf(value) };
		if (from === 'own write') {
			added.own = { before: entry?.own === undefined ? entry?.value : entry.own.before };
		}
		if (entry === undefined) {
			this.#set(key, added, undefined);
			return [{ type: 'added', key, current: added.value }];
		}
		if (entry.uid !== uid) {
			const deleted = this.#delete(key, entry);
			this.#set(key, added, undefined);
			return [deleted, { type: 'added', key, current: added.value }];
		}
		this.#set(key, added, entry);
		return [{ type: 'updated', key, old: entry.value, current: added.value }];
	}

	/**
	 * The event or list confirms the known state. For an own write that is silent, unless a list hides who else wrote before
	 * us.
	 */
	#confirm(key: string, entry: Entry<T>, from: Origin): readonly Change<T>[] {
		const changes = from === 'list' || from === 'rewound list' ? tellOverwritten(key, entry) : [];
		if (from !== 'own write') {
			entry.own = undefined;
		}
		return changes;
	}

	#delete(key: string, entry: Entry<T>): Change<T> {
		this.#entries.delete(key);
		this.#bytes -= entry.size;
		this.#reindex(key, entry.value, undefined);
		return { type: 'deleted', key, old: entry.value };
	}

	#set(key: string, entry: Entry<T>, before: Entry<T> | undefined): void {
		this.#entries.set(key, entry);
		this.#bytes += entry.size - (before?.size ?? 0);
		this.#reindex(key, before?.value, entry.value);
	}

	#reindex(key: string, before: T | undefined, after: T | undefined): void {
		for (const { valuesOf, keys } of this.#indexes.values()) {
			for (const value of before === undefined ? [] : listOf(valuesOf(before))) {
				const members = keys.get(value);
				members?.delete(key);
				if (members?.size === 0) {
					keys.delete(value);
				}
			}
			for (const value of after === undefined ? [] : listOf(valuesOf(after))) {
				const members = keys.get(value);
				if (members === undefined) {
					keys.set(value, new Set([key]));
				} else {
					members.add(key);
				}
			}
		}
	}
}

/**
 * Tells that somebody else wrote before our own write replaced it: both changes together, compared with what was told last.
 */
function tellOverwritten<T>(key: string, entry: Entry<T>): readonly Change<T>[] {
	if (entry.own === undefined) {
		return [];
	}
	const { before } = entry.own;
	entry.own = { before: entry.value };
	return before === undefined
		? [{ type: 'added', key, current: entry.value }]
		: [{ type: 'updated', key, old: before, current: entry.value }];
}

function isNewer(a: string, b: string): boolean {
	const order = compareResourceVersions(a, b);
	return order !== undefined && order > 0;
}

function listOf(values: string | readonly string[] | undefined): readonly string[] {
	return values === undefined ? [] : typeof values === 'string' ? [values] : values;
}
