/**
 * What the operator knows of the cluster: one reflector per kind. MeshInstallations are kept whole; children by label and,
 * where nothing more than drift and ownership is read from them, as metadata only.
 */
import { type Child, toChild } from './apply/child.ts';
import { isShared, managedSelector } from './apply/identity.ts';
import type { LiveNamespaces } from './apply/injection-labels.ts';
import type { LiveCache } from './apply/writer.ts';
import type { InstallationCache, StoredInstallation } from './installation.ts';
import type { ApiServer } from './runtime/api-server.ts';
import { isNotFound, TransientError } from './runtime/errors.ts';
import { type Kind, kindOf, kinds } from './runtime/kinds.ts';
import { NamedObjects, type ObjectName } from './runtime/named-objects.ts';
import { groupOf, type KubeObject, objectKey } from './runtime/object.ts';
import { type ChangeHandler, Reflector, type ReflectorHappening } from './runtime/reflector.ts';
import { type SecretFacts, toSecretFacts } from './secret-facts.ts';

/** How each kind that every mesh has is watched, by our label. */
const watchedChildren: readonly { readonly kind: Kind; readonly metadataOnly: boolean; readonly isAll?: boolean }[] = [
	// All of them, whoever made them: a namespace is used as it is, and one that is going is not written into.
	{ kind: kinds.Namespace, metadataOnly: true, isAll: true },
	// Of these there are few enough to see all, and so to know without asking that a name is free.
	{ kind: kinds.ClusterRole, metadataOnly: true, isAll: true },
	{ kind: kinds.ClusterRoleBinding, metadataOnly: true, isAll: true },
	{ kind: kinds.MutatingWebhookConfiguration, metadataOnly: true, isAll: true },
	{ kind: kinds.ServiceAccount, metadataOnly: true },
	{ kind: kinds.Role, metadataOnly: true },
	{ kind: kinds.RoleBinding, metadataOnly: true },
	{ kind: kinds.ConfigMap, metadataOnly: true },
	{ kind: kinds.HorizontalPodAutoscaler, metadataOnly: true },
	{ kind: kinds.PodDisruptionBudget, metadataOnly: true },
	{ kind: kinds.Secret, metadataOnly: true },
	// In full: its status has the addresses of gateways.
	{ kind: kinds.Service, metadataOnly: false },
	// In full: their status says whether the component runs, and whether the CRD may be used.
	{ kind: kinds.Deployment, metadataOnly: false },
	{ kind: kinds.CustomResourceDefinition, metadataOnly: false },
];

/**
 * Istio's own kinds, which exist only with their CRDs: each is watched from the moment on at which a mesh has objects of it,
 * so that one that consists of Pilot alone does not pay for Mixer's.
 */
const customKinds: readonly Kind[] = Object.values(kinds).filter(({ apiVersion }) =>
	groupOf(apiVersion).endsWith('.istio.io'),
);

/** The kinds of which changes are seen; every kind that is rendered must be among them. */
export const watchedKinds: readonly Kind[] = [...watchedChildren.map(({ kind }) => kind), ...customKinds];

/** How long a pass waits for the first list of a kind, milliseconds. */
const followDeadlineMs = 30_000;

export interface MeshCachesOptions {
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
	/** A Secret that some MeshInstallations depend on changed. */
	readonly onSecret?: (name: ObjectName, installations: readonly string[]) => void;
}

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

/** The mesh whose labels of ours a namespace has. */
function labelledFor({ injection }: Child): string | undefined {
	return injection?.isOurs === true ? injection.mesh : undefined;
}

/** A whole installation, less what nobody here reads. */
function toInstallation(object: KubeObject): StoredInstallation {
	const { managedFields: _, ...metadata } = object.metadata;
	return { ...object, metadata };
}

export class MeshCaches implements LiveCache, LiveNamespaces {
	readonly #api: ApiServer;
	readonly #options: MeshCachesOptions;
	readonly #installations: Reflector<StoredInstallation>;
	readonly #children = new Map<string, Reflector<Child>>();
	/** Of Istio's own kinds: those that were begun. */
	readonly #followed = new Map<Kind, Reflector<Child>>();
	/** The kinds of which everything is watched, not only what is ours. */
	readonly #seenWhole = new Set<Kind>();
	readonly #childHandlers = new Set<ChangeHandler<Child>>();
	/** The Secrets that MeshInstallations depend on and others make. */
	readonly secrets: NamedObjects<SecretFacts>;

	constructor(api: ApiServer, options: MeshCachesOptions) {
		this.#api = api;
		this.#options = options;
		const { onError, observe, onSecret = () => undefined } = options;
		const shared = { onError, ...(observe === undefined ? {} : { observe }) };
		this.#installations = new Reflector(api, { ...shared, kind: kinds.MeshInstallation, transform: toInstallation });
		for (const { kind, ...how } of watchedChildren) this.#addChildren(kind, how);
		this.secrets = new NamedObjects(api, {
			...shared,
			kind: kinds.Secret,
			transform: toSecretFacts,
			onChange: onSecret,
		});
	}

