/** What is seen of a joined cluster: what a pass over it tells, and the status is made of. */
import type { ClusterReason } from './cluster-reasons.ts';

/** What is wrong with a joined cluster, in one shape, whatever found it. */
export interface ClusterProblem {
	readonly reason: ClusterReason;
	/** What is wrong and what to do, naming the field or object; never anything out of a kubeconfig but the host of a server. */
	readonly message: string;
}

/** What is known of a cluster after a pass. What is undefined was not looked at, and stays as it was said before. */
export interface ClusterObservation {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly state: 'Joining' | 'Joined' | 'Leaving';
	readonly reachable: 'unknown' | 'yes' | 'no';
	/** Why it is not reached. */
	readonly reachProblem?: ClusterProblem;
	/** RFC 3339; only while it is not reached. */
	readonly lastSuccess?: string;
	readonly latency?: string;
	/** UID of `kube-system`. */
	readonly id?: string;
	readonly serverVersion?: string;
	readonly network?: string;
	readonly podCIDRs?: readonly string[];
	readonly serviceCIDRs?: readonly string[];
	readonly services?: number;
	readonly endpoints?: number;
	readonly gateways?: readonly string[];
	/** What the checks found; undefined where they were not made. */
	readonly problems?: readonly ClusterProblem[];
	/** `namespace/name` of the published Secret. */
	readonly secret?: string;
	/** Why it is not published, or not as it should be. */
	readonly joinProblem?: ClusterProblem;
	/** What joining or leaving waits for, in a sentence. */
	readonly waiting?: string;
	readonly credentials?: { readonly expire: string; readonly state: 'valid' | 'late' | 'expired' };
	readonly inventory?: { readonly objects: number; readonly hash: string };
	/** Only with a data plane. */
	readonly dataPlane?: { readonly problem?: ClusterProblem; readonly waiting?: string; readonly note?: string };
}
