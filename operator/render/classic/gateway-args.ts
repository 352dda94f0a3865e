/**
 * The command line of a gateway's proxy. Gateways mount no mesh configuration, so they get its settings as flags. Envoy's
 * other settings come from Pilot. Flags: `pilot/cmd/pilot-agent/main.go` of istio 1.0-1.4.
 */

import { type ResolvedClassicMesh, statusPort } from '../../releases/classic/index.ts';
import type { Opaque } from '../../releases/index.ts';

/** The pause between two polls of a 1.0 proxy, when the mesh does not set it. */
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
		...flag('connectTimeout', config.connectTimeout),
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

/** Zipkin has a field of its own or, in releases with a choice of tracers, is one of them. */
function tracerArgs({ release }: ResolvedClassicMesh, config: Opaque): readonly string[] {
	const { tracers } = release.gateways;
	const tracing = objectIn(config, 'tracing');
	const zipkin = config.zipkinAddress ?? objectIn(tracing, 'zipkin').address;
	if (tracers.includes('lightstep') && 'lightstep' in tracing) {
		const { address, accessToken, secure = false, cacertPath } = objectIn(tracing, 'lightstep');
		return [
			...flag('lightstepAddress', address),
			...flag('lightstepAccessToken', accessToken),
			// On a command line a boolean flag takes no separate value.
			`--lightstepSecure=${String(secure)}`,
			...flag('lightstepCacertPath', cacertPath),
		];
	}
	if (tracers.includes('datadog') && 'datadog' in tracing) {
		return flag('datadogAgentAddress', objectIn(tracing, 'datadog').address);
	}
	return flag('zipkinAddress', zipkin);
}

/** The addresses to which metrics and access logs go over gRPC. */
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

/** Stackdriver is switched on by environment variables alone. */
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

/** A flag with its value. Nothing when there is no value. */
function flag(name: string, value: unknown): readonly string[] {
	return value === undefined || value === null ? [] : [`--${name}`, String(value)];
}

function objectIn(parent: Opaque, field: string): Opaque {
	const value = parent[field];
	return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Opaque) : {};
}
