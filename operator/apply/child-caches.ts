/**
 * What is known of the objects that the operator keeps in one API server: one reflector per kind, by label and, where
 * nothing more than drift and ownership is read from them, as metadata only.
 */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { withinDeadline } from '../runtime/deadline.ts';
import { isNotFound, TransientError } from '../runtime/errors.ts';
import { type Kind, kindOf } from '../runtime/kinds.ts';
import { groupOf, type KubeObject, objectKey } from '../runtime/object.ts';
import { type ChangeHandler, Reflector, type ReflectorHappening } from '../runtime/watch/reflector.ts';
import type { IndexFunction } from '../runtime/watch/store.ts';
import { type Child, toChild } from './child.ts';
import { isShared, managedSelector } from './identity.ts';
import type { LiveCache } from './live.ts';

/** How one kind is watched. */
export interface WatchedKind {
	readonly kind: Kind;
	readonly metadataOnly: boolean;
	/** All objects, whoever made them: then it is known without asking that a name is free. */
	readonly isAll?: boolean;
	/** One object alone, by its name. */
	readonly only?: string;
	/** In one namespace alone. */
	readonly namespace?: string;
	/** Instead of the selector of all others. */
	readonly labelSelector?: string;
}

export interface ChildCachesOptions {
	readonly watched: readonly WatchedKind[];
	/** Kinds that exist only with their CRDs: each is watched from the moment on at which there are objects of it. */
	readonly onDemand?: readonly Kind[];
	/** Which objects are watched where not all are. Everything that any installation made when not set. */
	readonly labelSelector?: string;
	/** Further indexes of each kind's store. */
	readonly indexes?: Readonly<Record<string, IndexFunction<Child>>>;
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
}

/** How long a pass waits for the first list of a kind, milliseconds. */
const followDeadlineMs = 30_000;

/**
 * A watch that was down for less (milliseconds) is no matter: each is ended by its server from time to time, and an API server
 * that restarts is back by then.
 */
const behindAfterMs = 10_000;

/** The part of an object's key that names its kind, see `objectKey`. */
function kindKey(apiVersion: string, kind: string): string {
	const group = groupOf(apiVersion);
	return group === '' ? kind : `${kind}.${group}`;
}

/**
 * The set that a child is in: removal takes away what is in it. Labels alone prove nothing, they are copied with an object
 * or put on a namespace by hand; what we never wrote, and what is shared, is in none.
 */
function setOf(child: Child): string | undefined {
	return child.fingerprint === undefined || isShared(child) ? undefined : child.partOf;
}

export class ChildCaches implements LiveCache {
	readonly #api: ApiServer;
	readonly #options: ChildCachesOptions;
	readonly #basic: readonly Reflector<Child>[];
	readonly #byKind = new Map<string, Reflector<Child>>();
	/** Of the kinds on demand: those that were begun. */
	readonly #followed = new Map<Kind, Reflector<Child>>();
	/** The kinds of which everything is watched, not only what is ours. */
	readonly #seenWhole = new Set<Kind>();
	readonly #handlers = new Set<ChangeHandler<Child>>();

	constructor(api: ApiServer, options: ChildCachesOptions) {
		this.#api = api;
		this.#options = options;
		this.#basic = options.watched.map((how) => this.#add(how));
	}

	// LiveCache

	get(key: string): Child | undefined {
		return this.#byKind.get(key.slice(0, key.indexOf(' ')))?.store.get(key);
	}

	ofApplySet(partOf: string): readonly Child[] {
		return this.byIndex('partOf', partOf);
	}

	expectWrite(object: KubeObject): (answer?: KubeObject) => void {
		const reflector = this.#byKind.get(kindKey(object.apiVersion, object.kind));
		return reflector?.expectWrite(objectKey(object)) ?? (() => undefined);
	}

	observeDeletion(object: KubeObject): void {
		const { uid } = object.metadata;
		if (uid === undefined) return;
		this.#byKind.get(kindKey(object.apiVersion, object.kind))?.observeDeletion(objectKey(object), uid);
	}

	seesAll(object: KubeObject): boolean {
		return this.#seenWhole.has(kindOf(object));
	}

