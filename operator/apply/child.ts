/**
 * What the caches keep of a child: enough to see drift, ownership and readiness, in a few hundred bytes instead of
 * kilobytes.
 */

import {
	clusterAnnotationPrefix,
	clusterLabel,
	controlPlaneClustersAnnotation,
	injectionLabel,
	multiClusterLabel,
	redirectedByLabel,
	remoteSecretsAnnotation,
	remoteSecretsSinceAnnotation,
	revisionLabel,
	withdrawnLabel,
} from '../../api/v1/constants.ts';
import { definedFields } from '../../api/v1/index.ts';
import { isWorkload, kinds } from '../runtime/kinds.ts';
import type { KubeObject, ManagedFieldsEntry } from '../runtime/object.ts';
import { fingerprint, lastForeignManager } from './fingerprint.ts';
import {
	chargeFieldManager,
	componentLabel,
	crdVersionAnnotation,
	fieldManager,
	injectionFieldManager,
	instanceLabel,
	instanceOf,
	meshLabel,
	partOfLabel,
	versionLabel,
} from './identity.ts';
import { awaitsAuthority } from './webhook-authority.ts';

/** A cached child. Frozen; `metadata` has only the fields that stores and keys need. */
export interface Child extends KubeObject {
	/** Hash of the fields that we own, `undefined` when we own none. */
	readonly fingerprint: string | undefined;
	/** The name of the MeshInstallation, see `instanceOf`. */
	readonly instance: string | undefined;
	/** Label `app.kubernetes.io/component`. */
	readonly component: string | undefined;
	/** Label `istio.io/rev`: the control plane that it belongs to, when an installation has several. */
	readonly revision: string | undefined;
	/** Label `meshwright.io/withdrawn`; only of webhooks that ask about nothing for the time being. */
	readonly isWithdrawn?: true;
	/** API servers can't check who answers; only of webhooks. See `webhook-authority.ts`. */
	readonly awaitsAuthority?: true;
	/** Label `meshwright.io/redirected-by` is `cni`; only of the configuration of an injector. */
	readonly isByCni?: true;
	/** ApplySet that the object belongs to. */
	readonly partOf: string | undefined;
	/** The field manager, other than ours, that wrote last. */
	readonly changedBy: string | undefined;
	/** How far a workload is; only of Deployments and DaemonSets. */
	readonly workload?: Workload;
	/** What a CRD says about itself; only of CustomResourceDefinitions. */
	readonly crd?: CrdFacts;
	/** Where a Service is reached from outside; only of Services. */
	readonly service?: ServiceFacts;
	/** Whether pods of a namespace get proxies; only of Namespaces. */
	readonly injection?: InjectionLabels;
	/** Which control planes of other clusters are in charge; only of Namespaces that say so. */
	readonly charge?: ChargeFacts;
	/** What a Secret that stands for a joined cluster says about it; only of those. */
	readonly clusterRecord?: ClusterRecordFacts;
}

/** The part of the Secret of a joined cluster that is read from its metadata. */
export interface ClusterRecordFacts {
	/** Label `meshwright.io/cluster`. */
	readonly cluster: string;
	/** Whether it has the label by which Pilot finds it. */
	readonly isPublished: boolean;
	/** Keys of its data that somebody else put there: Pilot reads each as a cluster. */
	readonly foreignKeys: readonly string[];
	/** The annotations that begin with `clusterAnnotationPrefix`, without it. */
	readonly facts: Readonly<Record<string, string>>;
}

/** The part of a Service that status reads, as the API server gave it. */
export interface ServiceFacts {
	readonly spec: { readonly type: unknown };
	readonly status: { readonly loadBalancer: unknown };
}

/** The labels by which webhooks choose namespaces. */
export interface InjectionLabels {
	/** The labels by which webhooks of some line switch injection on, where they are set: `{"istio-injection": "enabled"}`. */
	readonly switches: Readonly<Record<string, string>>;
	/** All of its labels. */
	readonly labels: Readonly<Record<string, string>>;
	/** Label `meshwright.io/mesh`: the MeshInstallation whose injector serves the namespace. */
	readonly mesh: string | undefined;
	/** The field managers by which operators have put the labels there, sorted; see `injection-labels.ts`. */
	readonly keepers: readonly string[];
}

