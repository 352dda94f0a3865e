/**
 * The caches of the operator's own cluster: the MeshInstallations, kept whole, their children, and the Secrets that they
 * depend on and others make. Secrets are watched in the namespaces of meshes alone, by passes that have found out that they
 * may: what an operator need not see it can't give away.
 */
import { namespaceOf, type Problem } from '../../api/v1/index.ts';
import type { Child } from '../apply/child.ts';
import { ChildCaches, waitForList } from '../apply/child-caches.ts';
import { managedSelector } from '../apply/identity.ts';
import { type LiveNamespaces, labelledFor } from '../apply/injection-labels.ts';
import type { WatchedKind } from '../apply/watched-kinds.ts';
import { type SecretFacts, toSecretFacts } from '../plan/secret-facts.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';
import type { ObjectName } from '../runtime/object.ts';
import { groupOf, type KubeObject, objectKey } from '../runtime/object.ts';
import { type AskAtStart, askOnce, type Wait } from '../runtime/start-waits.ts';
import type { ChangeHandler } from '../runtime/watch/change-handlers.ts';
import { NamedObjects } from '../runtime/watch/named-objects.ts';
import { Reflector, type ReflectorHappening } from '../runtime/watch/reflector.ts';
import { type InstallationCache, type StoredInstallation, toInstallation } from './installation.ts';

/** The kinds that every mesh has, watched by our label. */
const watchedChildren: readonly WatchedKind[] = [
	// All namespaces, whoever made them: an existing one is used as it is, and nothing is written into one that is being
	// deleted.
	{ kind: kinds.Namespace, metadataOnly: true, isAll: true },
	// There are few enough of these to cache all. So the caches alone tell that a name is free.
	{ kind: kinds.ClusterRole, metadataOnly: true, isAll: true },
	{ kind: kinds.ClusterRoleBinding, metadataOnly: true, isAll: true },
	{ kind: kinds.MutatingWebhookConfiguration, metadataOnly: true, isAll: true },
	{ kind: kinds.ServiceAccount, metadataOnly: true },
	{ kind: kinds.Role, metadataOnly: true },
	{ kind: kinds.RoleBinding, metadataOnly: true },
	{ kind: kinds.ConfigMap, metadataOnly: true },
	{ kind: kinds.HorizontalPodAutoscaler, metadataOnly: true },
	{ kind: kinds.PodDisruptionBudget, metadataOnly: true },
	// Whole objects, because the status has the addresses of gateways.
	{ kind: kinds.Service, metadataOnly: false },
	// Whole objects, because the status says whether the component runs, and whether the CRD may be used.
	{ kind: kinds.Deployment, metadataOnly: false },
	// Shared, so no member of any set.
	{ kind: kinds.CustomResourceDefinition, metadataOnly: false, labelSelector: managedSelector },
];

/**
 * Each of these is watched once a mesh has objects of it, so that a mesh of Pilot alone does not pay for Mixer's kinds:
 * Istio's own kinds, which exist only when their CRDs do, and what only some lines of releases have.
 */
const kindsOnDemand: readonly Kind[] = [
	...Object.values(kinds).filter(({ apiVersion }) => groupOf(apiVersion).endsWith('.istio.io')),
	kinds.ValidatingWebhookConfiguration,
	kinds.DaemonSet,
	kinds.ResourceQuota,
];

export interface MeshCachesOptions {
	readonly onError: (error: unknown) => void;
	readonly observe?: (happening: ReflectorHappening) => void;
	/** Called when the status of a MeshInstallation is malformed. It then counts as absent. */
	readonly onMalformed?: (object: KubeObject, problems: readonly Problem[]) => void;
	/** Called when a Secret changed that some MeshInstallations depend on. */
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
			onDemand: kindsOnDemand,
			perNamespace: { kind: kinds.Secret, metadataOnly: true },
			indexes: { labelledFor },
		});
		// In namespaces that no mesh has any more there is nothing to see, and perhaps no right to see it.
		this.#installations.addHandler(({ type, initial }) => {
			if (type !== 'deleted' || initial) return;
			this.#children.keepNamespaces(new Set([...this.installations.all()].map(namespaceOf)));
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

	/** The objects that the installations made, and what is watched beside them. */
	get children(): ChildCaches {
		return this.#children;
	}

	get(key: string): Child | undefined {
		return this.#children.get(key);
	}

	/** The labels of all namespaces. */
	*labels(): Iterable<Readonly<Record<string, string>>> {
		for (const { injection } of this.#children.ofKind(kinds.Namespace)) yield injection?.labels ?? {};
	}

	labelledFor(mesh: string): readonly Child[] {
		return this.#children.byIndex('labelledFor', mesh);
	}

	// Life

	/** Returns a function that removes the handler. */
	onInstallation(handler: ChangeHandler<StoredInstallation>): () => void {
		return this.#installations.addHandler(handler);
	}

	/** Returns a function that removes the handler. */
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

	/** Resolves when everything has been listed once. As `ChildCaches.synced`. */
	async synced(ask: AskAtStart = askOnce): Promise<void> {
		await Promise.all([this.#installations.synced, this.#children.synced(ask)]);
	}

	/** The lists that have not come yet. */
	get missing(): readonly Wait[] {
		const own = this.#installations.hasSynced ? [] : [waitForList(this.#installations)];
		return [...own, ...this.#children.missing];
	}

	/**
	 * How long the most outdated of the caches has been without a watch. Istio's own kinds are left out, since they may not
	 * exist.
	 */
	get staleForMs(): number {
		return Math.max(this.#installations.staleForMs, this.#children.staleForMs);
	}

	/** Lists everything anew, to catch what the watches might have missed. Handlers get the differences as changes. */
	relist(): void {
		this.#installations.relist();
		this.#children.relist();
		this.secrets.relist();
	}

	/** Number of cached children. */
	get size(): number {
		return this.#children.size;
	}
}
