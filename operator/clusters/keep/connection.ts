/** An open connection to a joined cluster: its client, the watches there, and what was applied through it. */

import type { CrdMemory } from '../../apply/apply-crds.ts';
import type { Child } from '../../apply/child.ts';
import { ChildCaches } from '../../apply/child-caches.ts';
import { managedSelector, partOfLabel } from '../../apply/identity.ts';
import { type LiveNamespaces, labelledFor } from '../../apply/injection-labels.ts';
import { emptyMemory, type InstallationMemory } from '../../apply/installation-memory.ts';
import { PodWatch } from '../../apply/pod-watch.ts';
import { RepairLimit } from '../../apply/repair-limit.ts';
import type { WatchedKind } from '../../apply/watched-kinds.ts';
import { Writer, type WriterOptions } from '../../apply/writer.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { withinDeadline } from '../../runtime/deadline.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { ChangeHandler } from '../../runtime/watch/change-handlers.ts';
import type { ClusterAccess } from '../kubeconfig/kubeconfig.ts';
import { ClusterFailure } from './failure.ts';

/** What the operator keeps in a cluster, besides the account by which Pilot reads it. */
export interface KeptThere {
	readonly dataPlane: boolean;
	/** Secrets by which the control plane there reads other clusters. */
	readonly secrets: boolean;
}

/** Kinds in every cluster, for the account by which Pilot reads it. */
const readerKinds: readonly WatchedKind[] = [
	{ kind: kinds.ServiceAccount, metadataOnly: true },
	{ kind: kinds.ClusterRole, metadataOnly: true },
	{ kind: kinds.ClusterRoleBinding, metadataOnly: true },
];

/** Further kinds of a data plane. */
const dataPlaneKinds: readonly WatchedKind[] = [
	{ kind: kinds.ConfigMap, metadataOnly: true },
	{ kind: kinds.Secret, metadataOnly: true },
	{ kind: kinds.Role, metadataOnly: true },
	{ kind: kinds.RoleBinding, metadataOnly: true },
	{ kind: kinds.HorizontalPodAutoscaler, metadataOnly: true },
	{ kind: kinds.PodDisruptionBudget, metadataOnly: true },
	{ kind: kinds.MutatingWebhookConfiguration, metadataOnly: true },
	{ kind: kinds.Endpoints, metadataOnly: true },
	{ kind: kinds.EndpointSlice, metadataOnly: true },
	{ kind: kinds.Service, metadataOnly: false },
	{ kind: kinds.Deployment, metadataOnly: false },
];

/**
 * The watches in a cluster: of each kind only what this operator made there. With a data plane it watches all namespaces,
 * because those of `sidecarInjector.namespaces` are labelled.
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
		// Includes the Secrets of the operator there: there is only one Secret about a cluster, whoever keeps it.
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
	/** Called when something else there has changed that the cluster's pass depends on. */
	readonly wake: (reason: string) => void;
	readonly onError: (error: unknown) => void;
	readonly now: () => number;
}

/** Ends a pass whose connection was replaced. */
const closed = new ClusterFailure({ reason: 'RemoteApplyFailed', message: 'the connection was closed' }, false);

/** A pass waits this long for the first lists. */
const syncDeadlineMs = 15_000;

export class ClusterConnection {
	readonly access: ClusterAccess;
	readonly api: ApiServer;
	readonly live: ChildCaches;
	readonly kept: KeptThere;
	/** ApplySet of what is kept there. */
	readonly partOf: string;
	/** Asks for a pass over the cluster. */
	readonly wake: (reason: string) => void;
	/** Tells that something there could not be watched. It is tried again. */
	readonly onError: (error: unknown) => void;
	/** Functions to call at the end of the connection. */
	readonly #endings: (() => void)[] = [];
	readonly memory: InstallationMemory = emptyMemory();
	/** Looks at the pods of the data plane while they do not run. */
	readonly pods: PodWatch;
	readonly #crdMemory: CrdMemory = { applied: new Map(), newer: new Set(), foreign: new Map() };
	readonly #repairLimit = new RepairLimit();
	readonly #now: () => number;
	#isStarted = false;
	readonly #closed = new AbortController();

	constructor(options: ConnectionOptions) {
		const { access, api, namespace, partOf, kept, onChange, wake, onError, now } = options;
		this.access = access;
		this.api = api;
		this.kept = kept;
		this.partOf = partOf;
		this.wake = wake;
		this.onError = onError;
		this.#now = now;
		this.live = new ChildCaches(api, {
			watched: watchedThere(namespace, kept),
			labelSelector: `${partOfLabel}=${partOf}`,
			indexes: { labelledFor },
			onError,
		});
		this.live.onChange(onChange);
		this.pods = new PodWatch({ api, onChange: () => wake('why its pods do not run'), onError });
	}

	/**
	 * Begins to watch, and resolves when everything is listed. Rejects with ClusterFailure when that takes too long, and as
	 * soon as the connection is closed.
	 */
	async synced(signal: AbortSignal): Promise<void> {
		this.#closed.signal.throwIfAborted();
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
			signal: AbortSignal.any([signal, this.#closed.signal]),
		});
	}

	/** The options for applying objects there. */
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

	/** Lists everything anew that has been listed before. */
	relist(): void {
		if (this.#isStarted) this.live.relist();
	}

	/** Calls `end` when the connection ends, or at once when it has ended. */
	endsWith(end: () => void): void {
		if (this.#closed.signal.aborted) end();
		else this.#endings.push(end);
	}

	/** The namespaces there. Only with a data plane. */
	get namespaces(): LiveNamespaces {
		return {
			get: (key) => this.live.get(key),
			labelledFor: (mesh) => this.live.byIndex('labelledFor', mesh),
		};
	}

	/** Ends watches and connections. Requests in flight fail. */
	async close(): Promise<void> {
		this.#closed.abort(closed);
		for (const end of this.#endings.splice(0)) end();
		this.pods.stop();
		this.live.stop();
		await this.api.close();
	}
}
