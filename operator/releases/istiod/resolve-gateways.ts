/** Decides which gateways run, and the Services in front of them. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import {
	checkGatewayPorts,
	defaultAdminPort,
	type GatewayName,
	gatewayKinds,
	resolveGatewayService,
} from '../gateways.ts';
import type { Replicas } from '../mesh.ts';
import { child, type ReleaseProblem } from '../problem.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import {
	eastWestGateway,
	eastWestPorts,
	gatewayFlags,
	gatewayPorts,
	proxyResources,
	gatewayStatusPort as statusPort,
} from './gateways.ts';
import type { IstiodRelease } from './release.ts';
import type { ResolvedIstiodGateway } from './resolved.ts';

const followsPod = 'The pod itself gives it.';
const followsMesh = 'It follows from the mesh.';

/** What an installation can't set for the pods of a gateway. */
function gatewayRules(key: GatewayName): WorkloadRules {
	return {
		path: `spec.gateways.${key}`,
		title: 'the proxy of',
		flags: gatewayFlags,
		shortFlags: {},
		ownedFlags: ['domain', 'meshConfig', 'serviceCluster', 'stsPort', 'templateFile', 'tokenManagerPlugin'],
		ownedEnv: {
			...podEnv,
			CA_ADDR: followsMesh,
			CA_ROOT_CA: followsMesh,
			COMPLIANCE_POLICY: 'Set it in spec.pilot.env instead.',
			HOST_IP: followsPod,
			INSTANCE_IP: followsPod,
			ISTIO_CPU_LIMIT: followsPod,
			ISTIO_META_CLUSTER_ID: 'Set spec.multiCluster.clusterName instead.',
			ISTIO_META_INTERCEPTION_MODE: 'Remove it: nothing is redirected to a gateway.',
			ISTIO_META_MESH_ID: 'Set spec.mesh.config.defaultConfig.meshId instead.',
			ISTIO_META_NETWORK: 'Set spec.multiCluster.network instead.',
			ISTIO_META_NODE_NAME: followsPod,
			ISTIO_META_OWNER: 'It follows from the Deployment.',
			ISTIO_META_WORKLOAD_NAME: 'It follows from the Deployment.',
			PILOT_CERT_PROVIDER: followsMesh,
			PROXY_CONFIG: 'Set spec.mesh.config.defaultConfig instead.',
			SERVICE_ACCOUNT: followsPod,
			TRUST_DOMAIN: 'Set spec.mesh.trustDomain instead.',
			XDS_ROOT_CA: followsMesh,
		},
	};
}

/** Annotations that the injector reads, and labels by which istiod knows a gateway, with what to do instead. */
const ownedPodKeys: Readonly<Record<string, string>> = {
	'inject.istio.io/templates': 'Remove it: the proxy comes by the template gateway.',
	'istio.io/dataplane-mode': 'Remove it: a gateway is a proxy itself.',
	'istio.io/rev': 'Remove it: it follows from the installation.',
	'proxy.istio.io/config': 'Set spec.mesh.config.defaultConfig instead.',
	'proxy.istio.io/overrides': 'Remove it.',
	'sidecar.istio.io/agentLogLevel': 'Set --log_output_level in extraArgs instead.',
	'sidecar.istio.io/componentLogLevel': 'Set --proxyComponentLogLevel in extraArgs instead.',
	'sidecar.istio.io/logLevel': 'Set --proxyLogLevel in extraArgs instead.',
	'sidecar.istio.io/proxyImage': 'Set spec.images.digests.proxy instead.',
	'sidecar.istio.io/proxyImageType': 'Set spec.images.tag instead.',
	'sidecar.istio.io/status': 'Remove it.',
	'topology.istio.io/network': 'Set spec.multiCluster.network instead.',
};

/**
 * All problems of `spec.gateways` that the schema can't see. Gateways that are switched off are checked too, because they
 * may be switched on as they are.
 */
export function checkGateways(
	release: IstiodRelease,
	spec: ParsedSpec,
	{ injects }: { readonly injects: boolean },
): readonly ReleaseProblem[] {
	const adminPort = spec.proxy?.adminPort ?? defaultAdminPort;
	return gatewayKinds.flatMap(({ key }) => {
		const given = spec.gateways?.[key];
		if (given === undefined) return [];
		const path = `spec.gateways.${key}`;
		return [
			...checkWorkload(release, given, gatewayRules(key)),
			...checkPodKeys(`${path}.podLabels`, given.podLabels),
			...checkPodKeys(`${path}.podAnnotations`, given.podAnnotations),
			...checkGatewayPorts(given, key, { release, statusPort, adminPort, protocols: ['TCP', 'UDP'] }),
			...(given.enabled === true && !injects
				? [
						{
							path: `${path}.enabled`,
							reason: 'Invalid',
							message: `${path}.enabled must not be true while nothing is injected: the proxy of a gateway comes by injection`,
							remedy: 'Set spec.sidecarInjector.enabled to true.',
						} as const,
					]
				: []),
		];
	});
}

function checkPodKeys(path: string, given: Readonly<Record<string, string>> = {}): readonly ReleaseProblem[] {
	return Object.keys(given).flatMap((key) => {
		const remedy = Object.hasOwn(ownedPodKeys, key) ? ownedPodKeys[key] : undefined;
		const here = child(path, key);
		return remedy === undefined
			? []
			: [{ path: here, reason: 'Invalid', message: `${here} must not be set: the operator sets it`, remedy } as const];
	});
}

/** Who exposes istiod by the gateway between networks needs that gateway. */
export function checkExposure({ multiCluster = {} }: Pick<ParsedSpec, 'multiCluster'>): readonly ReleaseProblem[] {
	const { exposeControlPlane, network } = multiCluster;
	const path = 'spec.multiCluster.exposeControlPlane';
	return exposeControlPlane !== true || (network !== undefined && hasOtherNetwork({ multiCluster }, network))
		? []
		: [
				{
					path,
					reason: 'Invalid',
					message: `${path} is about clusters in other networks, and none is listed: within one network they reach the pods of istiod themselves`,
					remedy:
						'Remove it, or name the networks of this cluster and of the others (spec.multiCluster.network, network of each entry).',
				},
			];
}

/** The gateways that are switched on, and the one between networks where the mesh has several. */
export function resolveGateways(
	spec: ParsedSpec,
	replicas: Replicas,
	network: string | undefined,
): readonly ResolvedIstiodGateway[] {
	const named = gatewayKinds.flatMap(({ key, name, type }): readonly ResolvedIstiodGateway[] => {
		const given = spec.gateways?.[key];
		if (given?.enabled !== true) return [];
		const ports = gatewayPorts[key];
		return [
			{
				...resolveWorkload(given, replicas, proxyResources),
				name,
				service: resolveGatewayService(given.service ?? {}, { type, ports, statusPort }),
			},
		];
	});
	return network === undefined || !hasOtherNetwork(spec, network) ? named : [...named, gatewayInto(network, replicas)];
}

/** The gateway by which workloads of other networks enter this one. */
export function gatewayInto(network: string, replicas: Replicas): ResolvedIstiodGateway {
	const service = resolveGatewayService({}, { type: 'LoadBalancer', ports: eastWestPorts, statusPort });
	return { ...resolveWorkload({}, replicas, proxyResources), name: eastWestGateway, service, network };
}

/** A cluster without a network of its own is in that of this one. */
function hasOtherNetwork({ multiCluster }: Pick<ParsedSpec, 'multiCluster'>, network: string): boolean {
	return (multiCluster?.clusters ?? []).some((cluster) => (cluster.network ?? network) !== network);
}
