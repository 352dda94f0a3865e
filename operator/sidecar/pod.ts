/** Pods before and after injection. Only the fields that injection reads have a type; it keeps the others as they are. */
/** One of Kubernetes' own objects, of which injection reads a few fields. */
type Fields = Readonly<Record<string, unknown>>;

export interface PodMetadata extends Fields {
	readonly name?: string;
	readonly generateName?: string;
	readonly namespace?: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly annotations?: Readonly<Record<string, string>>;
}

export interface PodContainer extends Fields {
	readonly name: string;
	readonly ports?: readonly PodPort[];
	readonly volumeMounts?: readonly Fields[];
}

export interface PodPort extends Fields {
	readonly name?: string;
	readonly containerPort: number;
	readonly protocol?: string;
}

/** An entry of a list that Kubernetes keys by name. */
export interface Named extends Fields {
	readonly name?: string;
}

export interface PodSpec extends Fields {
	readonly hostNetwork?: boolean;
	readonly serviceAccountName?: string;
	readonly securityContext?: Fields;
	readonly initContainers?: readonly PodContainer[];
	readonly containers?: readonly PodContainer[];
	readonly volumes?: readonly Named[];
	readonly imagePullSecrets?: readonly Named[];
}

/** A pod, or the template of a workload: `spec.template` of a Deployment, `spec.jobTemplate.spec.template` of a CronJob. */
export interface Pod {
	readonly metadata: PodMetadata;
	readonly spec: PodSpec;
}

/** What is known about a pod besides its template. The proxy takes its name from it. */
export interface InjectionContext {
	/** The pod's namespace, for templates that name none. */
	readonly namespace?: string;
	/** Name of the object that the user wrote: the Deployment, the StatefulSet, the CronJob. Default: the pod's own name. */
	readonly ownerName?: string;
	/** Type of the object that the user wrote: `{apiVersion: 'apps/v1', kind: 'Deployment'}`. Default: Pod. */
	readonly typeMeta?: { readonly apiVersion: string; readonly kind: string };
}

/** Something in a pod that keeps it from being injected, or cleaned. */
export interface PodProblem {
	/** Where: `metadata.annotations[status.sidecar.istio.io/port]`. */
	readonly path: string;
	/** A sentence without its full stop. */
	readonly message: string;
	/** What to do, in the imperative. */
	readonly remedy: string;
}

/** What has no effect in a pod. Each begins with its path in the pod, and is a sentence without its full stop. */
interface Warned {
	readonly warnings?: readonly string[];
}

export type Injection =
	| ({ readonly kind: 'injected' } & Pod & Warned)
	/** The pod gets no proxy. `reason` is a sentence without its full stop. */
	| ({ readonly kind: 'skipped'; readonly reason: string } & Warned)
	/** The webhook would refuse the pod, or something of the pod's own would be lost. */
	| { readonly kind: 'refused'; readonly problems: readonly PodProblem[] };

export type Uninjection =
	| ({ readonly kind: 'uninjected' } & Pod)
	/** Nothing was injected. */
	| { readonly kind: 'skipped'; readonly reason: string }
	/** Nobody knows what in the pod was injected. */
	| { readonly kind: 'refused'; readonly problems: readonly PodProblem[] };
