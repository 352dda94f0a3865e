/**
 * Gateways at the edge of a mesh, as `spec.gateways` has them, the same for all lines: which there are, and the Services in
 * front of them. Pure.
 */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { Port } from './component.ts';
import type { ResolvedWorkload } from './mesh.ts';
import type { ReleaseProblem } from './problem.ts';
import type { Release } from './release.ts';

/** The two gateways of a mesh, as `spec.gateways` names them. */
export type GatewayName = 'ingress' | 'egress';

export interface GatewayPort {
	/** Istio reads the protocol from the first part of the name. */
	readonly name: string;
	readonly port: number;
}

/** The Service in front of a gateway. */
export interface ResolvedGatewayService {
	readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
	readonly ports: readonly {
		readonly name: string;
		readonly port: number;
		readonly targetPort: number;
		readonly nodePort?: number;
		readonly protocol: 'TCP' | 'UDP' | 'SCTP';
	}[];
	readonly annotations: Readonly<Record<string, string>>;
	readonly externalTrafficPolicy?: 'Cluster' | 'Local';
	readonly loadBalancerSourceRanges: readonly string[];
}

export interface ResolvedGateway extends ResolvedWorkload {
	/** `istio-ingressgateway` or `istio-egressgateway`. */
	readonly name: string;
	readonly service: ResolvedGatewayService;
}

export type GivenGateway = NonNullable<NonNullable<ParsedSpec['gateways']>[GatewayName]>;
type GivenPort = NonNullable<NonNullable<GivenGateway['service']>['ports']>[number];
type ServicePort = ResolvedGatewayService['ports'][number];

/** In the order of rendering. As in the charts, the ingress gateway is public and the egress gateway is not. */
export const gatewayKinds = [
	{ key: 'ingress', name: 'istio-ingressgateway', type: 'LoadBalancer' },
	{ key: 'egress', name: 'istio-egressgateway', type: 'ClusterIP' },
] as const satisfies readonly { key: GatewayName; name: string; type: ResolvedGatewayService['type'] }[];

/** What a line says of the ports of its gateways. */
export interface GatewayPortRules {
	readonly release: Pick<Release, 'version'>;
	/** Where the agent answers whether Envoy has its configuration. It listens on all addresses. */
	readonly statusPort: Port;
	/** Port of Envoy's administration interface, inside the pod alone. */
	readonly adminPort: number;
	/** Protocols that a gateway listens on. */
	readonly protocols: readonly ServicePort['protocol'][];
}

/** Port of Envoy's administration interface when nothing else is set. */
export const defaultAdminPort = 15_000;

/** What is wrong with the ports of a gateway, as far as the schema can't see it. */
export function checkGatewayPorts(
	given: GivenGateway,
	key: GatewayName,
	rules: GatewayPortRules,
): readonly ReleaseProblem[] {
	return [
		...(given.service?.ports ?? []).flatMap((port, index) =>
			checkPort(rules, port, `spec.gateways.${key}.service.ports[${index}]`),
		),
		...checkAdminPort(given, key, rules),
	];
}

function invalid(path: string, message: string, remedy: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} ${message}`, remedy };
}

function checkPort(
	{ release, statusPort, adminPort, protocols }: GatewayPortRules,
	port: GivenPort,
	path: string,
): readonly ReleaseProblem[] {
	const problems: ReleaseProblem[] = [];
	if (port.protocol !== undefined && !protocols.includes(port.protocol)) {
		problems.push({
			path: `${path}.protocol`,
			reason: 'FieldNotInRelease',
			message: `${path}.protocol is ${port.protocol}, and gateways of Istio ${release.version} listen on ${protocols.length === 1 ? `${protocols[0]} alone` : protocols.join(' and ')}`,
			remedy: 'Remove the port: nothing would answer.',
		});
		return problems;
	}
	if (!leadsTo(port, statusPort)) {
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
function checkAdminPort(
	{ enabled }: GivenGateway,
	key: GatewayName,
	{ adminPort, statusPort }: GatewayPortRules,
): readonly ReleaseProblem[] {
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

function leadsTo(port: GivenPort, statusPort: Port): boolean {
	return targetOf(port) === statusPort.port && (port.protocol ?? 'TCP') === 'TCP';
}

/** The Service in front of a gateway, with what the line has where the installation says nothing. */
export function resolveGatewayService(
	service: NonNullable<GivenGateway['service']>,
	standard: {
		readonly type: ResolvedGatewayService['type'];
		readonly ports: readonly GatewayPort[];
		readonly statusPort: Port;
	},
): ResolvedGatewayService {
	const { externalTrafficPolicy } = service;
	return {
		type: service.type ?? standard.type,
		ports: withStatusPort(service.ports ?? standard.ports, standard.statusPort),
		annotations: service.annotations ?? {},
		...(externalTrafficPolicy === undefined ? {} : { externalTrafficPolicy }),
		loadBalancerSourceRanges: service.loadBalancerSourceRanges ?? [],
	};
}

/** Puts the status port first: some load balancers check the health of the first port alone (istio#12503). */
function withStatusPort(ports: readonly GivenPort[], statusPort: Port): readonly ServicePort[] {
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
	if (ports.some((port) => leadsTo(port, statusPort))) return given;
	const { port } = statusPort;
	return [{ name: statusPort.container, port, targetPort: port, protocol: 'TCP' }, ...given];
}
