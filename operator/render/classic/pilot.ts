/**
 * Pilot of the classic line: tells every proxy about services, endpoints and routing rules. With Citadel it has a proxy in
 * front, which ends TLS. Without certificates that proxy could not start, so there is none.
 */
import { definedFields, remoteSecretsAnnotation, remoteSecretsSinceAnnotation } from '../../../api/v1/index.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { ReadRule } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { Labels } from '../labels.ts';
import { renderAccount } from '../rbac.ts';
import { componentService } from '../service.ts';
import { fieldEnv, renderWorkload } from '../workload.ts';
import { controlPlaneProxy } from './control-plane-proxy.ts';
import type { ClassicFacts } from './facts.ts';
import { meshConfigHash, meshConfigMap } from './mesh-config.ts';
import { networksHash } from './networks.ts';
import { kubeconfigOf } from './pilot-outside.ts';

const component = 'pilot';
const name = 'istio-pilot';

/** Proxies expect this account in Pilot's certificate (istio 1.0-1.4 `pilot/cmd/pilot-agent`). */
export const pilotServiceAccount = 'istio-pilot-service-account';

/** The charts' selector since 1.2. Selectors can't be changed, so every release has this one. */
const selector = { istio: 'pilot' };

/** Path of the mounted ConfigMap, Pilot's own default. */
const configDirectory = '/etc/istio/config';

export function renderPilot(mesh: ResolvedClassicMesh, facts: ClassicFacts): readonly KubeObject[] {
	const proxy = proxyOf(mesh);
	const kubeconfig = kubeconfigOf(mesh, facts);
	return [
		...renderAccount(mesh, {
			component,
			name,
			serviceAccount: pilotServiceAccount,
			...(kubeconfig === undefined ? reads(mesh) : { cluster: [], namespace: [] }),
		}),
		pilotService(mesh, selector),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount: pilotServiceAccount,
			...(kubeconfig === undefined ? {} : { token: false }),
			labels: { app: 'pilot', ...selector },
			selector,
			annotations: {
				'sidecar.istio.io/inject': 'false',
				...followed(mesh, facts),
				...kubeconfig?.annotations,
			},
			...(facts.remoteSecretsSince === undefined
				? {}
				: { notes: { [remoteSecretsSinceAnnotation]: facts.remoteSecretsSince } }),
			container: {
				name: 'discovery',
				image: mesh.images.pilot,
				args: [
					...mesh.release.pilot.args,
					...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig.path}`]),
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
					periodSeconds: mesh.release.pilot.readinessPeriodSeconds,
					timeoutSeconds: 5,
				},
				volumeMounts: [
					{ name: 'config-volume', mountPath: configDirectory },
					...(kubeconfig === undefined ? [] : [kubeconfig.mount]),
					...(proxy !== undefined && mesh.release.pilot.looksForCertificate ? [proxy.certificateMount] : []),
				],
			},
			...(proxy === undefined ? {} : { sidecars: [proxy.container] }),
			volumes: [
				{ name: 'config-volume', configMap: { name: meshConfigMap } },
				...(kubeconfig === undefined ? [] : [kubeconfig.volume]),
				...(proxy?.volumes ?? []),
			],
			settings: mesh.pilot,
		}),
	];
}

function proxyOf(mesh: ResolvedClassicMesh) {
	return mesh.citadel === undefined
		? undefined
		: controlPlaneProxy(mesh, {
				serviceAccount: pilotServiceAccount,
				serviceCluster: name,
				template: 'pilot',
				ports: mesh.release.pilot.proxyPorts,
			});
}

function reads({ release: { pilot } }: ResolvedClassicMesh) {
	return { cluster: [...pilot.configTypes.map(follow), ...pilot.clusterReads], namespace: pilot.namespaceReads };
}

/** Hashes of what Pilot reads only once, so that its pods are replaced when it changes. */
function followed(mesh: ResolvedClassicMesh, { remoteSecrets }: ClassicFacts): Labels {
	const networks = networksHash(mesh);
	return {
		...(mesh.release.pilot.reloadsMeshConfig ? {} : { 'meshwright.io/config-hash': meshConfigHash(mesh) }),
		...definedFields({ 'meshwright.io/networks-hash': networks, [remoteSecretsAnnotation]: remoteSecrets }),
	};
}

/** The rights that an informer needs for one of Istio's own types. */
function follow(type: string): ReadRule {
	const [resource = '', ...group] = type.split('.');
	return { group: group.join('.'), resource, verbs: ['list', 'watch'] };
}

/** Offers only ports that the pods listen on: without a certificate there is no TLS port. */
export function pilotService(mesh: ResolvedClassicMesh, selecting?: Labels): KubeObject {
	const { ports, proxyPorts } = mesh.release.pilot;
	return componentService(mesh, {
		component,
		name,
		...(selecting === undefined ? {} : { selector: selecting }),
		ports: mesh.citadel === undefined ? ports : [...ports, ...proxyPorts],
	});
}
