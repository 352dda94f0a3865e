/**
 * Gateways of the classic line: how each release starts the proxies at the edge of the mesh. Sources: the charts in
 * `install/kubernetes/helm/istio/charts/gateways`, and `pilot/cmd/pilot-agent` and `pkg/bootstrap` of each tag.
 */

import type { ComponentRelease, Port, Resources } from '../component.ts';
import type { GatewayName, GatewayPort } from '../gateways.ts';
import { logFlags } from './log-flags.ts';
import type { Minor } from './minors.ts';

export interface GatewayRelease extends ComponentRelease {
	/** The arguments after `proxy router` that do not depend on the installation. */
	readonly args: readonly string[];
	/** Ports of the Services when the installation names none, without the status port. */
	readonly ports: Readonly<Record<GatewayName, readonly GatewayPort[]>>;
	/** Fields of the pod that the process reads, by the name of the variable. */
	readonly fieldEnv: Readonly<Record<string, string>>;
	readonly env: Readonly<Record<string, string>>;
	/** Whether the proxy polls Pilot, at an interval that a flag sets. */
	readonly polls: boolean;
	/** How a flag says where Envoy's metrics go: by address alone, or by all settings of the connection. */
	readonly metricsService?: 'address' | 'settings';
	/** Whether a flag can say where access logs go over gRPC. */
	readonly accessLogService: boolean;
	/** Tracers other than Zipkin. */
	readonly tracers: readonly ('lightstep' | 'datadog' | 'stackdriver')[];
	/** Whether it knows `--trust-domain`. */
	readonly trustDomain: boolean;
	/** Whether it tells Pilot its workload's name and owner, which Mixer's successor in the proxy reports. */
	readonly tellsOwner: boolean;
	/** Whether it tells Pilot its labels, by which Gateway objects select it. In older releases Pilot looks the pod up. */
	readonly tellsLabels: boolean;
}

/** The port on which the agent answers, on every address of the pod, whether Envoy has its configuration from Pilot. */
export const statusPort: Port = { port: 15020, container: 'status-port', service: 'status-port' };

/** Port of Envoy's metrics for Prometheus. The Service does not offer it, as in the charts. */
export const envoyMetricsPort: Port = { port: 15090, container: 'http-envoy-prom' };

/** From the charts: not much at rest, and room for a burst. With the 10m of 1.0 every gateway scaled up at rest. */
const resources: Resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } };

const image = 'proxyv2';

const flagsOfAll = [
	...logFlags,
	'applicationPorts',
	'binaryPath',
	'concurrency',
	'configPath',
	'connectTimeout',
	'controlPlaneAuthPolicy',
	'customConfigFile',
	'disableInternalTelemetry',
	'discoveryAddress',
	'domain',
	'drainDuration',
	'id',
	'ip',
	'parentShutdownDuration',
	'proxyAdminPort',
	'proxyLogLevel',
	'serviceCluster',
	'serviceregistry',
	'statsdUdpAddress',
	'statusPort',
	'templateFile',
	'zipkinAddress',
] as const;

const flagsFrom11 = [
	...flagsOfAll,
	'controlPlaneBootstrap',
	'datadogAgentAddress',
	'lightstepAccessToken',
	'lightstepAddress',
	'lightstepCacertPath',
	'lightstepSecure',
	'trust-domain',
] as const;

const flagsFrom12 = [...flagsFrom11, 'dnsRefreshRate', 'mixerIdentity', 'pilotIdentity', 'proxyComponentLogLevel'];

/** In 1.0 `--domain` would also be the domain of the identity that it expects of Pilot. So it is passed from 1.1 on. */
const argsFrom11 = ['--domain', '$(POD_NAMESPACE).svc.cluster.local', '--log_output_level=default:info'] as const;

const http: readonly GatewayPort[] = [
	{ name: 'http2', port: 80 },
	{ name: 'https', port: 443 },
];
const tcp: GatewayPort = { name: 'tcp', port: 31400 };

/** The port by which networks reach each other through gateways. They route by the name in the TLS handshake. */
export const crossNetworkPort = 15443;

const sni: GatewayPort = { name: 'tls', port: crossNetworkPort };

const fieldEnvOfAll = {
	POD_NAME: 'metadata.name',
	POD_NAMESPACE: 'metadata.namespace',
	INSTANCE_IP: 'status.podIP',
	ISTIO_META_POD_NAME: 'metadata.name',
} as const;

/** Addresses of tracers may refer to HOST_IP: `$(HOST_IP):8126`. */
const fieldEnvFrom11 = {
	...fieldEnvOfAll,
	HOST_IP: 'status.hostIP',
	ISTIO_META_CONFIG_NAMESPACE: 'metadata.namespace',
} as const;

const fieldEnvFrom13 = { ...fieldEnvFrom11, SERVICE_ACCOUNT: 'spec.serviceAccountName' } as const;

/** Makes Pilot add clusters without Istio's mutual TLS, for traffic that is passed on as it came. */
const sniDnat = { ISTIO_META_ROUTER_MODE: 'sni-dnat' } as const;

const from11 = {
	image,
	resources,
	flags: [...flagsFrom11, 'envoyMetricsServiceAddress'],
	args: argsFrom11,
	ports: { ingress: [...http, tcp, sni], egress: [...http, sni] },
	fieldEnv: fieldEnvFrom11,
	env: sniDnat,
	polls: false,
	metricsService: 'address',
	accessLogService: false,
	tracers: ['lightstep', 'datadog'],
	trustDomain: true,
	tellsOwner: false,
	tellsLabels: false,
} as const satisfies GatewayRelease;

export const gatewayReleases: Readonly<Record<Minor, GatewayRelease>> = {
	'1.0': {
		image,
		resources,
		flags: [...flagsOfAll, 'availabilityZone', 'bootstrapv2', 'discoveryRefreshDelay'],
		args: [],
		ports: { ingress: [...http, tcp], egress: http },
		fieldEnv: fieldEnvOfAll,
		env: {},
		polls: true,
		accessLogService: false,
		tracers: [],
		trustDomain: false,
		tellsOwner: false,
		tellsLabels: false,
	},
	'1.1': from11,
	'1.2': { ...from11, flags: [...flagsFrom12, 'envoyMetricsServiceAddress'] },
	'1.3': {
		...from11,
		flags: [...flagsFrom12, 'envoyAccessLogService', 'envoyMetricsServiceAddress'],
		fieldEnv: fieldEnvFrom13,
		accessLogService: true,
		tellsOwner: true,
	},
	'1.4': {
		...from11,
		flags: [...flagsFrom12, 'envoyAccessLogService', 'envoyMetricsService'],
		fieldEnv: fieldEnvFrom13,
		// Pilot knows its own cluster by this name (`serviceregistry.KubernetesRegistry`).
		env: { ...sniDnat, ISTIO_META_CLUSTER_ID: 'Kubernetes' },
		metricsService: 'settings',
		accessLogService: true,
		tracers: ['lightstep', 'datadog', 'stackdriver'],
		tellsOwner: true,
		tellsLabels: true,
	},
};