/** Which control planes are in charge of a cluster that has none of its own. */
export interface ChargeFacts {
	/** The annotation on the namespace of the mesh: names of clusters, with commas between them. */
	readonly clusters: string | undefined;
	/** The field managers by which operators have put it there, see `charge.ts`. */
	readonly keepers: readonly string[];
}

/** The part of a Deployment, or of a DaemonSet, that status and scaling read. */
export interface Workload {
	readonly generation: number;
	readonly observedGeneration: number;
	/** `spec.replicas`, as the server has it; of a DaemonSet the number of nodes that are to run a pod. */
	readonly desired: number;
	readonly total: number;
	readonly updated: number;
	readonly ready: number;
	readonly available: number;
	/** Reason of condition `Progressing` when it is False (`ProgressDeadlineExceeded`), else undefined. */
	readonly stalled: string | undefined;
	/** Why the cluster makes no more pods, in the API server's own words: a quota, a policy. Undefined while it makes them. */
	readonly podsRefused: string | undefined;
	/**
	 * The roll-out of the pod template was complete once. So pods that are missing now are a failure, not a beginning. A DaemonSet
	 * tells of this moment alone.
	 */
	readonly isRolledOut: boolean;
	/** Label `app.kubernetes.io/version`: the release that it was rendered for. */
	readonly version: string | undefined;
	readonly images: readonly string[];
	/** Names of the Secrets that its pods mount. */
	readonly secrets: readonly string[];
	/** Names of the ConfigMaps that its pods mount. */
	readonly configMaps: readonly string[];
	/** Whether `spec.replicas` is among the fields that we own. */
	readonly ownsReplicas: boolean;
	/** Annotation `meshwright.io/remote-secrets-hash` of its pod template. */
	readonly remoteSecrets: string | undefined;
	/** Its annotation `meshwright.io/remote-secrets-since`. */
	readonly remoteSecretsSince: string | undefined;
	/** Whether anybody has set the number of pods. If not, it is the API server's default of one. */
	readonly isReplicasSaid: boolean;
}

/** The part of a CustomResourceDefinition that decides whether it may be used or written. */
export interface CrdFacts {
	readonly established: boolean;
	/** All of `spec.versions`, served or not. */
	readonly versions: readonly string[];
	readonly servedVersions: readonly string[];
	/** The Istio release whose definition is stored, by our annotation. Undefined when the CRD is not ours. */
	readonly release: string | undefined;
}

/** Whether all pods follow the current template, available or not. */
export function hasNewPodsOnly(workload: Workload): boolean {
	const { generation, observedGeneration, desired, total, updated } = workload;
	return observedGeneration >= generation && updated >= desired && total <= updated;
}

/** Whether all pods follow the current template and are available. */
export function isRolledOutAndAvailable(workload: Workload): boolean {
	return hasNewPodsOnly(workload) && workload.available >= workload.desired;
}

/** Whether pods of it run, or have run. One that has never come up runs nothing yet. */
export function isWorkloadRunning({ isRolledOut, available }: Workload): boolean {
	return isRolledOut || available > 0;
}

/**
 * Whether no pod is available although the roll-out was complete once. That is a failure, not a beginning.
 * @param hasBeenReady whether all pods have been available since the last own write; undefined when nobody has looked
 */
export function isOutage(
	{ isRolledOut, available, desired }: Pick<Workload, 'isRolledOut' | 'available' | 'desired'>,
	hasBeenReady: boolean | undefined,
): boolean {
	return isRolledOut && available === 0 && desired > 0 && hasBeenReady !== false;
}

interface WorkloadShape {
	readonly spec?: {
		readonly replicas?: number;
		readonly template?: {
			readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
			readonly spec?: {
				readonly containers?: readonly { readonly image?: string }[];
				readonly volumes?: readonly {
					readonly secret?: { readonly secretName?: string };
					readonly configMap?: { readonly name?: string };
				}[];
			};
		};
	};
	readonly status?: {
		readonly observedGeneration?: number;
		readonly replicas?: number;
		readonly updatedReplicas?: number;
		readonly readyReplicas?: number;
		readonly availableReplicas?: number;
		readonly desiredNumberScheduled?: number;
		readonly currentNumberScheduled?: number;
		readonly updatedNumberScheduled?: number;
		readonly numberReady?: number;
		readonly numberAvailable?: number;
		readonly conditions?: readonly DeploymentCondition[];
	};
}

