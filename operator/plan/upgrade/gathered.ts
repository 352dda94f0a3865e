/** What was seen of a cluster for the checks before a change of version. It says of each thing whether it was looked at. */
import type { KubeObject } from '../../runtime/object.ts';
import type { CertificateAuthorityObservation } from '../../status/certificate-authority.ts';
import type { FindingTally } from './tally.ts';

export type Looked<T> =
	| { readonly isKnown: true; readonly value: T }
	/** `why` is a clause: `the right to list nodes is missing`. */
	| { readonly isKnown: false; readonly why: string };

export function known<T>(value: T): Looked<T> {
	return { isKnown: true, value };
}

export function unknown(why: string): { readonly isKnown: false; readonly why: string } {
	return { isKnown: false, why };
}

/** CPU in cores, memory in bytes. */
export interface Amounts {
	readonly cpu: number;
	readonly memory: number;
	readonly pods: number;
}

export interface SeenNode {
	readonly name: string;
	readonly labels: Readonly<Record<string, string>>;
	readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
	readonly isSchedulable: boolean;
	readonly allocatable: Amounts;
}

/** Proxies of one version in users' pods. */
export interface SeenProxies {
	/** `1.3.8`. Undefined when the image does not tell. */
	readonly version: string | undefined;
	readonly count: number;
	/** Who has one: the pod `shop/web-5d4`, or `those of Deployment shop/web`. */
	readonly example: string;
}

export interface SeenPods {
	/** What the pods on each node ask for, by the name of the node. */
	readonly used: ReadonlyMap<string, Amounts>;
	/** Undefined where they are in another cluster, which Pilot serves from outside. */
	readonly proxies: readonly SeenProxies[] | undefined;
}

/** A webhook of somebody else behind which nobody answers. */
export interface SeenWebhook {
	/** `ValidatingWebhookConfiguration istio-galley, webhook pilot.validation.istio.io` */
	readonly title: string;
	/** `Service istio-system/istio-galley does not exist` */
	readonly trouble: string;
	/** What it must be asked about: `new pods in namespace istio-system`. */
	readonly about: string;
}

/** A joined cluster, by what the operator last saw. */
export interface SeenCluster {
	readonly name: string;
	readonly role: string;
	/** Why it does not answer. Undefined when it does. */
	readonly trouble: string | undefined;
	/** Why the new version can't run there. Undefined when it can, or when nobody knows. */
	readonly refusal: string | undefined;
	/** Its proxies. Undefined when nobody has listed them. */
	readonly proxies: readonly SeenProxies[] | undefined;
}

export interface Gathered {
	/** What the hop does to users' objects. Kinds that could not be listed are in `objectGaps`. */
	readonly objects: Looked<FindingTally>;
	/** What of the objects was not looked at, each with its reason. */
	readonly objectGaps: readonly { readonly what: string; readonly why: string }[];
	readonly definitions: Looked<readonly KubeObject[]>;
	readonly authority: Looked<CertificateAuthorityObservation | 'none'>;
	readonly nodes: Looked<readonly SeenNode[]>;
	readonly pods: Looked<SeenPods>;
	readonly quotas: Looked<readonly KubeObject[]>;
	readonly limitRanges: Looked<readonly KubeObject[]>;
	readonly webhooks: Looked<readonly SeenWebhook[]>;
	readonly clusters: Looked<readonly SeenCluster[]>;
}

/** Nothing was looked at, for one reason. */
export function nothingGathered(why: string): Gathered {
	const not = unknown(why);
	return {
		objects: not,
		objectGaps: [],
		definitions: not,
		authority: not,
		nodes: not,
		pods: not,
		quotas: not,
		limitRanges: not,
		webhooks: not,
		clusters: not,
	};
}
