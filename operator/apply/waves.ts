/**
 * The order in which an installation is written, and, backwards, taken away. Objects of one wave do not need each other;
 * a wave starts when all before it are stored (and, for CRDs, Established).
 */
import type { KubeObject } from '../runtime/object.ts';

/** First to last. Webhooks come last because from then on they take part in every pod creation, and so they go first. */
const order: readonly (readonly string[])[] = [
	['CustomResourceDefinition'],
	['Namespace'],
	['ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
	['ConfigMap', 'Secret', 'Service'],
	['Deployment', 'PodDisruptionBudget', 'HorizontalPodAutoscaler'],
	['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
];

const waveOfKind = new Map(order.flatMap((kindNames, wave) => kindNames.map((kindName) => [kindName, wave] as const)));

/** The wave that an object belongs to. Kinds without a wave of their own (custom resources) come after the workloads. */
export function waveOf(object: Pick<KubeObject, 'kind'>): number {
	return waveOfKind.get(object.kind) ?? order.length - 1;
}

/** Splits things into the waves of their kinds, first to last; empty waves are left out. */
export function waves<T>(items: readonly T[], kindName: (item: T) => string): readonly (readonly T[])[] {
	const grouped = Map.groupBy(items, (item) => waveOf({ kind: kindName(item) }));
	return [...grouped.keys()].sort((a, b) => a - b).map((wave) => grouped.get(wave) ?? []);
}

/** The kinds that are ordered here, for the test that every rendered kind has its place. */
export function orderedKinds(): readonly string[] {
	return [...waveOfKind.keys()].sort();
}
