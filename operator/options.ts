/** The options of the process. */
import type { ClusterSettings } from './clusters/settings.ts';
import type { MeshLimits } from './mesh/prepare.ts';
import type { Logger } from './runtime/log/logger.ts';

/** Name of the lease, in the namespace of the operator. */
export const leaseName = 'meshwright';

export interface MeshOperatorOptions {
	/** Kubeconfig file. Default: `KUBECONFIG`, the Pod's ServiceAccount, `~/.kube/config`. */
	readonly kubeconfig?: string | undefined;
	/** Replaces the kubeconfig's current context. */
	readonly context?: string | undefined;
	/** Namespace of the lease. */
	readonly namespace: string;
	/** Whether to wait for the lease. Without it this process writes at once: for one replica only. */
	readonly leaderElect: boolean;
	readonly metricsAddress: ListenAddress | undefined;
	readonly healthAddress: ListenAddress | undefined;
	/** For `/healthz` on a port that nobody but the kubelet reaches. Default: none. */
	readonly livenessAddress?: ListenAddress | undefined;
	/** How many installations are worked on at a time. */
	readonly concurrency?: number | undefined;
	readonly resyncMs?: number | undefined;
	/** What is told of users' proxies stays as it is for this time, whatever pods do. Default 30 s. */
	readonly proxiesQuietMs?: number | undefined;
	/** After this time every Pilot follows a changed mesh configuration. Default 150 s. */
	readonly configFollowedAfterMs?: number | undefined;
	/**
	 * Wall clock, milliseconds since 1970, by which certificates are renewed and conditions are dated. Default `Date.now`.
	 */
	readonly wallClock?: (() => number) | undefined;
	/** Monotonic clock, milliseconds, by which it is measured how long a stage makes no progress. Default `performance.now`. */
	readonly monotonicClock?: (() => number) | undefined;
	/** What joined clusters are allowed. Default: nothing beyond what is safe everywhere. */
	readonly clusters?: ClusterSettings | undefined;
	/** Version of this operator. Default: that of the package. */
	readonly version?: string | undefined;
	/** What meshes are allowed. The operator's own namespace is closed to them in any case. */
	readonly limits?: Omit<MeshLimits, 'operatorNamespace'> | undefined;
	readonly log: Logger;
	/** Called when the lease is lost, or something else happened after which this process must not go on. */
	readonly onFatal: (reason: string) => void;
}

/** Where to listen. Without a host: on all addresses. */
export interface ListenAddress {
	readonly host?: string | undefined;
	readonly port: number;
}
