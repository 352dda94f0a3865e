/** The backend `prometheus`: `istio-telemetry` keeps metrics, and a Prometheus fetches them from port 42422. */
import type { ResolvedAdapter, ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { type MeasuredMetric, metricRules } from './metrics.ts';
import { handler } from './objects.ts';

/** Names as in the charts. */
const rules = {
	http: 'promhttp',
	tcp: 'promtcp',
	tcpOpened: 'promtcpconnectionopen',
	tcpClosed: 'promtcpconnectionclosed',
} as const;

export function prometheus(
	mesh: ResolvedClassicMesh,
	{ metricsExpiry }: Extract<ResolvedAdapter, { kind: 'prometheus' }>,
	metrics: readonly MeasuredMetric[],
): readonly KubeObject[] {
	const backend = handler(mesh, 'prometheus', {
		metricsExpirationPolicy: { metricsExpiryDuration: metricsExpiry },
		metrics: metrics.map(({ metric, instance }) => ({
			name: metric.prometheus.name,
			instance_name: instance.fullName,
			kind: metric.prometheus.kind,
			// Prometheus' client refuses a value whose labels are not exactly these.
			label_names: Object.keys(metric.dimensions).sort(),
			buckets: metric.prometheus.buckets,
		})),
	});
	return [backend.object, ...metricRules(mesh, rules, backend, metrics)];
}
