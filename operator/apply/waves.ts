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

/** Comes after the DestinationRules: clients have to speak mutual TLS before servers insist on it. */
const lastCustomResource = 'MeshPolicy';

/**
 * The waves, first to last. Webhooks come last because from then on they take part in every pod creation, and so they go
 * first.
 */
const order: readonly (readonly string[])[] = [
	['CustomResourceDefinition'],
	['Namespace'],
	['ServiceAccount', 'Role', 'ClusterRole', 'ConfigMap', 'Secret', 'Service', 'Endpoints', 'NetworkPolicy'],
	// Bindings come after roles: who may not `bind` must hold what a role grants, so the API server looks the role up. Until
	// it knows the role, the others are written.
	['RoleBinding', 'ClusterRoleBinding', 'PodDisruptionBudget', customResources],
	['Deployment', 'HorizontalPodAutoscaler'],
	[lastCustomResource],
	['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
];

const waveOfKind = new Map(order.flatMap((kindNames, wave) => kindNames.map((kindName) => [kindName, wave] as const)));

const customResourceWave = order.findIndex((kindNames) => kindNames.includes(customResources));

/** The wave that an object belongs to. */
export function waveOf(object: Pick<KubeObject, 'kind'>): number {
	return waveOfKind.get(object.kind) ?? customResourceWave;
}

/** Splits things into the waves of their kinds, first to last; empty waves are left out. */
export function waves<T>(items: readonly T[], kindName: (item: T) => string): readonly (readonly T[])[] {
	const grouped = Map.groupBy(items, (item) => waveOf({ kind: kindName(item) }));
	return [...grouped.keys()].sort((a, b) => a - b).map((wave) => grouped.get(wave) ?? []);
}

/** Kubernetes' own kinds in the table. A test checks that every rendered kind has its place. */
export function orderedKinds(): readonly string[] {
	return [...waveOfKind.keys()]
		.filter((kindName) => kindName !== customResources && kindName !== lastCustomResource)
		.sort();
}
