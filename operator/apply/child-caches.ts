/**
 * The caches of the objects that the operator keeps in one API server. There is one reflector per kind. It selects by
 * label, and watches metadata only when nothing but drift and ownership is read.
 */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { withinDeadline } from '../runtime/deadline.ts';
import { orAbsent, TransientError } from '../runtime/errors.ts';
import { isWorkload, type Kind, kindOf } from '../runtime/kinds.ts';
import { groupOf, type KubeObject, objectKey } from '../runtime/object.ts';
import { type AskAtStart, askOnce, type Wait } from '../runtime/start-waits.ts';
import type { ChangeHandler } from '../runtime/watch/change-handlers.ts';
import { Reflector } from '../runtime/watch/reflector.ts';
import { type Child, toChild } from './child.ts';
import { isShared, memberSelector } from './identity.ts';
import type { LiveCache } from './live.ts';
import type { ChildCachesOptions, WatchedKind } from './watched-kinds.ts';

/** A pass waits this long for the first list of a kind. */
const followDeadlineMs = 30_000;

/**
 * A watch may be down for this time before its cache counts as outdated: servers end each watch now and then, and an API
 * server that restarts is back by then.
 */
const behindAfterMs = 10_000;

/** The part of an object's key that names its kind, see `objectKey`. */
function kindKey(apiVersion: string, kind: string): string {
	const group = groupOf(apiVersion);
	return group === '' ? kind : `${kind}.${group}`;
}

/** The namespace in an object's key, see `objectKey`. */
function namespaceIn(key: string): string {
	return key.slice(key.indexOf(' ') + 1, Math.max(key.indexOf('/', key.indexOf(' ')), 0));
}

/** Waits for the first lists. Rejects with TransientError when one takes too long. */
async function untilListed(reflectors: readonly Reflector<Child>[]): Promise<void> {
	// The usual case needs no timer.
	if (reflectors.every(({ hasSynced }) => hasSynced)) return;
	await withinDeadline(Promise.all(reflectors.map(({ synced }) => synced)), {
		ms: followDeadlineMs,
		late: () => {
			const late = reflectors.filter(({ hasSynced }) => !hasSynced).map(({ kind }) => kind.plural);
			return new TransientError(`not listed within ${followDeadlineMs / 1_000} s: ${late.join(', ')}`);
		},
	});
}

/**
 * The set that a child belongs to; removing the set deletes the child. Labels alone prove nothing: they are copied with an
 * object or put on a namespace by hand. What we never wrote, and what is shared, belongs to no set.
 */
function setOf(child: Child): string | undefined {
	return child.fingerprint === undefined || isShared(child) ? undefined : child.partOf;
}

export class ChildCaches implements LiveCache {
	readonly #api: ApiServer;
	readonly #options: ChildCachesOptions;
	readonly #basic: readonly Reflector<Child>[];
	readonly #byKind = new Map<string, Reflector<Child>>();
	/** Reflectors of the kinds on demand that are being watched. */
	readonly #followed = new Map<Kind, Reflector<Child>>();
	/** Reflectors of the kind that is watched in single namespaces, by namespace. */
	readonly #inNamespaces = new Map<string, Reflector<Child>>();
	/** The kinds that are watched as a whole, not only what is ours. */
	readonly #seenWhole = new Set<Kind>();
	readonly #handlers = new Set<ChangeHandler<Child>>();
	/** The part of a key that names the kind `perNamespace`. */
	readonly #kindPerNamespace: string | undefined;
	#isStopped = false;

	constructor(api: ApiServer, options: ChildCachesOptions) {
		this.#api = api;
		this.#options = options;
		const { perNamespace } = options;
		this.#kindPerNamespace =
			perNamespace === undefined ? undefined : kindKey(perNamespace.kind.apiVersion, perNamespace.kind.kind);
		this.#basic = options.watched.map((how) => this.#add(how));
	}

	// LiveCache

	get(key: string): Child | undefined {
		const kind = key.slice(0, key.indexOf(' '));
		return this.#reflectorOf(kind, namespaceIn(key))?.store.get(key);
	}

