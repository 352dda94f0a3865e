/**
 * Pilot of the classic line: tells every proxy about services, endpoints and routing rules. With Citadel it has a proxy in front,
 * which ends TLS; without certificates that proxy could not start, so there is none.
 */
import type { ReadRule, ResolvedClassicMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { controlPlaneProxy } from './control-plane-proxy.ts';
import { meshConfigHash, meshConfigMap } from './mesh-config.ts';
import { renderAccount } from './rbac.ts';
import { componentService } from './service.ts';
import { fieldEnv, renderWorkload } from './workload.ts';

const component = 'pilot';
const name = 'istio-pilot';

/** Proxies expect this account in Pilot's certificate (istio 1.0-1.4 `pilot/cmd/pilot-agent`). */
const serviceAccount = 'istio-pilot-service-account';

/** The charts' selector since 1.2; selectors can not be changed, so every release has this one. */
const selector = { istio: 'pilot' };

/** Path of the mounted ConfigMap, Pilot's own default. */
const configDirectory = '/etc/istio/config';

export function renderPilot(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	const proxy = proxyOf(mesh);
	return [
		...renderAccount(mesh, {
			component,
			name,
			serviceAccount,
			cluster: [...mesh.release.pilot.configTypes.map(follow), ...mesh.release.pilot.clusterReads],
			namespace: mesh.release.pilot.namespaceReads,
		}),
		service(mesh),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount,
			labels: { app: 'pilot', ...selector },
			selector,
			annotations: {
				'sidecar.istio.io/inject': 'false',
				...(mesh.release.pilot.reloadsMeshConfig ? {} : { 'meshwright.io/config-hash': meshConfigHash(mesh) }),
			},
			container: {
				name: 'discovery',
				image: mesh.images.pilot,
				args: [
					...mesh.release.pilot.args,
					...(mesh.trustDomain === undefined ? [] : [`--trust-domain=${mesh.trustDomain}`]),
				],
				env: [
					fieldEnv('POD_NAME', 'metadata.name'),
					fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
					...Object.entries(mesh.release.pilot.env).map(([key, value]) => ({ name: key, value })),
					{ name: 'PILOT_TRACE_SAMPLING', value: String(mesh.traceSampling) },
				],
				ports: mesh.release.pilot.ports,
				readinessProbe: {
					httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' },
					initialDelaySeconds: 5,
					periodSeconds: mesh.release.pilot.readinessPeriod,
					timeoutSeconds: 5,
				},
				volumeMounts: [
					{ name: 'config-volume', mountPath: configDirectory },
					...(proxy !== undefined && mesh.release.pilot.looksForCertificate ? [proxy.certificateMount] : []),
				],
			},
			...(proxy === undefined ? {} : { sidecars: [proxy.container] }),
			volumes: [{ name: 'config-volume', configMap: { name: meshConfigMap } }, ...(proxy?.volumes ?? [])],
			settings: mesh.pilot,
		}),
	];
}

function proxyOf(mesh: ResolvedClassicMesh) {
	return mesh.citadel === undefined
		? undefined
		: controlPlaneProxy(mesh, {
				serviceAccount,
				serviceCluster: name,
				template: 'pilot',
				ports: mesh.release.pilot.proxyPorts,
			});
}

/** What an informer does with one of Istio's own types. */
function follow(type: string): ReadRule {
	const [resource = '', ...group] = type.split('.');
	return { group: group.join('.'), resource, verbs: ['list', 'watch'] };
}

/** Only ports that the pods listen on: without a certificate there is no TLS port. */
function service(mesh: ResolvedClassicMesh): KubeObject {
	const { ports, proxyPorts } = mesh.release.pilot;
	return componentService(mesh, {
		component,
		name,
		labels: { app: 'pilot', ...selector },
		selector,
		ports: mesh.citadel === undefined ? ports : [...ports, ...proxyPorts],
	});
}
