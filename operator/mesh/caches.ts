/**
 * What the operator knows of its own cluster: the MeshInstallations, kept whole, their children, and the Secrets that
 * they depend on and others make.
 */
import type { Problem } from '../../api/v1/index.ts';
import type { Child } from '../apply/child.ts';
import { ChildCaches, type WatchedKind } from '../apply/child-caches.ts';
import { type LiveNamespaces, labelledFor } from '../apply/injection-labels.ts';
import { type SecretFacts, toSecretFacts } from '../plan/secret-facts.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';
import type { ObjectName } from '../runtime/object.ts';
import { groupOf, type KubeObject, objectKey } from '../runtime/object.ts';
import { NamedObjects } from '../runtime/watch/named-objects.ts';
import { type ChangeHandler, Reflector, type ReflectorHappening } from '../runtime/watch/reflector.ts';
import { type InstallationCache, type StoredInstallation, toInstallation } from './installation.ts';

/** How each kind that every mesh has is watched, by our label. */
const watchedChildren: readonly WatchedKind[] = [
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

export interface MeshCachesOptions {
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
	/** The status of a MeshInstallation is malformed, and counts as absent. */
	readonly onMalformed?: (object: KubeObject, problems: readonly Problem[]) => void;
	/** A Secret that some MeshInstallations depend on changed. */
	readonly onSecret?: (name: ObjectName, installations: readonly string[]) => void;
}

export class MeshCaches implements LiveNamespaces {
	readonly #installations: Reflector<StoredInstallation>;
	readonly #children: ChildCaches;
	/** The Secrets that MeshInstallations depend on and others make. */
	readonly secrets: NamedObjects<SecretFacts>;

	constructor(api: ApiServer, options: MeshCachesOptions) {
		const { onError, observe, onSecret = () => undefined, onMalformed = () => undefined } = options;
		const shared = { onError, ...(observe === undefined ? {} : { observe }) };
		this.#installations = new Reflector(api, {
			...shared,
			kind: kinds.MeshInstallation,
			transform: (object) => toInstallation(object, onMalformed),
		});
		this.#children = new ChildCaches(api, {
			...shared,
			watched: watchedChildren,
			onDemand: customKinds,
			indexes: { labelledFor },
		});
		this.secrets = new NamedObjects(api, {
			...shared,
			kind: kinds.Secret,
			transform: toSecretFacts,
			onChange: onSecret,
		});
	}

	/** The MeshInstallations, as the reconciler reads them. */
	readonly installations: InstallationCache = {
		get: (name) => this.#installations.store.get(objectKey({ ...kinds.MeshInstallation, name })),
		all: () => this.#installations.store.values(),
		expectWrite: (object) => this.#installations.expectWrite(objectKey(object)),
	};

	/** What the installations made, and what is watched beside it. */
	get children(): ChildCaches {
		return this.#children;
	}

	get(key: string): Child | undefined {
		return this.#children.get(key);
	}

	labelledFor(mesh: string): readonly Child[] {
		return this.#children.byIndex('labelledFor', mesh);
	}

	// Life

	onInstallation(handler: ChangeHandler<StoredInstallation>): void {
		this.#installations.addHandler(handler);
	}

	/** Returns how to end it. */
	onChild(handler: ChangeHandler<Child>): () => void {
		return this.#children.onChange(handler);
	}

	start(): void {
		this.#installations.start();
		this.#children.start();
	}

	stop(): void {
		this.#installations.stop();
		this.#children.stop();
		this.secrets.stop();
	}

	/** Resolves when everything has been listed once. */
	async synced(): Promise<void> {
		await Promise.all([this.#installations.synced, this.#children.synced()]);
	}

	get hasSynced(): boolean {
		return this.#installations.hasSynced && this.#children.hasSynced;
	}

	/** How long (milliseconds) the most outdated of the caches has been without a watch. Istio's own kinds may be away. */
	get staleForMs(): number {
		return Math.max(this.#installations.staleForMs, this.#children.staleForMs);
	}

	/** Lists everything anew: a net under what the watches might have missed. What differs comes to the handlers as changes. */
	relist(): void {
		this.#installations.relist();
		this.#children.relist();
		this.secrets.relist();
	}

	/** Number of children that are known. */
	get size(): number {
		return this.#children.size;
	}
}
