/**
 * Gateways of this line: proxies at the edge of the mesh, made of Deployments that istiod injects a proxy into, as the chart
 * `gateway` has them (istio 1.30 `manifests/charts/gateway`, `pilot/cmd/pilot-agent/app/cmd.go`).
 */
import type { AccessRule, Port } from '../component.ts';
import type { GatewayName, GatewayPort } from '../gateways.ts';

/** Where the agent of a gateway answers whether Envoy has its configuration (`pilot/pkg/bootstrap`, `ENVOY_STATUS_PORT`). */
export const gatewayStatusPort: Port = { port: 15_021, container: 'status-port', service: 'status-port' };

/** Port of Envoy's metrics for Prometheus. */
export const envoyMetricsPort: Port = { port: 15_090, container: 'http-envoy-prom' };

const http: readonly GatewayPort[] = [
	{ name: 'http2', port: 80 },
	{ name: 'https', port: 443 },
];

/** Ports of the Services when the installation names none, without the status port. */
export const gatewayPorts: Readonly<Record<GatewayName, readonly GatewayPort[]>> = { ingress: http, egress: http };

/** The port by which networks reach each other through gateways. They route by the name in the TLS handshake. */
export const crossNetworkPort = 15_443;

/** Ports of the gateway between networks: workloads, and istiod with its webhooks for clusters that have none. */
export const eastWestPorts: readonly GatewayPort[] = [
	{ name: 'tls', port: crossNetworkPort },
	{ name: 'tls-istiod', port: 15_012 },
	{ name: 'tls-webhook', port: 15_017 },
];

export const eastWestGateway = 'istio-eastwestgateway';

/**
 * What the account of a gateway may do in its namespace. The proxy reads no Secret itself: istiod gives it the certificates
 * that Gateway objects name when this account may list Secrets, and asks about nothing else (istio 1.30
 * `pilot/pkg/credentials/kube/secrets.go`, `Authorize`).
 */
export const gatewayRights: readonly AccessRule[] = [{ group: '', resource: 'secrets', verbs: ['list'] }];

/** The charts' resources of a proxy, beside a workload or by itself. */
export const proxyResources = {
	requests: { cpu: '100m', memory: '128Mi' },
	limits: { cpu: '2', memory: '1Gi' },
} as const;

/** Flags of `pilot-agent proxy`. */
export const gatewayFlags = [
	'concurrency',
	'domain',
	'log_as_json',
	'log_caller',
	'log_output_level',
	'log_stacktrace_level',
	'log_target',
	'meshConfig',
	'outlierLogPath',
	'profiling',
	'proxyComponentLogLevel',
	'proxyLogLevel',
	'serviceCluster',
	'stsPort',
	'templateFile',
	'tokenManagerPlugin',
	'vklog',
] as const;
