/**
 * The command line of a gateway's proxy. Gateways mount no mesh configuration, so what the mesh says is handed on as flags;
 * Envoy's further settings come from Pilot. Flags: `pilot/cmd/pilot-agent/main.go` of istio 1.0-1.4.
 */
import { type Opaque, type ResolvedClassicMesh, statusPort } from '../../releases/index.ts';

/** What the charts give gateways of every release, where the mesh configuration leaves it to Istio's own default. */
const defaultConnectTimeout = '10s';

/** How often a proxy of 1.0 polls when the mesh does not say. */
const defaultRefreshDelay = '1s';

export function gatewayArgs(mesh: ResolvedClassicMesh, name: string): readonly string[] {
	const { gateways: release } = mesh.release;
	const config = objectIn(mesh.meshConfig, 'defaultConfig');
	return [
		'proxy',
		'router',
		...release.args,
		...(release.polls ? flag('discoveryRefreshDelay', config.discoveryRefreshDelay ?? defaultRefreshDelay) : []),
		...flag('drainDuration', config.drainDuration),
		...flag('parentShutdownDuration', config.parentShutdownDuration),
		...flag('connectTimeout', config.connectTimeout ?? defaultConnectTimeout),
		...flag('serviceCluster', name),
		...tracerArgs(mesh, config),
		...flag('statsdUdpAddress', config.statsdUdpAddress),
		...serviceArgs(mesh, config),
		...flag('proxyAdminPort', config.proxyAdminPort),
		...flag('statusPort', statusPort.port),
		...flag('controlPlaneAuthPolicy', config.controlPlaneAuthPolicy),
		...flag('discoveryAddress', config.discoveryAddress),
		...(release.trustDomain && mesh.trustDomain !== undefined ? [`--trust-domain=${mesh.trustDomain}`] : []),
	];
}

/** Zipkin is in a field of its own or, in releases with a choice of tracers, among them. */
function tracerArgs({ release }: ResolvedClassicMesh, config: Opaque): readonly string[] {
	const { tracers } = release.gateways;
	const tracing = objectIn(config, 'tracing');
	const zipkin = config.zipkinAddress ?? objectIn(tracing, 'zipkin').address;
	if (tracers.includes('lightstep') && 'lightstep' in tracing) {
		const { address, accessToken, secure = false, cacertPath } = objectIn(tracing, 'lightstep');
		return [
			...flag('lightstepAddress', address),
			...flag('lightstepAccessToken', accessToken),
			// A truth takes no separate value on a command line.
			`--lightstepSecure=${String(secure)}`,
			...flag('lightstepCacertPath', cacertPath),
		];
	}
	if (tracers.includes('datadog') && 'datadog' in tracing) {
		return flag('datadogAgentAddress', objectIn(tracing, 'datadog').address);
	}
	return flag('zipkinAddress', zipkin);
}

/** Where metrics and access logs go over gRPC. */
function serviceArgs({ release }: ResolvedClassicMesh, config: Opaque): readonly string[] {
	const { metricsService, accessLogService } = release.gateways;
	const metrics = {
		address: config.envoyMetricsServiceAddress,
		...objectIn(config, 'envoyMetricsService'),
	};
	const accessLog = config.envoyAccessLogService;
	return [
		...(metricsService === 'address' ? flag('envoyMetricsServiceAddress', metrics.address) : []),
		...(metricsService === 'settings' && metrics.address !== undefined
			? flag('envoyMetricsService', JSON.stringify(metrics))
			: []),
		...(accessLogService && accessLog !== undefined ? flag('envoyAccessLogService', JSON.stringify(accessLog)) : []),
	];
}

/** Stackdriver is said by the environment alone. */
export function stackdriverEnv({ release, meshConfig }: ResolvedClassicMesh): Readonly<Record<string, string>> {
	const tracing = objectIn(objectIn(meshConfig, 'defaultConfig'), 'tracing');
	if (!release.gateways.tracers.includes('stackdriver') || !('stackdriver' in tracing)) {
		return {};
	}
	const given = objectIn(tracing, 'stackdriver');
	const variables = {
		STACKDRIVER_TRACING_DEBUG: given.debug,
		STACKDRIVER_TRACING_MAX_NUMBER_OF_ANNOTATIONS: given.maxNumberOfAnnotations,
		STACKDRIVER_TRACING_MAX_NUMBER_OF_ATTRIBUTES: given.maxNumberOfAttributes,
		STACKDRIVER_TRACING_MAX_NUMBER_OF_MESSAGE_EVENTS: given.maxNumberOfMessageEvents,
	};
	return {
		STACKDRIVER_TRACING_ENABLED: 'true',
		...Object.fromEntries(
			Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
		),
	};
}

/** A flag with its value; none where there is no value. */
function flag(name: string, value: unknown): readonly string[] {
	return value === undefined || value === null ? [] : [`--${name}`, String(value)];
}

function objectIn(parent: Opaque, field: string): Opaque {
	const value = parent[field];
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Opaque) : {};
}
