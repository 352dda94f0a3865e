/** Gateways of the classic line: proxies at the edge of the mesh, each with a Service, which users' Gateway objects open. */

import { envoyMetricsPort, type ResolvedClassicMesh, statusPort } from '../../releases/classic/index.ts';
import type { Opaque, ResolvedGateway } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { Labels } from '../labels.ts';
import { renderAccount } from '../rbac.ts';
import { gatewayService } from '../service.ts';
import { fieldEnv, labelsOfPods, renderWorkload } from '../workload.ts';
import { gatewayArgs, stackdriverEnv } from './gateway-args.ts';

/** Ports below this one need a capability. */
const firstUnprivilegedPort = 1024;

export function renderGateways(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	return mesh.gateways.flatMap((gateway) => renderGateway(mesh, gateway));
}

function renderGateway(mesh: ResolvedClassicMesh, gateway: ResolvedGateway): readonly KubeObject[] {
	const { name } = gateway;
	// `ingressgateway`: users' Gateway objects select the pods by this label.
	const component = name.replace(/^istio-/, '');
	const labels = { app: name, istio: component };
	const serviceAccount = `${name}-service-account`;
	const workload = { component, name, labels, settings: gateway };
	const certificates = certificateMounts(component, serviceAccount);
	return [
		// The proxy talks to Pilot alone, so the account has no rights. Its name is the gateway's identity in the mesh.
		...renderAccount(mesh, { component, name, serviceAccount, cluster: [], namespace: [] }),
		gatewayService(mesh, { component, name, selector: labels, service: gateway.service }),
		...renderWorkload(mesh, {
			...workload,
			serviceAccount,
			token: false,
			// Envoy listens on the ports below 1024 that Gateway objects name, and writes beside the files of its image.
			isRoot: true,
			selector: labels,
			annotations: { 'sidecar.istio.io/inject': 'false' },
			container: {
				name: 'istio-proxy',
				image: mesh.images.proxy,
				args: gatewayArgs(mesh, name),
				env: env(mesh, gateway, labelsOfPods(mesh, workload)),
				ports: [...listeningPorts(gateway), envoyMetricsPort],
				readinessProbe: {
					httpGet: { path: '/healthz/ready', port: statusPort.port, scheme: 'HTTP' },
					initialDelaySeconds: 1,
					periodSeconds: 2,
					timeoutSeconds: 1,
					failureThreshold: 30,
				},
				volumeMounts: certificates.map(({ volume, mountPath }) => ({ name: volume, mountPath, readOnly: true })),
				// Pilot makes Envoy listen on the very port that a Gateway object names, mostly 80 and 443.
				capabilities: gateway.service.ports.some(({ targetPort }) => targetPort < firstUnprivilegedPort)
					? ['NET_BIND_SERVICE']
					: [],
			},
			volumes: certificates.map(({ volume, secretName }) => ({ name: volume, secret: { secretName, optional: true } })),
		}),
	];
}

/**
 * Mounts of Secrets that may exist: the gateway's own identity, which Citadel writes, and the certificates that its owner
 * serves.
 */
function certificateMounts(component: string, serviceAccount: string) {
	return [
		{ volume: 'istio-certs', secretName: `istio.${serviceAccount}`, mountPath: '/etc/certs' },
		...['certs', 'ca-certs'].map((kind) => ({
			volume: `${component}-${kind}`,
			secretName: `istio-${component}-${kind}`,
			mountPath: `/etc/istio/${component}-${kind}`,
		})),
	];
}

/** A container port for each port of the pods that the Service leads to. */
function listeningPorts({ service: { ports } }: ResolvedGateway) {
	const targets = new Set([statusPort.port, ...ports.map(({ targetPort }) => targetPort)]);
	targets.delete(envoyMetricsPort.port);
	return [...targets].map((port) => ({
		port,
		container: port === statusPort.port ? statusPort.container : `tcp-${port}`,
	}));
}

function env(
	mesh: ResolvedClassicMesh,
	{ name }: ResolvedGateway,
	podLabels: Labels,
): readonly (Opaque & { readonly name: string })[] {
	const { gateways: release } = mesh.release;
	const values: Readonly<Record<string, string>> = {
		...release.env,
		...(release.env.ISTIO_META_CLUSTER_ID === undefined ? {} : { ISTIO_META_CLUSTER_ID: mesh.location.clusterId }),
		...(mesh.location.network === undefined ? {} : { ISTIO_META_NETWORK: mesh.location.network }),
		...(release.tellsOwner
			? {
					ISTIO_META_WORKLOAD_NAME: name,
					ISTIO_META_OWNER: `kubernetes://apis/apps/v1/namespaces/${mesh.namespace}/deployments/${name}`,
				}
			: {}),
		...(release.tellsLabels ? { ISTIO_METAJSON_LABELS: sortedJson(podLabels) } : {}),
		...(release.tellsLabels && mesh.trustDomain !== undefined ? { ISTIO_META_MESH_ID: mesh.trustDomain } : {}),
		// With this the agent starts Envoy only when the certificates are there, which only Citadel writes.
		...(mesh.meshConfig.enableAutoMtls === true && mesh.citadel !== undefined
			? { ISTIO_AUTO_MTLS_ENABLED: 'true' }
			: {}),
		...stackdriverEnv(mesh),
	};
	return [
		...Object.entries(release.fieldEnv).map(([key, path]) => fieldEnv(key, path)),
		...Object.entries(values).map(([key, value]) => ({ name: key, value })),
	];
}

/** JSON of the labels: the same text whatever their order. */
function sortedJson(labels: Labels): string {
	return JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))));
}
