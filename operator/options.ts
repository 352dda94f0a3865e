/** What the process is told when it begins. */
import type { ClusterSettings } from './clusters/settings.ts';
import type { Logger } from './runtime/log/logger.ts';

export interface MeshOperatorOptions {
	/** Kubeconfig file. Default: `KUBECONFIG`, the Pod's ServiceAccount, `~/.kube/config`. */
	readonly kubeconfig?: string | undefined;
	/** Instead of the kubeconfig's current context. */
	readonly context?: string | undefined;
	/** Namespace of the lease. */
	readonly namespace: string;
	/** Without it this process writes at once: for one replica only. */
	readonly leaderElect: boolean;
	readonly metricsAddress: ListenAddress | undefined;
	readonly healthAddress: ListenAddress | undefined;
	/** Installations that are worked on at a time. */
	readonly concurrency?: number | undefined;
	readonly resyncMs?: number | undefined;
	/** After how many milliseconds every Pilot follows a changed mesh configuration. 150 s when not set. */
	readonly configFollowedAfterMs?: number | undefined;
	/** Milliseconds since 1970, by which certificates are renewed and conditions are dated. Default `Date.now`. */
	readonly wallClock?: (() => number) | undefined;
	/** What joined clusters may be. Nothing beyond what is safe everywhere when not set. */
	readonly clusters?: ClusterSettings | undefined;
	readonly log: Logger;
	/** The lease is lost, or something else happened after which this process must not go on. */
	readonly onFatal: (reason: string) => void;
}

/** Where to listen; without a host on all addresses. */
export interface ListenAddress {
	readonly host?: string | undefined;
	readonly port: number;
}
