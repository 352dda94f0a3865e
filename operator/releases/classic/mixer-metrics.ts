/**
 * The metrics that Mixer measures by default, per release. Every backend for metrics gets them. Names, values, dimensions
 * and buckets are those of `install/kubernetes/helm/istio/charts/mixer/templates/config.yaml` of each tag, because
 * dashboards know them.
 */
import { compareMinor, type Minor } from './minors.ts';

/** The reports that a metric is made from. */
export type Traffic = 'http' | 'tcp' | 'tcpOpened' | 'tcpClosed';

export interface MixerMetric {
	/** Name of the instance, without kind and namespace: `requestcount`. */
	readonly name: string;
	readonly traffic: Traffic;
	/** Expression over attributes. */
	readonly value: string;
	/** Whether the value is a duration. Otherwise it is a whole number. */
	readonly isDuration: boolean;
	/** Expressions, by the name of the dimension. */
	readonly dimensions: Readonly<Record<string, string>>;
	/** The metric for Prometheus. `istio_` is put before the name. */
	readonly prometheus: {
		readonly name: string;
		readonly kind: 'COUNTER' | 'DISTRIBUTION';
		readonly buckets?: Readonly<Record<string, unknown>>;
	};
}

const outbound = '(context.reporter.kind | "inbound") == "outbound"';

/** Says who reports. Each request is reported by the proxy that sends it and by the one that receives it. */
export const reporter = `conditional(${outbound}, "source", "destination")`;

/** Only the side that accepts a connection knows for sure how it was secured. */
export const connectionSecurityPolicy = `conditional(${outbound}, "unknown", conditional(connection.mtls | false, "mutual_tls", "none"))`;

function sideDimensions(side: 'source' | 'destination'): Readonly<Record<string, string>> {
	return {
		[`${side}_workload`]: `${side}.workload.name | "unknown"`,
		[`${side}_workload_namespace`]: `${side}.workload.namespace | "unknown"`,
		[`${side}_principal`]: `${side}.principal | "unknown"`,
		[`${side}_app`]: `${side}.labels["app"] | "unknown"`,
		[`${side}_version`]: `${side}.labels["version"] | "unknown"`,
	};
}

function dimensionsOf(minor: Minor, traffic: Traffic): Readonly<Record<string, string>> {
	const from11 = compareMinor(minor, '1.1') >= 0;
	const from13 = compareMinor(minor, '1.3') >= 0;
	const http = traffic === 'http';
	const serviceName = 'destination.service.name | "unknown"';
	const host = 'destination.service.host | "unknown"';
	// Before 1.1 TCP services were told apart by name alone.
	const tcpService = from11 ? host : serviceName;
	const httpService = from13
		? 'destination.service.host | conditional((destination.service.name | "unknown") == "unknown", "unknown", request.host)'
		: host;
	return {
		reporter,
		...sideDimensions('source'),
		...sideDimensions('destination'),
		destination_service: http ? httpService : tcpService,
		destination_service_name: serviceName,
		destination_service_namespace: 'destination.service.namespace | "unknown"',
		...(http
			? { request_protocol: 'api.protocol | context.protocol | "unknown"', response_code: 'response.code | 200' }
			: {}),
		...(from11 ? { response_flags: 'context.proxy_error_code | "-"' } : {}),
		...(http && from11
			? {
					permissive_response_code: 'rbac.permissive.response_code | "none"',
					permissive_response_policyid: 'rbac.permissive.effective_policy_id | "none"',
				}
			: {}),
		connection_security_policy: connectionSecurityPolicy,
	};
}

type Definition = Omit<MixerMetric, 'dimensions'> & { readonly first: Minor };

const sizes = { exponentialBuckets: { numFiniteBuckets: 8, scale: 1, growthFactor: 10 } } as const;

/** Upper bounds, in seconds. */
const durations = {
	explicit_buckets: { bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
} as const;

const definitions: readonly Definition[] = [
	{
		name: 'requestcount',
		first: '1.0',
		traffic: 'http',
		value: '1',
		isDuration: false,
		prometheus: { name: 'requests_total', kind: 'COUNTER' },
	},
	{
		name: 'requestduration',
		first: '1.0',
		traffic: 'http',
		value: 'response.duration | "0ms"',
		isDuration: true,
		prometheus: { name: 'request_duration_seconds', kind: 'DISTRIBUTION', buckets: durations },
	},
	{
		name: 'requestsize',
		first: '1.0',
		traffic: 'http',
		value: 'request.size | 0',
		isDuration: false,
		prometheus: { name: 'request_bytes', kind: 'DISTRIBUTION', buckets: sizes },
	},
	{
		name: 'responsesize',
		first: '1.0',
		traffic: 'http',
		value: 'response.size | 0',
		isDuration: false,
		prometheus: { name: 'response_bytes', kind: 'DISTRIBUTION', buckets: sizes },
	},
	{
		name: 'tcpbytesent',
		first: '1.0',
		traffic: 'tcp',
		value: 'connection.sent.bytes | 0',
		isDuration: false,
		prometheus: { name: 'tcp_sent_bytes_total', kind: 'COUNTER' },
	},
	{
		name: 'tcpbytereceived',
		first: '1.0',
		traffic: 'tcp',
		value: 'connection.received.bytes | 0',
		isDuration: false,
		prometheus: { name: 'tcp_received_bytes_total', kind: 'COUNTER' },
	},
	{
		name: 'tcpconnectionsopened',
		first: '1.1',
		traffic: 'tcpOpened',
		value: '1',
		isDuration: false,
		prometheus: { name: 'tcp_connections_opened_total', kind: 'COUNTER' },
	},
	{
		name: 'tcpconnectionsclosed',
		first: '1.1',
		traffic: 'tcpClosed',
		value: '1',
		isDuration: false,
		prometheus: { name: 'tcp_connections_closed_total', kind: 'COUNTER' },
	},
];

/** The default metrics of a release. */
export function mixerMetrics(minor: Minor): readonly MixerMetric[] {
	return definitions
		.filter(({ first }) => compareMinor(first, minor) <= 0)
		.map(({ first: _, ...metric }) => ({ ...metric, dimensions: dimensionsOf(minor, metric.traffic) }));
}

/** The first release that measures a default metric. Undefined when it is no default metric. */
export function firstMinorOfMetric(name: string): Minor | undefined {
	return definitions.find((definition) => definition.name === name)?.first;
}
