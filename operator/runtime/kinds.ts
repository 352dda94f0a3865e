/**
 * The kinds that Meshwright reads or writes, with their REST paths. It is a table and not API discovery, because these
 * kinds are fixed: the hot path needs no request to learn a path.
 */
import { groupOf, type KubeObject, type ObjectReference } from './object.ts';

export interface Kind {
	readonly apiVersion: string;
	readonly kind: string;
	readonly plural: string;
	readonly namespaced: boolean;
}

function kind(apiVersion: string, name: string, plural: string, namespaced: boolean): Kind {
	return { apiVersion, kind: name, plural, namespaced };
}

export const kinds = {
	Namespace: kind('v1', 'Namespace', 'namespaces', false),
	Node: kind('v1', 'Node', 'nodes', false),
	Pod: kind('v1', 'Pod', 'pods', true),
	ConfigMap: kind('v1', 'ConfigMap', 'configmaps', true),
	Secret: kind('v1', 'Secret', 'secrets', true),
	ResourceQuota: kind('v1', 'ResourceQuota', 'resourcequotas', true),
	LimitRange: kind('v1', 'LimitRange', 'limitranges', true),
	Service: kind('v1', 'Service', 'services', true),
	Endpoints: kind('v1', 'Endpoints', 'endpoints', true),
	EndpointSlice: kind('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', true),
	ServiceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts', true),
	Deployment: kind('apps/v1', 'Deployment', 'deployments', true),
	StatefulSet: kind('apps/v1', 'StatefulSet', 'statefulsets', true),
	DaemonSet: kind('apps/v1', 'DaemonSet', 'daemonsets', true),
	HorizontalPodAutoscaler: kind('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', true),
	PodDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', true),
	Role: kind('rbac.authorization.k8s.io/v1', 'Role', 'roles', true),
	RoleBinding: kind('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', true),
	ClusterRole: kind('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', false),
	ClusterRoleBinding: kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
	CustomResourceDefinition: kind(
		'apiextensions.k8s.io/v1',
		'CustomResourceDefinition',
		'customresourcedefinitions',
		false,
	),
	NetworkPolicy: kind('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', true),
	ServiceCIDR: kind('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs', false),
	MutatingWebhookConfiguration: kind(
		'admissionregistration.k8s.io/v1',
		'MutatingWebhookConfiguration',
		'mutatingwebhookconfigurations',
		false,
	),
	MutatingAdmissionPolicy: kind(
		'admissionregistration.k8s.io/v1',
		'MutatingAdmissionPolicy',
		'mutatingadmissionpolicies',
		false,
	),
	ValidatingWebhookConfiguration: kind(
		'admissionregistration.k8s.io/v1',
		'ValidatingWebhookConfiguration',
		'validatingwebhookconfigurations',
		false,
	),
	Lease: kind('coordination.k8s.io/v1', 'Lease', 'leases', true),
	Event: kind('events.k8s.io/v1', 'Event', 'events', true),
	MeshPolicy: kind('authentication.istio.io/v1alpha1', 'MeshPolicy', 'meshpolicies', false),
	attributemanifest: kind('config.istio.io/v1alpha2', 'attributemanifest', 'attributemanifests', true),
	handler: kind('config.istio.io/v1alpha2', 'handler', 'handlers', true),
	instance: kind('config.istio.io/v1alpha2', 'instance', 'instances', true),
	kubernetes: kind('config.istio.io/v1alpha2', 'kubernetes', 'kuberneteses', true),
	logentry: kind('config.istio.io/v1alpha2', 'logentry', 'logentries', true),
	metric: kind('config.istio.io/v1alpha2', 'metric', 'metrics', true),
	prometheus: kind('config.istio.io/v1alpha2', 'prometheus', 'prometheuses', true),
	rule: kind('config.istio.io/v1alpha2', 'rule', 'rules', true),
	statsd: kind('config.istio.io/v1alpha2', 'statsd', 'statsds', true),
	stdio: kind('config.istio.io/v1alpha2', 'stdio', 'stdios', true),
	Gateway: kind('networking.istio.io/v1alpha3', 'Gateway', 'gateways', true),
	VirtualService: kind('networking.istio.io/v1alpha3', 'VirtualService', 'virtualservices', true),
	DestinationRule: kind('networking.istio.io/v1alpha3', 'DestinationRule', 'destinationrules', true),
	PeerAuthentication: kind('security.istio.io/v1', 'PeerAuthentication', 'peerauthentications', true),
	MeshInstallation: kind('meshwright.io/v1', 'MeshInstallation', 'meshinstallations', false),
} as const satisfies Record<string, Kind>;

/** Kinds whose pods a mesh runs, and whose status says how many of them there are. */
export const workloadKinds = [kinds.Deployment, kinds.DaemonSet] as const satisfies readonly Kind[];

const workloadNames: ReadonlySet<string> = new Set(workloadKinds.map(({ kind: name }) => name));

/** Whether pods of an object are pods of its mesh. */
export function isWorkload({ kind: name }: Pick<ObjectReference, 'kind'>): boolean {
	return workloadNames.has(name);
}

/** Kinds by which API servers ask others about what is written. */
export const webhookKinds = [
	kinds.MutatingWebhookConfiguration,
	kinds.ValidatingWebhookConfiguration,
] as const satisfies readonly Kind[];

const webhookNames: ReadonlySet<string> = new Set(webhookKinds.map(({ kind: name }) => name));

export function isWebhook({ kind: name }: Pick<ObjectReference, 'kind'>): boolean {
	return webhookNames.has(name);
}

const byGroupKind = new Map<string, Kind>(
	Object.values(kinds).map((entry) => [`${groupOf(entry.apiVersion)}/${entry.kind}`, entry]),
);

/** The table entry for an object's kind. Throws for a kind that is not in the table: that is a defect in the caller. */
export function kindOf(object: Pick<ObjectReference, 'apiVersion' | 'kind'>): Kind {
	const found = byGroupKind.get(`${groupOf(object.apiVersion)}/${object.kind}`);
	if (found === undefined) {
		throw new Error(
			`${object.apiVersion} ${object.kind} is not in the table of kinds (operator/runtime/kinds.ts): add it there`,
		);
	}
	return found;
}

/** The REST path of a kind's collection: `/apis/apps/v1/namespaces/istio-system/deployments`. Default: all namespaces. */
export function collectionPath(entry: Kind, namespace?: string): string {
	const root = entry.apiVersion.includes('/') ? `/apis/${entry.apiVersion}` : `/api/${entry.apiVersion}`;
	const scope = entry.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
	return `${root}${scope}/${entry.plural}`;
}

/** The REST path of one object. */
export function objectPath(object: KubeObject | ObjectReference): string {
	const entry = kindOf(object);
	const { name, namespace } = 'metadata' in object ? (object as KubeObject).metadata : (object as ObjectReference);
	if (entry.namespaced && namespace === undefined) {
		throw new Error(`${object.kind} ${name} has no namespace`);
	}
	return `${collectionPath(entry, namespace)}/${encodeURIComponent(name)}`;
}
