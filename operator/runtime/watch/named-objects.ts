/**
 * Watches single objects that others own and somebody here depends on, such as a Secret that a user names in a spec. Each
 * is watched by its name while somebody is interested in it. Its labels don't matter.
 */
import type { ApiServer } from '../client/api-server.ts';
import { withinDeadline } from '../deadline.ts';
import type { Kind } from '../kinds.ts';
import { type KubeObject, type ObjectName, objectKey } from '../object.ts';
import { Reflector, type ReflectorHappening } from './reflector.ts';

export interface NamedObjectsOptions<T> {
	readonly kind: Kind;
	/** Returns what is kept of an object. The rest is dropped at once. */
	readonly transform: (object: KubeObject) => T;
	/** An object came, changed or went, or is known not to exist. `interested` are those who depend on it. */
	readonly onChange: (name: ObjectName, interested: readonly string[]) => void;
	readonly onError?: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
}

interface Entry<T> {
	readonly name: ObjectName;
	readonly reflector: Reflector<T>;
	readonly interested: Set<string>;
}

export class NamedObjects<T> {
	readonly #api: ApiServer;
	readonly #options: NamedObjectsOptions<T>;
	readonly #entries = new Map<string, Entry<T>>();
	#isStopped = false;

	constructor(api: ApiServer, options: NamedObjectsOptions<T>) {
		this.#api = api;
		this.#options = options;
	}

	/**
	 * Sets the objects that somebody depends on from now on. An object that nobody depends on any more is no longer watched.
	 */
	setInterest(who: string, names: readonly ObjectName[]): void {
		// Called by a pass that goes on a little after the stop: nobody would end a new watch.
		if (this.#isStopped) return;
		const wanted = new Map(names.map((name) => [keyOf(name), name]));
		for (const [key, entry] of this.#entries) {
			if (wanted.has(key) || !entry.interested.delete(who) || entry.interested.size > 0) continue;
			entry.reflector.stop();
			this.#entries.delete(key);
		}
		for (const [key, name] of wanted) {
			const entry = this.#entries.get(key) ?? this.#watch(key, name);
			entry.interested.add(who);
		}
	}

	/** The object. Undefined when there is none; `unknown` until it has been looked at once. */
	get(name: ObjectName): T | 'unknown' | undefined {
		const entry = this.#entries.get(keyOf(name));
		if (entry?.reflector.hasSynced !== true) return 'unknown';
		return entry.reflector.store.get(objectKey({ ...this.#options.kind, ...name }));
	}

	/**
	 * Resolves when all objects that somebody depends on have been looked at once, or at the deadline: an object that can't
	 * be read holds nobody up for ever. Rejects with the signal's reason.
	 */
	async synced(who: string, deadlineMs: number, signal?: AbortSignal): Promise<void> {
		const waiting = [...this.#entries.values()].filter(
			({ interested, reflector }) => interested.has(who) && !reflector.hasSynced,
		);
		if (waiting.length === 0) return;
		const late = new Error('late');
		const all = Promise.all(waiting.map(({ reflector }) => reflector.synced));
		await withinDeadline(all, {
			ms: deadlineMs,
			late: () => late,
			...(signal === undefined ? {} : { signal }),
		}).catch((error: unknown) => {
			if (error !== late) throw error;
		});
	}

	relist(): void {
		for (const { reflector } of this.#entries.values()) reflector.relist();
	}

	stop(): void {
		this.#isStopped = true;
		for (const { reflector } of this.#entries.values()) reflector.stop();
		this.#entries.clear();
	}

	#watch(key: string, name: ObjectName): Entry<T> {
		const { kind, transform, onChange, onError, observe } = this.#options;
		const reflector = new Reflector<T>(this.#api, {
			kind,
			transform,
			namespace: name.namespace,
			fieldSelector: `metadata.name=${name.name}`,
			...(onError === undefined ? {} : { onError }),
			...(observe === undefined ? {} : { observe }),
		});
		const entry: Entry<T> = { name, reflector, interested: new Set() };
		this.#entries.set(key, entry);
		const tell = () => {
			if (this.#entries.get(key) === entry) onChange(name, [...entry.interested]);
		};
		reflector.addHandler((change) => {
			if (!change.initial) tell();
		});
		void reflector.synced.then(tell);
		reflector.start();
		return entry;
	}
}

function keyOf({ namespace, name }: ObjectName): string {
	return `${namespace}/${name}`;
}