	#addChildren(
		kind: Kind,
		{ metadataOnly, isAll = false }: { readonly metadataOnly: boolean; readonly isAll?: boolean },
	): Reflector<Child> {
		const { onError, observe } = this.#options;
		const reflector = new Reflector<Child>(this.#api, {
			kind,
			metadataOnly,
			onError,
			...(observe === undefined ? {} : { observe }),
			transform: toChild,
			indexes: { partOf: setOf, labelledFor },
			...(isAll ? {} : { labelSelector: managedSelector }),
		});
		this.#children.set(kindKey(kind.apiVersion, kind.kind), reflector);
		if (isAll) this.#seenWhole.add(kind);
		return reflector;
	}

	/** The MeshInstallations, as the reconciler reads them. */
	readonly installations: InstallationCache = {
		get: (name) => this.#installations.store.get(objectKey({ ...kinds.MeshInstallation, name })),
		all: () => this.#installations.store.values(),
		expectWrite: (object) => this.#installations.expectWrite(objectKey(object)),
	};

	// LiveCache

	get(key: string): Child | undefined {
		return this.#children.get(key.slice(0, key.indexOf(' ')))?.store.get(key);
	}

	ofApplySet(partOf: string): readonly Child[] {
		return [...this.#children.values()].flatMap(({ store }) => store.byIndex('partOf', partOf));
	}

	expectWrite(object: KubeObject): (answer?: KubeObject) => void {
		const reflector = this.#children.get(kindKey(object.apiVersion, object.kind));
		return reflector?.expectWrite(objectKey(object)) ?? (() => undefined);
	}

	seesAll(object: KubeObject): boolean {
		return this.#seenWhole.has(kindOf(object));
	}

	async follow(wanted: readonly Kind[]): Promise<void> {
		const reflectors = wanted.filter((kind) => customKinds.includes(kind)).map((kind) => this.#follow(kind));
		// The common case costs no timer.
		if (reflectors.every(({ hasSynced }) => hasSynced)) return;
		const { promise, reject } = Promise.withResolvers<never>();
		const timer = setTimeout(() => {
			const late = reflectors.filter(({ hasSynced }) => !hasSynced).map(({ kind }) => kind.plural);
			reject(new TransientError(`not listed within ${followDeadlineMs / 1_000} s: ${late.join(', ')}`));
		}, followDeadlineMs);
		try {
			await Promise.race([promise, Promise.all(reflectors.map(({ synced }) => synced))]);
		} finally {
			clearTimeout(timer);
		}
	}

	#follow(kind: Kind): Reflector<Child> {
		const known = this.#followed.get(kind);
		if (known !== undefined) {
			// Its CRD may have been away: there is no reason to wait any longer.
			if (known.staleForMs > 0) known.retryNow();
			return known;
		}
		const reflector = this.#addChildren(kind, { metadataOnly: true, isAll: !kind.namespaced });
		this.#followed.set(kind, reflector);
		for (const handler of this.#childHandlers) reflector.addHandler(handler);
		reflector.start();
		return reflector;
	}

	/** Istio's own kinds of which something of ours was made before this process began. */
	async #followWhatIsThere(): Promise<void> {
		const found = await Promise.all(
			customKinds.map(async (kind) => {
				const query = { labelSelector: managedSelector, metadataOnly: true, limit: 1 };
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

	labelledFor(mesh: string): readonly Child[] {
		const { apiVersion, kind } = kinds.Namespace;
		return this.#children.get(kindKey(apiVersion, kind))?.store.byIndex('labelledFor', mesh) ?? [];
	}

	// Life

	onInstallation(handler: ChangeHandler<StoredInstallation>): void {
		this.#installations.addHandler(handler);
	}

	/** Returns how to end it. */
	onChild(handler: ChangeHandler<Child>): () => void {
		// Removed by its own identity: reflectors that begin later have it too.
		const own: ChangeHandler<Child> = (change) => handler(change);
		this.#childHandlers.add(own);
		const ends = [...this.#children.values()].map((reflector) => reflector.addHandler(own));
		return () => {
			this.#childHandlers.delete(own);
			for (const end of ends) end();
		};
	}

	start(): void {
		for (const reflector of this.#basic()) reflector.start();
	}

	stop(): void {
		for (const reflector of [...this.#basic(), ...this.#followed.values()]) reflector.stop();
		this.secrets.stop();
	}

	/** Resolves when everything has been listed once. */
	async synced(): Promise<void> {
		await Promise.all([...this.#basic().map(({ synced }) => synced), this.#followWhatIsThere()]);
	}

	get hasSynced(): boolean {
		return this.#basic().every(({ hasSynced }) => hasSynced);
	}

	/** How long (milliseconds) the most outdated of the caches has been without a watch. Istio's own kinds may be away. */
	get staleForMs(): number {
		return Math.max(...this.#basic().map(({ staleForMs }) => staleForMs));
	}

	/** Lists everything anew: a net under what the watches might have missed. What differs comes to the handlers as changes. */
	relist(): void {
		for (const reflector of [...this.#basic(), ...this.#followed.values()]) reflector.relist();
		this.secrets.relist();
	}

	/** Number of children that are known. */
	get size(): number {
		return [...this.#children.values()].reduce((sum, { store }) => sum + store.size, 0);
	}

	/** The kinds that every cluster has. */
	#basic(): readonly Pick<Reflector<unknown>, 'start' | 'stop' | 'synced' | 'hasSynced' | 'staleForMs' | 'relist'>[] {
		const followed = new Set<unknown>(this.#followed.values());
		return [this.#installations, ...[...this.#children.values()].filter((reflector) => !followed.has(reflector))];
	}
}
