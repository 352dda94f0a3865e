/** The backend `statsd`: metrics sent over UDP (`mixer/adapter/statsd` of istio 1.0-1.4). */
import type { ResolvedAdapter, ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { type MeasuredMetric, metricRules, ruleNames } from './metrics.ts';
import { handler } from './objects.ts';

/** No chart has this backend. Users would not choose this name, so a handler of their own called `statsd` stays theirs. */
const name = 'meshwright-statsd';

export function statsd(
	mesh: ResolvedClassicMesh,
	adapter: Extract<ResolvedAdapter, { kind: 'statsd' }>,
	metrics: readonly MeasuredMetric[],
): readonly KubeObject[] {
	const fullNames = new Map(metrics.map(({ metric, instance }) => [metric.name, instance.fullName]));
	const backend = handler(
		mesh,
		'statsd',
		{
			address: adapter.address,
			prefix: adapter.prefix,
			flushDuration: adapter.flushDuration,
			flushBytes: adapter.flushBytes,
			samplingRate: adapter.samplingRate,
			metrics: Object.fromEntries(
				Object.entries(adapter.metrics).map(([key, metric]) => [fullNames.get(key) ?? key, metric]),
			),
		},
		name,
	);
	return [backend.object, ...metricRules(mesh, ruleNames(name), backend, metrics)];
}
