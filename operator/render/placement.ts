/** Decides on which nodes the pods of a component run. */
import type { Opaque, ResolvedNodeWorkload, ResolvedPods, ResolvedWorkload } from '../releases/index.ts';
import { asGiven } from './finish.ts';
import type { Labels } from './labels.ts';

const archKey = 'kubernetes.io/arch';
const zoneKey = 'topology.kubernetes.io/zone';
const hostnameKey = 'kubernetes.io/hostname';

/** The part of a pod's spec that decides where it runs. */
export function placement(
	architectures: readonly string[],
	settings: ResolvedWorkload,
	selector: Labels,
): Readonly<Record<string, unknown>> {
	return {
		nodeSelector: settings.nodeSelector,
		tolerations: settings.tolerations,
		affinity: affinity(architectures, settings, spread(settings, selector)),
		topologySpreadConstraints: settings.topologySpreadConstraints.map((constraint) => asGiven(constraint)),
	};
}

/** The same of a workload that has one pod on each node. Its programs are Linux's. */
export function nodePlacement(
	architectures: readonly string[],
	settings: ResolvedNodeWorkload,
): Readonly<Record<string, unknown>> {
	return {
		nodeSelector: { ...settings.nodeSelector, 'kubernetes.io/os': 'linux' },
		tolerations: settings.tolerations,
		affinity: affinity(architectures, settings, {}),
	};
}

/**
 * The user's affinity, restricted to nodes that can run the published images. When the user names an architecture (for
 * images of their own), nothing is added.
 */
function affinity(architectures: readonly string[], settings: ResolvedPods, apart: Opaque): Opaque {
	const given = { ...settings.affinity, ...apart };
	if (Object.hasOwn(settings.nodeSelector, archKey) || JSON.stringify(given).includes(`"${archKey}"`)) {
		return asGiven(given);
	}
	const onArchitecture = { key: archKey, operator: 'In', values: [...architectures] };
	const nodeAffinity = objectIn(given, 'nodeAffinity');
	const required = objectIn(nodeAffinity, 'requiredDuringSchedulingIgnoredDuringExecution');
	const terms = Array.isArray(required.nodeSelectorTerms) ? (required.nodeSelectorTerms as readonly Opaque[]) : [];
	// Terms are alternatives, so each must say it.
	const narrowed = (terms.length === 0 ? [{}] : terms).map((term: Opaque) => ({
		...term,
		matchExpressions: [...(Array.isArray(term.matchExpressions) ? term.matchExpressions : []), onArchitecture],
	}));
	return asGiven({
		...given,
		nodeAffinity: {
			...nodeAffinity,
			requiredDuringSchedulingIgnoredDuringExecution: { ...required, nodeSelectorTerms: narrowed },
		},
	});
}

/**
 * Lets several pods go to different nodes and zones where they can, unless the user says how they spread. Uses affinity:
 * when a pod's topologySpreadConstraints name zones and nodes have no zone, the scheduler ignores all of them, the one
 * about nodes too (kubernetes 1.36 `pkg/scheduler/framework/plugins/podtopologyspread/scoring.go`, `requireAllTopologies`).
 */
function spread(settings: ResolvedWorkload, selector: Labels): Opaque {
	const { replicas, topologySpreadConstraints, affinity: given } = settings;
	const most = replicas.kind === 'fixed' ? replicas.count : replicas.max;
	if (most < 2 || topologySpreadConstraints.length > 0 || Object.hasOwn(given, 'podAntiAffinity')) return {};
	const apartBy = (topologyKey: string, weight: number) => ({
		weight,
		podAffinityTerm: { topologyKey, labelSelector: { matchLabels: selector } },
	});
	return {
		podAntiAffinity: {
			preferredDuringSchedulingIgnoredDuringExecution: [apartBy(hostnameKey, 100), apartBy(zoneKey, 50)],
		},
	};
}

function objectIn(parent: Opaque, field: string): Opaque {
	const value = parent[field];
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Opaque) : {};
}