interface DeploymentCondition {
	readonly type: string;
	readonly status: string;
	readonly reason?: string;
	readonly message?: string;
}

interface CrdShape {
	readonly spec?: { readonly versions?: readonly { readonly name: string; readonly served?: boolean }[] };
	readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function ownsReplicas(object: KubeObject): boolean {
	const entry = object.metadata.managedFields?.find(
		({ manager, operation, subresource }) =>
			manager === fieldManager && operation === 'Apply' && (subresource ?? '') === '',
	);
	return entry !== undefined && holdsReplicas(entry);
}

function holdsReplicas({ fieldsV1 }: ManagedFieldsEntry): boolean {
	const spec = fieldsV1?.['f:spec'];
	return typeof spec === 'object' && spec !== null && 'f:replicas' in spec;
}

/** A refusal of pods is kept up to this length. It names the pod and the policy first. */
const longestRefusal = 512;

function workloadOf(object: KubeObject): Workload {
	const { spec, status } = object as WorkloadShape;
	const progressing = status?.conditions?.find(({ type }) => type === 'Progressing');
	const failure = status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
	return {
		generation: object.metadata.generation ?? 0,
		observedGeneration: status?.observedGeneration ?? 0,
		...(object.kind === kinds.DaemonSet.kind ? countsOfNodes(status) : countsOfPods(spec, status)),
		stalled: progressing?.status === 'False' ? (progressing.reason ?? 'Unknown') : undefined,
		podsRefused:
			failure?.status === 'True'
				? (failure.message ?? failure.reason)?.slice(0, longestRefusal).toWellFormed()
				: undefined,
		isRolledOut:
			object.kind === kinds.DaemonSet.kind
				? (status?.numberAvailable ?? 0) > 0 &&
					(status?.updatedNumberScheduled ?? 0) >= (status?.desiredNumberScheduled ?? 0)
				: progressing?.status === 'True' && progressing.reason === 'NewReplicaSetAvailable',
		version: object.metadata.labels?.[versionLabel],
		images: (spec?.template?.spec?.containers ?? []).map(({ image }) => image ?? ''),
		secrets: (spec?.template?.spec?.volumes ?? []).flatMap(({ secret }) => secret?.secretName ?? []),
		configMaps: [...new Set((spec?.template?.spec?.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []))],
		remoteSecrets: spec?.template?.metadata?.annotations?.[remoteSecretsAnnotation],
		remoteSecretsSince: object.metadata.annotations?.[remoteSecretsSinceAnnotation],
		ownsReplicas: ownsReplicas(object),
		isReplicasSaid: object.metadata.managedFields?.some(holdsReplicas) ?? false,
	};
}

type Counts = Pick<Workload, 'desired' | 'total' | 'updated' | 'ready' | 'available'>;

function countsOfPods(spec: WorkloadShape['spec'], status: WorkloadShape['status']): Counts {
	return {
		desired: spec?.replicas ?? 1,
		total: status?.replicas ?? 0,
		updated: status?.updatedReplicas ?? 0,
		ready: status?.readyReplicas ?? 0,
		available: status?.availableReplicas ?? 0,
	};
}

/** Pods on nodes that should have none are left out of all of these (kubernetes 1.36 `pkg/controller/daemon/daemon_controller.go`). */
function countsOfNodes(status: WorkloadShape['status']): Counts {
	return {
		desired: status?.desiredNumberScheduled ?? 0,
		total: status?.currentNumberScheduled ?? 0,
		updated: status?.updatedNumberScheduled ?? 0,
		ready: status?.numberReady ?? 0,
		available: status?.numberAvailable ?? 0,
	};
}

function crdFactsOf(object: KubeObject): CrdFacts {
	const { spec, status } = object as CrdShape;
	return {
		established:
			status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') ?? false,
		versions: (spec?.versions ?? []).map(({ name }) => name),
		servedVersions: (spec?.versions ?? []).filter(({ served }) => served !== false).map(({ name }) => name),
		release: object.metadata.annotations?.[crdVersionAnnotation],
	};
}

function serviceFactsOf(object: KubeObject): ServiceFacts {
	const { spec, status } = object as {
		readonly spec?: { readonly type?: unknown };
		readonly status?: { readonly loadBalancer?: unknown };
	};
	return { spec: { type: spec?.type }, status: { loadBalancer: status?.loadBalancer } };
}

/** The injectors' labels, from istio 1.0 to today: that of an installation's injector, and that of a revision's. */
const injectionSwitches = [injectionLabel, revisionLabel];

function injectionLabelsOf({ metadata: { labels, managedFields } }: KubeObject): InjectionLabels {
	const keepers = (managedFields ?? []).flatMap(({ manager }) =>
		manager?.startsWith(injectionFieldManager) === true ? [manager] : [],
	);
	return {
		switches: Object.fromEntries(
			injectionSwitches.flatMap((name) => (labels?.[name] === undefined ? [] : [[name, labels[name]]])),
		),
		labels: { ...labels },
		mesh: labels?.[meshLabel],
		keepers: [...new Set(keepers)].sort(),
	};
}

function chargeOf({ metadata: { annotations, managedFields } }: KubeObject): ChargeFacts | undefined {
	const clusters = annotations?.[controlPlaneClustersAnnotation];
	const keepers = (managedFields ?? []).flatMap(({ manager }) =>
		manager?.startsWith(chargeFieldManager) === true ? [manager] : [],
	);
	return clusters === undefined && keepers.length === 0 ? undefined : { clusters, keepers };
}

function clusterRecordOf({
	metadata: { labels, annotations, managedFields },
}: KubeObject): ClusterRecordFacts | undefined {
	const cluster = labels?.[clusterLabel];
	if (cluster === undefined) return undefined;
	const facts = Object.entries(annotations ?? {}).filter(([name]) => name.startsWith(clusterAnnotationPrefix));
	return {
		cluster,
		isPublished: labels?.[multiClusterLabel] === 'true',
		foreignKeys: foreignKeysOf(managedFields ?? [], cluster),
		facts: Object.fromEntries(facts.map(([name, value]) => [name.slice(clusterAnnotationPrefix.length), value])),
	};
}

/** Keys of the data that others own, apart from the cluster's own key. The API server's list of managed fields tells. */
function foreignKeysOf(managedFields: readonly ManagedFieldsEntry[], cluster: string): readonly string[] {
	const keys = managedFields
		.filter(({ manager, operation }) => manager !== fieldManager || operation !== 'Apply')
		.flatMap(({ fieldsV1 }) => Object.keys((fieldsV1?.['f:data'] ?? {}) as Readonly<Record<string, unknown>>))
		.flatMap((field) => (field.startsWith('f:') && field !== `f:${cluster}` ? [field.slice(2)] : []));
	return [...new Set(keys)].sort();
}

/** Reduces an object, or its metadata alone, to what the caches keep. */
export function toChild(object: KubeObject): Child {
	const { name, namespace, uid, resourceVersion, deletionTimestamp, labels } = object.metadata;
	const clusterRecord = object.kind === 'Secret' ? clusterRecordOf(object) : undefined;
	const charge = object.kind === 'Namespace' ? chargeOf(object) : undefined;
	return Object.freeze({
		apiVersion: object.apiVersion,
		kind: object.kind,
		metadata: { name, ...definedFields({ namespace, uid, resourceVersion, deletionTimestamp }) },
		fingerprint: fingerprint(object.metadata),
		instance: object.kind === 'Namespace' ? labels?.[instanceLabel] : instanceOf(labels),
		component: labels?.[componentLabel],
		revision: labels?.[revisionLabel],
		...(labels?.[withdrawnLabel] === 'true' ? { isWithdrawn: true as const } : {}),
		...(awaitsAuthority(object) ? { awaitsAuthority: true as const } : {}),
		...(labels?.[redirectedByLabel] === 'cni' ? { isByCni: true as const } : {}),
		partOf: labels?.[partOfLabel],
		changedBy: lastForeignManager(object.metadata),
		...(isWorkload(object) ? { workload: workloadOf(object) } : {}),
		...(object.kind === 'CustomResourceDefinition' ? { crd: crdFactsOf(object) } : {}),
		...(object.kind === 'Service' ? { service: serviceFactsOf(object) } : {}),
		...(object.kind === 'Namespace' ? { injection: injectionLabelsOf(object) } : {}),
		...definedFields({ clusterRecord, charge }),
	});
}