	async follow(wanted: readonly Kind[]): Promise<void> {
		const { onDemand = [] } = this.#options;
		const reflectors = wanted.filter((kind) => onDemand.includes(kind)).map((kind) => this.#follow(kind));
		// The common case costs no timer.
		if (reflectors.every(({ hasSynced }) => hasSynced)) return;
		await withinDeadline(Promise.all(reflectors.map(({ synced }) => synced)), {
			ms: followDeadlineMs,
			late: () => {
				const late = reflectors.filter(({ hasSynced }) => !hasSynced).map(({ kind }) => kind.plural);
				return new TransientError(`not listed within ${followDeadlineMs / 1_000} s: ${late.join(', ')}`);
			},
		});
	}

	// Reading

	/** Objects of all kinds by an index. */
	byIndex(index: string, value: string): readonly Child[] {
		return [...this.#byKind.values()].flatMap(({ store }) => store.byIndex(index, value));
	}

	/** All cached objects of one kind. */
	ofKind({ apiVersion, kind }: Kind): Iterable<Child> {
		return this.#byKind.get(kindKey(apiVersion, kind))?.store.values() ?? [];
	}

	/** Whether what is known of a kind may be old: its watch has been down for a while. */
	isBehind({ apiVersion, kind }: Kind): boolean {
		const reflector = this.#byKind.get(kindKey(apiVersion, kind));
		return reflector !== undefined && reflector.staleForMs > behindAfterMs;
	}

	// Life

	/** Returns how to end it. */
	onChange(handler: ChangeHandler<Child>): () => void {
		// Removed by its own identity: reflectors that begin later have it too.
		const own: ChangeHandler<Child> = (change) => handler(change);
		this.#handlers.add(own);
		const ends = [...this.#byKind.values()].map((reflector) => reflector.addHandler(own));
		return () => {
			this.#handlers.delete(own);
			for (const end of ends) end();
		};
	}

	start(): void {
		for (const reflector of this.#basic) reflector.start();
	}

	stop(): void {
		for (const reflector of this.#byKind.values()) reflector.stop();
	}

	/** Resolves when everything has been listed once. */
	async synced(): Promise<void> {
		await Promise.all([...this.#basic.map(({ synced }) => synced), this.#followWhatIsThere()]);
	}

	get hasSynced(): boolean {
		return this.#basic.every(({ hasSynced }) => hasSynced);
	}

	/** How long (milliseconds) the most outdated of the caches has been without a watch. Kinds on demand may be away. */
	get staleForMs(): number {
		return Math.max(0, ...this.#basic.map(({ staleForMs }) => staleForMs));
	}

	/** Lists everything anew: a net under what the watches might have missed. What differs comes to the handlers as changes. */
	relist(): void {
		for (const reflector of this.#byKind.values()) reflector.relist();
	}

	/** Number of objects that are known. */
	get size(): number {
		return [...this.#byKind.values()].reduce((sum, { store }) => sum + store.size, 0);
	}

	#add({ kind, metadataOnly, isAll = false, only, namespace, labelSelector }: WatchedKind): Reflector<Child> {
		const { onError, observe, indexes = {}, labelSelector: general = managedSelector } = this.#options;
		const reflector = new Reflector<Child>(this.#api, {
			kind,
			metadataOnly,
			onError,
			...(observe === undefined ? {} : { observe }),
			transform: toChild,
			indexes: { partOf: setOf, ...indexes },
			...(namespace === undefined ? {} : { namespace }),
			...(only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }),
			...(isAll || only !== undefined ? {} : { labelSelector: labelSelector ?? general }),
		});
		this.#byKind.set(kindKey(kind.apiVersion, kind.kind), reflector);
		if (isAll) this.#seenWhole.add(kind);
		return reflector;
	}

	#follow(kind: Kind): Reflector<Child> {
		const known = this.#followed.get(kind);
		if (known !== undefined) {
			// Its CRD may have been away: there is no reason to wait any longer.
			if (known.staleForMs > 0) known.retryNow();
			return known;
		}
		const reflector = this.#add({ kind, metadataOnly: true, isAll: !kind.namespaced });
		this.#followed.set(kind, reflector);
		for (const handler of this.#handlers) reflector.addHandler(handler);
		reflector.start();
		return reflector;
	}

	/** The kinds on demand of which something of ours was made before this process began. */
	async #followWhatIsThere(): Promise<void> {
		const { onDemand = [], labelSelector = managedSelector } = this.#options;
		const found = await Promise.all(
			onDemand.map(async (kind) => {
				const query = { labelSelector, metadataOnly: true, limit: 1 };
				try {
					return (await this.#api.listPage(kind, query)).items.length > 0 ? [kind] : [];
				} catch (error) {
					if (isNotFound(error)) return [];
					throw error;
				}
			}),
		);
		await this.follow(found.flat());
	}
}