	ofApplySet(partOf: string): readonly Child[] {
		return this.byIndex('partOf', partOf);
	}

	expectWrite(object: KubeObject): (answer?: KubeObject) => void {
		const reflector = this.#reflectorOf(kindKey(object.apiVersion, object.kind), object.metadata.namespace);
		return reflector?.expectWrite(objectKey(object)) ?? (() => undefined);
	}

	observeDeletion(object: KubeObject): void {
		const { uid, namespace } = object.metadata;
		if (uid === undefined) return;
		this.#reflectorOf(kindKey(object.apiVersion, object.kind), namespace)?.observeDeletion(objectKey(object), uid);
	}

	seesAll(object: KubeObject): boolean {
		return this.#seenWhole.has(kindOf(object));
	}

	async follow(wanted: readonly Kind[]): Promise<void> {
		const { onDemand = [] } = this.#options;
		await untilListed(wanted.filter((kind) => onDemand.includes(kind)).map((kind) => this.#follow(kind)));
	}

	/**
	 * Begins to watch the kind `perNamespace` in a namespace, if it is not watched there yet, and resolves when it is listed.
	 * Whoever calls this may read it there. Rejects with TransientError when the API server does not list it in time.
	 */
	async followNamespace(namespace: string): Promise<void> {
		const { perNamespace } = this.#options;
		if (perNamespace === undefined || this.#isStopped) return;
		const known = this.#inNamespaces.get(namespace);
		// The watch may have been refused; now it need not wait any longer.
		if (known !== undefined && known.staleForMs > 0) known.retryNow();
		await untilListed([known ?? this.#watchNamespace({ ...perNamespace, namespace }, namespace)]);
	}

	/** Ends the watches of the kind `perNamespace` in all namespaces but these. What they showed is forgotten. */
	keepNamespaces(namespaces: ReadonlySet<string>): void {
		for (const [namespace, reflector] of this.#inNamespaces) {
			if (namespaces.has(namespace)) continue;
			reflector.stop();
			this.#inNamespaces.delete(namespace);
		}
	}

	/** The namespaces in which the kind `perNamespace` has been without a watch for a while. */
	get namespacesBehind(): readonly string[] {
		return [...this.#inNamespaces].flatMap(([name, { staleForMs }]) => (staleForMs > behindAfterMs ? [name] : []));
	}

	// Reading

	/** Objects of all kinds by an index. */
	byIndex(index: string, value: string): readonly Child[] {
		return this.#all.flatMap(({ store }) => store.byIndex(index, value));
	}

	/** All cached objects of one kind. */
	ofKind(kind: Kind): Iterable<Child> {
		return this.#reflectorsOf(kind).flatMap(({ store }) => [...store.values()]);
	}

	/** Whether the cache of a kind may be outdated: its watch has been down for a while. */
	isBehind(kind: Kind): boolean {
		return this.#reflectorsOf(kind).some(({ staleForMs }) => staleForMs > behindAfterMs);
	}

	// Life

	/** Returns a function that removes the handler. */
	onChange(handler: ChangeHandler<Child>): () => void {
		// A function of its own, so that removing it removes this one alone. Reflectors that start later get it too.
		const own: ChangeHandler<Child> = (change) => handler(change);
		this.#handlers.add(own);
		const ends = this.#all.map((reflector) => reflector.addHandler(own));
		return () => {
			this.#handlers.delete(own);
			for (const end of ends) end();
		};
	}

	start(): void {
		for (const reflector of this.#basic) reflector.start();
	}

	stop(): void {
		this.#isStopped = true;
		for (const reflector of this.#all) reflector.stop();
	}

	/** Resolves when every kind has been listed once. Rejects when a kind on demand can't be looked for. */
	async synced(ask: AskAtStart = askOnce): Promise<void> {
		await Promise.all([...this.#basic.map(({ synced }) => synced), this.#followWhatIsThere(ask)]);
	}

	/** The lists that have not come yet, kinds on demand left out. */
	get missing(): readonly Wait[] {
		return this.#basic.filter(({ hasSynced }) => !hasSynced).map(waitForList);
	}

	get hasSynced(): boolean {
		return this.#basic.every(({ hasSynced }) => hasSynced);
	}

	/**
	 * How long the most outdated of the caches has been without a watch. Kinds on demand are left out, since they may not
	 * exist.
	 */
	get staleForMs(): number {
		return Math.max(0, ...this.#basic.map(({ staleForMs }) => staleForMs));
	}

	/** Lists everything anew, to catch what the watches might have missed. Handlers get the differences as changes. */
	relist(): void {
		for (const reflector of this.#all) reflector.relist();
	}

	/** Number of cached objects. */
	get size(): number {
		return this.#all.reduce((sum, { store }) => sum + store.size, 0);
	}

	get #all(): readonly Reflector<Child>[] {
		return [...this.#byKind.values(), ...this.#inNamespaces.values()];
	}

	/** The reflector that shows the objects of a kind in a namespace. */
	#reflectorOf(kind: string, namespace: string | undefined): Reflector<Child> | undefined {
		return kind === this.#kindPerNamespace ? this.#inNamespaces.get(namespace ?? '') : this.#byKind.get(kind);
	}

	#reflectorsOf({ apiVersion, kind }: Kind): readonly Reflector<Child>[] {
		const key = kindKey(apiVersion, kind);
		if (key === this.#kindPerNamespace) return [...this.#inNamespaces.values()];
		const reflector = this.#byKind.get(key);
		return reflector === undefined ? [] : [reflector];
	}

	#add(how: WatchedKind): Reflector<Child> {
		const { kind, isAll = false } = how;
		const reflector = this.#make(how);
		this.#byKind.set(kindKey(kind.apiVersion, kind.kind), reflector);
		if (isAll) this.#seenWhole.add(kind);
		return reflector;
	}

	#watchNamespace(how: WatchedKind, namespace: string): Reflector<Child> {
		const reflector = this.#make(how);
		this.#inNamespaces.set(namespace, reflector);
		for (const handler of this.#handlers) reflector.addHandler(handler);
		reflector.start();
		return reflector;
	}

	#make({ kind, metadataOnly, isAll = false, only, namespace, labelSelector }: WatchedKind): Reflector<Child> {
		const { onError, observe, indexes = {}, labelSelector: general = memberSelector } = this.#options;
		return new Reflector<Child>(this.#api, {
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
	}

	#follow(kind: Kind): Reflector<Child> {
		const known = this.#followed.get(kind);
		if (known !== undefined) {
			// The watch may have been waiting for the CRD; now it need not wait any longer.
			if (known.staleForMs > 0) known.retryNow();
			return known;
		}
		// The status says of workloads whether they run.
		const reflector = this.#add({ kind, metadataOnly: !isWorkload(kind), isAll: !kind.namespaced });
		this.#followed.set(kind, reflector);
		for (const handler of this.#handlers) reflector.addHandler(handler);
		reflector.start();
		return reflector;
	}

	/** Watches the kinds on demand that have objects of ours from before this process began. */
	async #followWhatIsThere(ask: AskAtStart): Promise<void> {
		const { onDemand = [], labelSelector = memberSelector } = this.#options;
		await Promise.all(
			onDemand.map((kind) =>
				ask(`the list of ${kind.kind}`, async (signal) => {
					const query = { labelSelector, metadataOnly: true, limit: 1, signal };
					const page = await orAbsent(this.#api.listPage(kind, query));
					// Looks again when that takes too long: the CRD may have gone in between.
					if (page !== undefined && page.items.length > 0) await this.follow([kind]);
				}),
			),
		);
	}
}

/** Says which list a reflector has not brought yet. */
export function waitForList({ kind, failure }: Pick<Reflector<unknown>, 'kind' | 'failure'>): Wait {
	return { what: `the list of ${kind.kind}`, failure };
}
