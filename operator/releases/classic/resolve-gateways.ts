/** Decides which gateways run, and the Services in front of them. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import { type GatewayName, statusPort } from './gateways.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedGateway } from './resolved.ts';

/** In the order of rendering. As in the charts, the ingress gateway is public and the egress gateway is not. */
const gateways = [
	{ key: 'ingress', name: 'istio-ingressgateway', type: 'LoadBalancer' },
	{ key: 'egress', name: 'istio-egressgateway', type: 'ClusterIP' },
] as const satisfies readonly { key: GatewayName; name: string; type: ResolvedGateway['service']['type'] }[];

type GivenGateway = NonNullable<NonNullable<ParsedSpec['gateways']>[GatewayName]>;
type GivenPort = NonNullable<NonNullable<GivenGateway['service']>['ports']>[number];
type ServicePort = ResolvedGateway['service']['ports'][number];

/** Port of Envoy's administration interface when nothing else is set. */
const defaultAdminPort = 15000;

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
	return gateways.flatMap(({ key }) => {
		const given = spec.gateways?.[key];
		if (given === undefined) {
			return [];
		}
		const adminPort = spec.proxy?.adminPort ?? defaultAdminPort;
		return [
			...checkWorkload(release, given, gatewayRules(release, key)),
			...(given.service?.ports ?? []).flatMap((port, index) =>
				checkPort(release, port, `spec.gateways.${key}.service.ports[${index}]`, adminPort),
			),
			...checkAdminPort(given, key, adminPort),
		];
	});
}

function invalid(path: string, message: string, remedy: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} ${message}`, remedy };
}

function checkPort(release: ClassicRelease, port: GivenPort, path: string, adminPort: number): ReleaseProblem[] {
	const problems: ReleaseProblem[] = [];
	if (port.protocol !== undefined && port.protocol !== 'TCP') {
		problems.push({
			path: `${path}.protocol`,
			reason: 'FieldNotInRelease',
			message: `${path}.protocol is ${port.protocol}, and gateways of Istio ${release.version} listen on TCP alone`,
			remedy: 'Remove the port: nothing would answer.',
		});
		return problems;
	}
	if (!isStatusPort(port)) {
		// The status port is added, so its name and its number must be free.
		if (port.name === statusPort.service) {
			problems.push(
				invalid(
					`${path}.name`,
					`must lead to port ${statusPort.port} of the pods, or be another name`,
					'Rename the port.',
				),
			);
		}
		if (port.port === statusPort.port) {
			problems.push(
				invalid(
					`${path}.port`,
					`is the gateway's own status port`,
					`Use another port, or targetPort ${statusPort.port}.`,
				),
			);
		}
	}
	if (targetOf(port) === adminPort) {
		const field = port.targetPort === undefined ? 'port' : 'targetPort';
		problems.push(
			invalid(
				`${path}.${field}`,
				"is where Envoy's administration interface listens, inside the pod alone",
				'Use another port.',
			),
		);
	}
	return problems;
}

/** The status port listens on all addresses, so nothing else can use its number. */
function checkAdminPort({ enabled }: GivenGateway, key: GatewayName, adminPort: number): readonly ReleaseProblem[] {
	return enabled === true && adminPort === statusPort.port
		? [
				invalid(
					'spec.proxy.adminPort',
					`is the status port of the ${key} gateway`,
					`Use another port than ${statusPort.port}.`,
				),
			]
		: [];
}

function targetOf({ port, targetPort = port }: GivenPort): number {
	return targetPort;
}

function isStatusPort(port: GivenPort): boolean {
	return targetOf(port) === statusPort.port && (port.protocol ?? 'TCP') === 'TCP';
}

/** The gateways that are switched on. */
export function resolveGateways(
	release: ClassicRelease,
	spec: ParsedSpec,
	profile: Profile,
): readonly ResolvedGateway[] {
	return gateways.flatMap(({ key, name, type }) => {
		const given = spec.gateways?.[key];
		if (given?.enabled !== true) {
			return [];
		}
		const { service = {} } = given;
		const { externalTrafficPolicy } = service;
		return [
			{
				...resolveWorkload(given, profile.gateways.replicas, release.gateways.resources),
				name,
				service: {
					type: service.type ?? type,
					ports: withStatusPort(service.ports ?? release.gateways.ports[key]),
					annotations: service.annotations ?? {},
					...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
					loadBalancerSourceRanges: service.loadBalancerSourceRanges ?? [],
				},
			},
		];
	});
}

/** Puts the status port first: some load balancers check the health of the first port alone (istio#12503). */
function withStatusPort(ports: readonly GivenPort[]): readonly ServicePort[] {
	const given = ports.map((port): ServicePort => {
		const { name, port: number, nodePort, protocol = 'TCP' } = port;
		return {
			name,
			port: number,
			targetPort: targetOf(port),
			...(nodePort === undefined ? {} : { nodePort }),
			protocol,
		};
	});
	if (ports.some(isStatusPort)) {
		return given;
	}
	const { port } = statusPort;
	return [{ name: statusPort.container, port, targetPort: port, protocol: 'TCP' }, ...given];
}
