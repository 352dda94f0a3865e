/**
 * What the operator knows of the cluster: one reflector per kind. MeshInstallations are kept whole; children by label and,
 * where nothing more than drift and ownership is read from them, as metadata only.
 */
import { type Child, toChild } from './apply/child.ts';
import { isShared, managedSelector } from './apply/identity.ts';
import type { LiveCache } from './apply/writer.ts';
import type { InstallationCache, StoredInstallation } from './reconcile.ts';
import type { ApiServer } from './runtime/api-server.ts';
import { type Kind, kinds } from './runtime/kinds.ts';
import { groupOf, type KubeObject, objectKey } from './runtime/object.ts';
import { type ChangeHandler, Reflector, type ReflectorHappening } from './runtime/reflector.ts';

/** How each kind that is rendered is watched. */
const watchedChildren: readonly { readonly kind: Kind; readonly metadataOnly: boolean; readonly all?: boolean }[] = [
	// All of them: a namespace is used whoever made it, and one that is going is not written into.
	{ kind: kinds.Namespace, metadataOnly: true, all: true },
	{ kind: kinds.ServiceAccount, metadataOnly: true },
	{ kind: kinds.Role, metadataOnly: true },
	{ kind: kinds.RoleBinding, metadataOnly: true },
	{ kind: kinds.ClusterRole, metadataOnly: true },
	{ kind: kinds.ClusterRoleBinding, metadataOnly: true },
	{ kind: kinds.ConfigMap, metadataOnly: true },
	{ kind: kinds.Service, metadataOnly: true },
	{ kind: kinds.HorizontalPodAutoscaler, metadataOnly: true },
	{ kind: kinds.PodDisruptionBudget, metadataOnly: true },
	// In full: their status says whether the component runs, and whether the CRD may be used.
	{ kind: kinds.Deployment, metadataOnly: false },
	{ kind: kinds.CustomResourceDefinition, metadataOnly: false },
];

/** The kinds of which changes are seen; every kind that is rendered must be among them. */
export const watchedKinds: readonly Kind[] = watchedChildren.map(({ kind }) => kind);

export interface MeshCachesOptions {
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
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

/** A whole installation, less what nobody here reads. */
function toInstallation(object: KubeObject): StoredInstallation {
	const { managedFields: _, ...metadata } = object.metadata;
	return { ...object, metadata };
}

export class MeshCaches implements LiveCache {
	readonly #installations: Reflector<StoredInstallation>;
	readonly #children = new Map<string, Reflector<Child>>();

	constructor(api: ApiServer, { onError, observe }: MeshCachesOptions) {
		const shared = { onError, observe };
		this.#installations = new Reflector(api, { ...shared, kind: kinds.MeshInstallation, transform: toInstallation });
		for (const { kind, metadataOnly, all } of watchedChildren) {
			const reflector = new Reflector<Child>(api, {
				...shared,
				kind,
				metadataOnly,
				transform: toChild,
				indexes: { partOf: setOf },
				...(all === true ? {} : { labelSelector: managedSelector }),
			});
			this.#children.set(kindKey(kind.apiVersion, kind.kind), reflector);
		}
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

	// Life

	onInstallation(handler: ChangeHandler<StoredInstallation>): void {
		this.#installations.addHandler(handler);
	}

	/** Returns how to end it. */
	onChild(handler: ChangeHandler<Child>): () => void {
		const ends = [...this.#children.values()].map((reflector) => reflector.addHandler(handler));
		return () => {
			for (const end of ends) end();
		};
	}

	start(): void {
		for (const reflector of this.#all()) reflector.start();
	}

	stop(): void {
		for (const reflector of this.#all()) reflector.stop();
	}

	/** Resolves when everything has been listed once. */
	async synced(): Promise<void> {
		await Promise.all(this.#all().map(({ synced }) => synced));
	}

	get hasSynced(): boolean {
		return this.#all().every(({ hasSynced }) => hasSynced);
	}

	/** How long (milliseconds) the most outdated of the caches has been without a watch. */
	get staleForMs(): number {
		return Math.max(...this.#all().map(({ staleForMs }) => staleForMs));
	}

	/** Lists everything anew: a net under what the watches might have missed. What differs comes to the handlers as changes. */
	relist(): void {
		for (const reflector of this.#all()) reflector.relist();
	}

	/** Number of children that are known. */
	get size(): number {
		return [...this.#children.values()].reduce((sum, { store }) => sum + store.size, 0);
	}

	#all(): readonly Pick<Reflector<unknown>, 'start' | 'stop' | 'synced' | 'hasSynced' | 'staleForMs' | 'relist'>[] {
		return [this.#installations, ...this.#children.values()];
	}
}
