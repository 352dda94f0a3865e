/** An open connection to a joined cluster: its client, what is watched there, and what was applied through it. */
import { emptyMemory, type InstallationMemory } from '../../apply/applier.ts';
import type { CrdMemory } from '../../apply/apply-crds.ts';
import type { Child } from '../../apply/child.ts';
import { ChildCaches, type WatchedKind } from '../../apply/child-caches.ts';
import { managedSelector, partOfLabel } from '../../apply/identity.ts';
import { type LiveNamespaces, labelledFor } from '../../apply/injection-labels.ts';
import { RepairLimit } from '../../apply/repair-limit.ts';
import { Writer, type WriterOptions } from '../../apply/writer.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { withinDeadline } from '../../runtime/deadline.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { ChangeHandler } from '../../runtime/watch/reflector.ts';
import type { ClusterAccess } from '../kubeconfig/kubeconfig.ts';
import { ClusterFailure } from './failure.ts';

/** What the operator keeps in a cluster beside the account by which Pilot reads it. */
export interface KeptThere {
	readonly dataPlane: boolean;
	/** Secrets by which the control plane there reads other clusters. */
	readonly secrets: boolean;
}

/** Everywhere: the account by which Pilot reads the cluster. */
const readerKinds: readonly WatchedKind[] = [
	{ kind: kinds.ServiceAccount, metadataOnly: true },
	{ kind: kinds.ClusterRole, metadataOnly: true },
	{ kind: kinds.ClusterRoleBinding, metadataOnly: true },
];

/** Kinds of a data plane alone. */
const dataPlaneKinds: readonly WatchedKind[] = [
	{ kind: kinds.ConfigMap, metadataOnly: true },
	{ kind: kinds.Secret, metadataOnly: true },
	{ kind: kinds.Role, metadataOnly: true },
	{ kind: kinds.RoleBinding, metadataOnly: true },
	{ kind: kinds.HorizontalPodAutoscaler, metadataOnly: true },
	{ kind: kinds.PodDisruptionBudget, metadataOnly: true },
	{ kind: kinds.MutatingWebhookConfiguration, metadataOnly: true },
	{ kind: kinds.Endpoints, metadataOnly: true },
	{ kind: kinds.Service, metadataOnly: false },
	{ kind: kinds.Deployment, metadataOnly: false },
];

/**
 * What is watched in a cluster: of each kind only what this operator made there. With a data plane all namespaces, since
 * those of `sidecarInjector.namespaces` are labelled.
 */
export function watchedThere(namespace: string, { dataPlane, secrets }: KeptThere): readonly WatchedKind[] {
	const namespaces: WatchedKind = { kind: kinds.Namespace, metadataOnly: true };
	return [
		...readerKinds,
		...(dataPlane ? [{ ...namespaces, isAll: true }, ...dataPlaneKinds] : [{ ...namespaces, only: namespace }]),
		...(secrets && !dataPlane ? [{ kind: kinds.Secret, metadataOnly: true }] : []),
	].map((watched) => ({
		...watched,
		...(watched.kind.namespaced ? { namespace } : {}),
		// Those of the operator there too: whoever keeps a Secret about a cluster, there is only one.
		...(secrets && watched.kind === kinds.Secret ? { labelSelector: managedSelector } : {}),
	}));
}

export interface ConnectionOptions {
	readonly access: ClusterAccess;
	readonly api: ApiServer;
	/** Namespace of the mesh. */
	readonly namespace: string;
	/** ApplySet of what is kept there. */
	readonly partOf: string;
	readonly kept: KeptThere;
	readonly onChange: ChangeHandler<Child>;
	/** Something else that the cluster's pass depends on has changed there. */
	readonly wake: (reason: string) => void;
	readonly onError: (error: unknown) => void;
	readonly now: () => number;
}

/** The pass that goes on with it was overtaken. */
const closed = new ClusterFailure({ reason: 'RemoteApplyFailed', message: 'the connection was closed' }, false);

/** How long a pass waits for the first lists, milliseconds. */
const syncDeadlineMs = 15_000;

export class ClusterConnection {
	readonly access: ClusterAccess;
	readonly api: ApiServer;
	readonly live: ChildCaches;
	readonly kept: KeptThere;
	/** ApplySet of what is kept there. */
	readonly partOf: string;
	/** Brings a pass over the cluster. */
	readonly wake: (reason: string) => void;
	/** What else lives as long as the connection. */
	readonly #endings: (() => void)[] = [];
	readonly memory: InstallationMemory = emptyMemory();
	readonly #crdMemory: CrdMemory = { applied: new Map(), foreign: new Map() };
	readonly #repairLimit = new RepairLimit();
	readonly #now: () => number;
	#isStarted = false;
	#isClosed = false;

	constructor(options: ConnectionOptions) {
		const { access, api, namespace, partOf, kept, onChange, wake, onError, now } = options;
		this.access = access;
		this.api = api;
		this.kept = kept;
		this.partOf = partOf;
		this.wake = wake;
		this.#now = now;
		this.live = new ChildCaches(api, {
			watched: watchedThere(namespace, kept),
			labelSelector: `${partOfLabel}=${partOf}`,
			indexes: { labelledFor },
			onError,
		});
		this.live.onChange(onChange);
	}

	/** Begins to watch; resolves when everything is listed. Rejects with ClusterFailure when that takes too long, or it was closed. */
	async synced(signal: AbortSignal): Promise<void> {
		if (this.#isClosed) throw closed;
		if (!this.#isStarted) {
			this.#isStarted = true;
			this.live.start();
		}
		if (this.live.hasSynced) return;
		await withinDeadline(this.live.synced(), {
			ms: syncDeadlineMs,
			late: () =>
				new ClusterFailure(
					{
						reason: 'RemoteApplyFailed',
						message: `what is kept in the cluster was not listed within ${syncDeadlineMs / 1_000} s`,
					},
					false,
				),
			signal,
		});
	}

	/** What applying needs. */
	applier(hooks: WriterOptions['hooks']): WriterOptions & { readonly crdMemory: CrdMemory } {
		return {
			api: this.api,
			live: this.live,
			crdMemory: this.#crdMemory,
			repairLimit: this.#repairLimit,
			now: this.#now,
			...(hooks === undefined ? {} : { hooks }),
		};
	}

	writer(hooks: WriterOptions['hooks'], signal: AbortSignal): Writer {
		return new Writer(this.applier(hooks), signal);
	}

	/** Lists everything anew, where it was listed before. */
	relist(): void {
		if (this.#isStarted) this.live.relist();
	}

	/** Something that ends with the connection; at once where that has ended. */
	endsWith(end: () => void): void {
		if (this.#isClosed) end();
		else this.#endings.push(end);
	}

	/** Namespaces there; only with a data plane. */
	get namespaces(): LiveNamespaces {
		return {
			get: (key) => this.live.get(key),
			labelledFor: (mesh) => this.live.byIndex('labelledFor', mesh),
		};
	}

	/** Ends watches and connections; what is in flight fails. */
	async close(): Promise<void> {
		this.#isClosed = true;
		for (const end of this.#endings.splice(0)) end();
		this.live.stop();
		await this.api.close();
	}
}
