/**
 * The order in which an installation is written and, backwards, removed. Objects of one wave do not need each other; a wave
 * starts when all before it are stored (and, for CRDs, Established).
 */
import type { KubeObject } from '../runtime/object.ts';

/**
 * Stands for the kinds that the table does not name: custom resources. They come before the workloads that read them,
 * because these start with their whole configuration.
 */
const customResources = 'custom resources';

/**
 * These come after the DestinationRules: clients have to speak mutual TLS before servers insist on it. And after the
 * workloads: istiod's own webhook is asked about a PeerAuthentication or a Gateway, and perhaps it is istiod that has to be
 * mended.
 */
const lastCustomResources: readonly string[] = ['MeshPolicy', 'PeerAuthentication', 'Gateway'];

/**
 * The waves, first to last. Webhooks come last because from then on they take part in every pod creation, and so they go
 * first.
 */
const order: readonly (readonly string[])[] = [
	['CustomResourceDefinition'],
	['Namespace'],
	[
		...['ServiceAccount', 'Role', 'ClusterRole', 'ConfigMap', 'Secret', 'Service', 'Endpoints', 'NetworkPolicy'],
		'ResourceQuota',
		customResources,
	],
	// Bindings come after roles: who may not `bind` must hold what a role grants, so the API server looks the role up.
	['RoleBinding', 'ClusterRoleBinding', 'PodDisruptionBudget'],
	['Deployment', 'DaemonSet', 'HorizontalPodAutoscaler'],
	lastCustomResources,
	['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
];

const waveOfKind = new Map(order.flatMap((kindNames, wave) => kindNames.map((kindName) => [kindName, wave] as const)));

const customResourceWave = waveIn(customResources);

function waveIn(kindName: string): number {
	return order.findIndex((kindNames) => kindNames.includes(kindName));
}

/** The kinds that need no binding to be stored, only to work. */
const workloads: ReadonlySet<string> = new Set(['Deployment', 'DaemonSet', 'HorizontalPodAutoscaler']);

const roles: ReadonlySet<string> = new Set(['Role', 'ClusterRole']);
const bindings: ReadonlySet<string> = new Set(['RoleBinding', 'ClusterRoleBinding']);

export function isRole({ kind }: Pick<KubeObject, 'kind'>): boolean {
	return roles.has(kind);
}

/** What decides about a wave besides the kind. */
export interface Standing {
	/**
	 * Whether the object is not there yet. A new workload is stored together with its bindings: the API server takes some
	 * 100 ms to check what these grant, and a pod takes longer to start. One that stands changes when it has its rights.
	 */
	readonly isNew?: boolean;
	/**
	 * Whether all roles to be written, and the object itself, stand as the operator wrote them last. Then a binding need not
	 * wait for its role: whichever of the two the API server finds, the operator may give it. Each takes some 100 ms.
	 */
	readonly areRolesKnown?: boolean;
}

/** The wave that an object belongs to. */
export function waveOf(
	{ kind }: Pick<KubeObject, 'kind'>,
	{ isNew = false, areRolesKnown = false }: Standing = {},
): number {
	if (isNew && workloads.has(kind)) return waveIn('RoleBinding');
	if (areRolesKnown && bindings.has(kind)) return waveIn('Role');
	return waveOfKind.get(kind) ?? customResourceWave;
}

/** Splits things into waves, first to last; empty waves are left out. `wave` tells which one a thing belongs to. */
export function waves<T>(items: readonly T[], wave: (item: T) => number): readonly (readonly T[])[] {
	const grouped = Map.groupBy(items, (item) => wave(item));
	return [...grouped.keys()].sort((a, b) => a - b).map((wave) => grouped.get(wave) ?? []);
}

/** Kubernetes' own kinds in the table. A test checks that every rendered kind has its place. */
export function orderedKinds(): readonly string[] {
	return [...waveOfKind.keys()]
		.filter((kindName) => kindName !== customResources && !lastCustomResources.includes(kindName))
		.sort();
}
