/** Decides which gateways run, and the Services in front of them. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import {
	checkGatewayPorts,
	defaultAdminPort,
	type GatewayName,
	gatewayKinds,
	type ResolvedGateway,
	resolveGatewayService,
} from '../gateways.ts';
import type { ReleaseProblem } from '../problem.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import { statusPort } from './gateways.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';

/** Flags whose value follows from the mesh, from the gateway or from the pod, in every release. */
const ownedFlags = [
	'binaryPath',
	'configPath',
	'connectTimeout',
	'controlPlaneAuthPolicy',
	'controlPlaneBootstrap',
	'customConfigFile',
	'datadogAgentAddress',
	'discoveryAddress',
	'discoveryRefreshDelay',
	'domain',
	'drainDuration',
	'envoyAccessLogService',
	'envoyMetricsService',
	'envoyMetricsServiceAddress',
	'id',
	'ip',
	'lightstepAccessToken',
	'lightstepAddress',
	'lightstepCacertPath',
	'lightstepSecure',
	'parentShutdownDuration',
	'proxyAdminPort',
	'serviceCluster',
	'serviceregistry',
	'statsdUdpAddress',
	'statusPort',
	'templateFile',
	'trust-domain',
	'zipkinAddress',
] as const;

const tracerEnv = 'Set spec.mesh.config.defaultConfig.tracing instead.';

/** What an installation can't set for the pods of a gateway. */
function gatewayRules({ gateways: { flags, fieldEnv } }: ClassicRelease, key: GatewayName): WorkloadRules {
	return {
		path: `spec.gateways.${key}`,
		title: 'the proxy of',
		flags,
		shortFlags: {},
		ownedFlags,
		ownedEnv: {
			...Object.fromEntries(Object.keys(fieldEnv).map((name) => [name, 'The pod itself gives it.'])),
			...podEnv,
			ISTIO_AUTO_MTLS_ENABLED: 'Set spec.mesh.config.enableAutoMtls instead.',
			ISTIO_META_CLUSTER_ID: 'It follows from the cluster.',
			ISTIO_META_MESH_ID: 'Set spec.mesh.trustDomain instead.',
			ISTIO_META_NETWORK: 'Set spec.multiCluster.network instead.',
			ISTIO_META_OWNER: 'It follows from the Deployment.',
			ISTIO_META_WORKLOAD_NAME: 'It follows from the Deployment.',
			ISTIO_METAJSON_LABELS: `Set spec.gateways.${key}.podLabels instead.`,
			STACKDRIVER_TRACING_ENABLED: tracerEnv,
			STACKDRIVER_TRACING_DEBUG: tracerEnv,
			STACKDRIVER_TRACING_MAX_NUMBER_OF_ANNOTATIONS: tracerEnv,
			STACKDRIVER_TRACING_MAX_NUMBER_OF_ATTRIBUTES: tracerEnv,
			STACKDRIVER_TRACING_MAX_NUMBER_OF_MESSAGE_EVENTS: tracerEnv,
		},
	};
}

/**
 * All problems of `spec.gateways` that the schema can't see. Gateways that are switched off are checked too, because they
 * may be switched on as they are.
 */
export function checkGateways(release: ClassicRelease, spec: ParsedSpec, _profile: Profile): readonly ReleaseProblem[] {
	return gatewayKinds.flatMap(({ key }) => {
		const given = spec.gateways?.[key];
		if (given === undefined) {
			return [];
		}
		const adminPort = spec.proxy?.adminPort ?? defaultAdminPort;
		return [
			...checkWorkload(release, given, gatewayRules(release, key)),
			...checkGatewayPorts(given, key, { release, statusPort, adminPort, protocols: ['TCP'] }),
		];
	});
}

/** The gateways that are switched on. */
export function resolveGateways(
	release: ClassicRelease,
	spec: ParsedSpec,
	profile: Profile,
): readonly ResolvedGateway[] {
	return gatewayKinds.flatMap(({ key, name, type }) => {
		const given = spec.gateways?.[key];
		if (given?.enabled !== true) {
			return [];
		}
		const ports = release.gateways.ports[key];
		return [
			{
				...resolveWorkload(given, profile.gateways.replicas, release.gateways.resources),
				name,
				service: resolveGatewayService(given.service ?? {}, { type, ports, statusPort }),
			},
		];
	});
}
