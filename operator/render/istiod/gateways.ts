/**
 * Gateways: proxies at the edge of the mesh, each with a Service, which users' Gateway objects open. What runs in their pods
 * is injected by istiod (template `gateway`).
 */
import { createHash } from 'node:crypto';
import { defaultRevision, podInjectionKey, revisionLabel } from '../../../api/v1/index.ts';
import {
	envoyMetricsPort,
	gatewayRights,
	gatewayStatusPort,
	type ResolvedIstiodGateway,
	type ResolvedIstiodMesh,
} from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderAccount } from '../rbac.ts';
import { gatewayService } from '../service.ts';
import { renderWorkload } from '../workload.ts';
import { gatewayArgs, gatewayTemplate } from './templates/gateway.ts';

/** By this label istiod knows the network of a pod, and of a Service as a way into it (istio.io/api `label/labels.yaml`). */
const networkLabel = 'topology.istio.io/network';

/** Proxies at the edge are not themselves redirected to another one. */
const notRedirected = { 'istio.io/dataplane-mode': 'none' } as const;

const metricsOfProxy = {
	'prometheus.io/path': '/stats/prometheus',
	'prometheus.io/port': '15020',
	'prometheus.io/scrape': 'true',
} as const;

/** The part of the mesh that a gateway is: `ingressgateway`. Users' Gateway objects select the pods by it. */
export function gatewayComponent({ name }: Pick<ResolvedIstiodGateway, 'name'>): string {
	return name.replace(/^istio-/, '');
}

export function renderGateways(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	return mesh.gateways.flatMap((gateway) => renderGateway(mesh, gateway));
}

function renderGateway(mesh: ResolvedIstiodMesh, gateway: ResolvedIstiodGateway): readonly KubeObject[] {
	const { name, network } = gateway;
	const component = gatewayComponent(gateway);
	const selector = { app: name, istio: component };
	const inNetwork = network === undefined ? {} : { [networkLabel]: network };
	// Its name is the gateway's identity in the mesh.
	const serviceAccount = `${name}-service-account`;
	return [
		...renderAccount(mesh, {
			component,
			name: `${name}-sds`,
			application: name,
			serviceAccount,
			cluster: [],
			namespace: gatewayRights,
		}),
		gatewayService(mesh, { component, name, selector, service: gateway.service, labels: inNetwork }),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount,
			token: false,
			labels: {
				...inNetwork,
				...notRedirected,
				...selector,
				[revisionLabel]: mesh.revision ?? defaultRevision,
				[podInjectionKey]: 'true',
			},
			selector,
			annotations: {
				...metricsOfProxy,
				...gateway.podAnnotations,
				'inject.istio.io/templates': 'gateway',
				'meshwright.io/injection-hash': injectionHash(mesh),
				[podInjectionKey]: 'true',
			},
			container: {
				name: 'istio-proxy',
				// What the injector would choose, by its name: so a change of version is one of the Deployment, and replaces the pods.
				image: mesh.images.proxy,
				// Those of a pod replace those of the template.
				args: gateway.extraArgs.length === 0 ? [] : gatewayArgs,
				env: network === undefined ? [] : [{ name: 'ISTIO_META_REQUESTED_NETWORK_VIEW', value: network }],
				ports: [envoyMetricsPort],
				readOnlyRoot: true,
				readinessProbe: {
					httpGet: { path: '/healthz/ready', port: gatewayStatusPort.port, scheme: 'HTTP' },
					initialDelaySeconds: 1,
					periodSeconds: 2,
					timeoutSeconds: 1,
					failureThreshold: 30,
				},
				volumeMounts: [],
			},
			volumes: [],
			settings: gateway,
		}),
	];
}

/** A hash of what is injected into a gateway, since it reaches pods only when they are made. */
function injectionHash(mesh: ResolvedIstiodMesh): string {
	const { defaultConfig, trustDomain } = mesh.meshConfig;
	return createHash('sha256')
		.update(JSON.stringify([gatewayTemplate(mesh), defaultConfig, trustDomain]))
		.digest('hex')
		.slice(0, 32);
}
