/** What is seen of a joined cluster: a pass over the cluster reports it, and the status is made of it. */
import type { ClusterReason } from './cluster-reasons.ts';

/** A problem of a joined cluster. It has one shape, whatever found it. */
export interface ClusterProblem {
	readonly reason: ClusterReason;
	/**
	 * What is wrong and what to do, naming the field or object. It repeats nothing of a kubeconfig but the host of a server.
	 */
	readonly message: string;
}

/** What is known about a cluster after a pass. Undefined fields were not looked at, and keep what was said before. */
export interface ClusterObservation {
	readonly name: string;
	readonly role: 'Remote' | 'Primary';
	readonly state: 'Joining' | 'Joined' | 'Leaving';
	readonly reachable: 'unknown' | 'yes' | 'no';
	/** Why it is not reached. */
	readonly reachProblem?: ClusterProblem;
	/** RFC 3339. Only while it is not reached. */
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
	/** What the checks found. Undefined when they were not made. */
	readonly problems?: readonly ClusterProblem[];
	/** `namespace/name` of the published Secret. */
	readonly secret?: string;
	/** RFC 3339. When the authority ends that the operator has issued to the cluster. */
	readonly authorityExpires?: string;
	/** Why the Secret is not published, or not as it should be. */
	readonly joinProblem?: ClusterProblem;
	/** What joining or leaving waits for, in a sentence. */
	readonly waiting?: string;
	readonly credentials?: { readonly expire: string; readonly state: 'valid' | 'late' | 'expired' };
	readonly inventory?: { readonly objects: number; readonly hash: string };
	/** The release of Istio as which all objects there were written last. */
	readonly version?: string;
	/** Only with a data plane. */
	readonly dataPlane?: {
		readonly problem?: ClusterProblem;
		/** What is waited for, in a sentence. */
		readonly waiting?: string;
		/** Why that does not come, where it is known. */
		readonly cause?: ClusterReason;
		readonly note?: string;
		/** Webhooks of others there that keep pods from being made. Undefined while they are not known. */
		readonly webhooks?: {
			/** A sentence about each. */
			readonly dead: readonly string[];
			/** Resources that may not be read there: `validatingwebhookconfigurations.admissionregistration.k8s.io`. */
			readonly unseen: readonly string[];
		};
	};
}
