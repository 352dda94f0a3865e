/** Mixer's default log entries: one per request and several per TCP connection. From the charts of each tag. */

import { compareMinor, connectionSecurityPolicy, type Minor, reporter } from '../../../releases/classic/index.ts';
import type { Opaque } from '../../../releases/index.ts';

export interface LogEntry {
	/** Name of the instance, without kind and namespace: `accesslog`. */
	readonly name: string;
	readonly traffic: 'http' | 'tcp';
	/** Parameters of the template `logentry`. */
	readonly params: Opaque;
}

/** Fields about both ends, in every entry. */
const ends = {
	sourceIp: 'source.ip | ip("0.0.0.0")',
	sourceApp: 'source.labels["app"] | ""',
	sourcePrincipal: 'source.principal | ""',
	sourceName: 'source.name | ""',
	sourceWorkload: 'source.workload.name | ""',
	sourceNamespace: 'source.namespace | ""',
	sourceOwner: 'source.owner | ""',
	destinationApp: 'destination.labels["app"] | ""',
	destinationIp: 'destination.ip | ip("0.0.0.0")',
	destinationWorkload: 'destination.workload.name | ""',
	destinationName: 'destination.name | ""',
	destinationNamespace: 'destination.namespace | ""',
	destinationOwner: 'destination.owner | ""',
	destinationPrincipal: 'destination.principal | ""',
	requestedServerName: 'connection.requested_server_name | ""',
	connection_security_policy: connectionSecurityPolicy,
	reporter,
} as const;

const request = {
	apiClaims: 'request.auth.raw_claims | ""',
	apiKey: 'request.api_key | request.headers["x-api-key"] | ""',
	protocol: 'request.scheme | context.protocol | "http"',
	method: 'request.method | ""',
	url: 'request.path | ""',
	responseCode: 'response.code | 0',
	responseSize: 'response.size | 0',
	requestSize: 'request.size | 0',
	requestId: 'request.headers["x-request-id"] | ""',
	clientTraceId: 'request.headers["x-client-trace-id"] | ""',
	latency: 'response.duration | "0ms"',
	userAgent: 'request.useragent | ""',
	responseTimestamp: 'response.time',
	receivedBytes: 'request.total_size | 0',
	sentBytes: 'response.total_size | 0',
	referer: 'request.referer | ""',
	httpAuthority: 'request.headers[":authority"] | request.host | ""',
	xForwardedFor: 'request.headers["x-forwarded-for"] | "0.0.0.0"',
} as const;

const requestFrom11 = {
	responseFlags: 'context.proxy_error_code | ""',
	permissiveResponseCode: 'rbac.permissive.response_code | "none"',
	permissiveResponsePolicyID: 'rbac.permissive.effective_policy_id | "none"',
	grpcStatus: 'response.grpc_status | ""',
	grpcMessage: 'response.grpc_message | ""',
} as const;

const connection = {
	connectionEvent: 'connection.event | ""',
	protocol: 'context.protocol | "tcp"',
	connectionDuration: 'connection.duration | "0ms"',
	receivedBytes: 'connection.received.bytes | 0',
	sentBytes: 'connection.sent.bytes | 0',
	totalReceivedBytes: 'connection.received.bytes_total | 0',
	totalSentBytes: 'connection.sent.bytes_total | 0',
} as const;

const connectionFrom11 = { responseFlags: 'context.proxy_error_code | ""' } as const;

/** The default log entries of a release. Texts in quotes are constants of Mixer's expression language. */
export function logEntries(minor: Minor): readonly LogEntry[] {
	const from11 = compareMinor(minor, '1.1') >= 0;
	const from13 = compareMinor(minor, '1.3') >= 0;
	const host = 'destination.service.host | ""';
	return [
		{
			name: 'accesslog',
			traffic: 'http',
			params: {
				severity: '"Info"',
				timestamp: 'request.time',
				variables: {
					...ends,
					destinationServiceHost: from13 ? 'destination.service.host | request.host | ""' : host,
					...request,
					...(from11 ? requestFrom11 : {}),
				},
				monitored_resource_type: '"global"',
			},
		},
		{
			name: 'tcpaccesslog',
			traffic: 'tcp',
			params: {
				severity: '"Info"',
				timestamp: 'context.time | timestamp("2017-01-01T00:00:00Z")',
				variables: {
					...ends,
					destinationServiceHost: host,
					...connection,
					...(from11 ? connectionFrom11 : {}),
				},
				monitored_resource_type: '"global"',
			},
		},
	];
}
