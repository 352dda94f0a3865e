/** The default metrics as instances, and the rules that pass them to a backend. */
import {
	type MixerMetric,
	mixerMetrics,
	type ResolvedClassicMesh,
	type Traffic,
} from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { measured } from './matches.ts';
import { type Instance, instance, type Referable, rule } from './objects.ts';

/** A metric with the instance that measures it. */
export interface MeasuredMetric<Of extends Referable = Instance> {
	readonly metric: MixerMetric;
	readonly instance: Of;
}

/** Parameters of the template `metric`. */
export function metricParams({ value, dimensions }: MixerMetric): Readonly<Record<string, unknown>> {
	return { value, dimensions, monitored_resource_type: '"UNSPECIFIED"' };
}

/** The instances that all backends within Mixer share. */
export function metricInstances(mesh: ResolvedClassicMesh): readonly MeasuredMetric[] {
	return mixerMetrics(mesh.release.minor).map((metric) => ({
		metric,
		instance: instance(mesh, 'metric', metric.name, metricParams(metric)),
	}));
}

/** One rule per kind of traffic, under the given names. */
export function metricRules(
	mesh: ResolvedClassicMesh,
	names: Readonly<Record<Traffic, string>>,
	handledBy: Referable,
	metrics: readonly MeasuredMetric<Referable>[],
): readonly KubeObject[] {
	return [...Map.groupBy(metrics, ({ metric }) => metric.traffic)].map(([traffic, group]) =>
		rule(
			mesh,
			names[traffic],
			measured(mesh.release.minor, traffic),
			handledBy,
			group.map((entry) => entry.instance),
		),
	);
}

/** Names of the rules for a backend that no chart has. */
export function ruleNames(prefix: string): Readonly<Record<Traffic, string>> {
	return {
		http: `${prefix}-http`,
		tcp: `${prefix}-tcp`,
		tcpOpened: `${prefix}-tcp-opened`,
		tcpClosed: `${prefix}-tcp-closed`,
	};
}
