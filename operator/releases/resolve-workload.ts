/** Resolves a component's pods: the installation's settings, else the profile's, else the release's. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { Resources } from './component.ts';
import type {
	DisruptionBudget,
	Opaque,
	Replicas,
	ResolvedNodeWorkload,
	ResolvedPods,
	ResolvedWorkload,
} from './mesh.ts';
import { canonicalResources } from './resources.ts';

/** The settings for the pods of any component. */
export type GivenWorkload = NonNullable<ParsedSpec['pilot']>;

/** The charts' value (istio 1.0-1.4). */
const defaultUtilizationPercent = 80;

/** A component's settings, with the profile's and the release's where the user gave none. */
export function resolveWorkload(
	given: GivenWorkload,
	profileReplicas: Replicas,
	releaseResources: Resources,
): ResolvedWorkload {
	const replicas = resolveReplicas(given, profileReplicas);
	const disruptionBudget = resolveBudget(given.disruptionBudget, replicas);
	const { priorityClassName } = given;
	return {
		...resolvePods(given, releaseResources),
		replicas,
		...(disruptionBudget === undefined ? {} : { disruptionBudget }),
		topologySpreadConstraints: given.topologySpreadConstraints ?? [],
		...(priorityClassName === undefined ? {} : { priorityClassName }),
	};
}

/** The settings for the pods of a workload with one on each node. */
export type GivenNodeWorkload = Pick<
	GivenWorkload,
	'resources' | 'nodeSelector' | 'tolerations' | 'affinity' | 'podAnnotations' | 'podLabels' | 'env' | 'extraArgs'
> & { readonly maxUnavailable?: number | string };

/** Whatever keeps other pods away from a node: the network of each node needs its pod (istio 1.30 `istio-cni/values.yaml`). */
const everyTaint: readonly Opaque[] = [
	{ operator: 'Exists', effect: 'NoSchedule' },
	{ key: 'CriticalAddonsOnly', operator: 'Exists' },
	{ operator: 'Exists', effect: 'NoExecute' },
];

export function resolveNodeWorkload(given: GivenNodeWorkload, releaseResources: Resources): ResolvedNodeWorkload {
	return {
		...resolvePods(given, releaseResources),
		tolerations: given.tolerations ?? everyTaint,
		maxUnavailable: given.maxUnavailable ?? 1,
	};
}

function resolvePods(given: GivenNodeWorkload, releaseResources: Resources): ResolvedPods {
	const { resources } = given;
	return {
		resources: resources === undefined ? releaseResources : canonicalResources(resources),
		nodeSelector: given.nodeSelector ?? {},
		tolerations: given.tolerations ?? [],
		affinity: given.affinity ?? {},
		podAnnotations: given.podAnnotations ?? {},
		podLabels: given.podLabels ?? {},
		env: given.env ?? [],
		extraArgs: given.extraArgs ?? [],
	};
}

function resolveReplicas({ replicas, autoscaling }: GivenWorkload, otherwise: Replicas): Replicas {
	if (autoscaling !== undefined) {
		return {
			kind: 'autoscaled',
			min: autoscaling.minReplicas ?? 1,
			max: autoscaling.maxReplicas,
			targetCPUUtilization: autoscaling.targetCPUUtilization ?? defaultUtilizationPercent,
		};
	}
	return replicas === undefined ? otherwise : { kind: 'fixed', count: replicas };
}

/** Lets one pod go at a time. With a single pod, a budget would keep its node from ever being drained (istio#12602). */
function resolveBudget(given: GivenWorkload['disruptionBudget'], replicas: Replicas): DisruptionBudget | undefined {
	if (given?.minAvailable !== undefined) {
		return { minAvailable: given.minAvailable };
	}
	if (given?.maxUnavailable !== undefined) {
		return { maxUnavailable: given.maxUnavailable };
	}
	return (replicas.kind === 'fixed' ? replicas.count : replicas.min) >= 2 ? { minAvailable: 1 } : undefined;
}
