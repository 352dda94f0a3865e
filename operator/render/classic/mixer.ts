/**
 * Mixer of the classic line: `istio-policy` answers proxies before a request, `istio-telemetry` takes their reports after
 * it.
 */
import { remoteSecretsAnnotation } from '../../../api/v1/index.ts';
import {
	configFromApiServer,
	type MixerService,
	meshMetricsPort,
	mixerProxyPorts,
	type ResolvedClassicMesh,
} from '../../releases/classic/index.ts';
import type { Port, ResolvedWorkload } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { asGiven } from '../finish.ts';
import type { Labels } from '../labels.ts';
import { renderAccount } from '../rbac.ts';
import { componentService } from '../service.ts';
import { fieldEnv, renderWorkload } from '../workload.ts';
import { controlPlaneProxy } from './control-plane-proxy.ts';
import type { ClassicFacts } from './facts.ts';
import { kubeconfigOf } from './pilot-outside.ts';
import { renderTelemetry } from './telemetry/index.ts';
import { mixerComponent, mixerName } from './telemetry/objects.ts';
import { mixerTraffic } from './telemetry/traffic.ts';

/** ServiceAccount of both services. Proxies expect it in Mixer's certificate (istio 1.0-1.4 `pilot/cmd/pilot-agent`). */
const serviceAccount = 'istio-mixer-service-account';

/** Socket between Mixer and the proxy in front of it. */
const socket = { name: 'uds-socket', mountPath: '/sock' };

export function renderMixer(mesh: ResolvedClassicMesh, facts: ClassicFacts): readonly KubeObject[] {
	const { policy, telemetry } = mesh.mixer;
	if (policy === undefined && telemetry === undefined) {
		return [];
	}
	return [
		...renderAccount(mesh, {
			component: mixerComponent,
			name: mixerName,
			serviceAccount,
			...(mesh.pilotKubeconfig === undefined ? reads(mesh) : { cluster: [], namespace: [] }),
		}),
		...(policy === undefined ? [] : renderService(mesh, facts, 'policy', policy)),
		...(telemetry === undefined ? [] : renderService(mesh, facts, 'telemetry', telemetry)),
		...renderTelemetry(mesh),
	];
}

function reads({ release }: ResolvedClassicMesh) {
	const { configKinds, clusterReads, namespaceReads } = release.mixer;
	return {
		cluster: [
			...configKinds.map((resource) => ({ group: 'config.istio.io', resource, verbs: ['list', 'watch'] as const })),
			...clusterReads,
		],
		namespace: namespaceReads,
	};
}

/** The charts' selector since 1.2. Selectors can't be changed, so every release has this one. */
function selectorOf(component: MixerService): Labels {
	return { istio: 'mixer', 'istio-mixer-type': component };
}

/** Ports of the container `mixer` itself. */
function ports(mesh: ResolvedClassicMesh, component: MixerService): readonly Port[] {
	const monitoring = {
		port: mesh.release.mixer.monitoringPort,
		container: 'http-monitoring',
		service: 'http-monitoring',
	};
	return component === 'telemetry' ? [monitoring, meshMetricsPort] : [monitoring];
}

function renderService(
	mesh: ResolvedClassicMesh,
	facts: ClassicFacts,
	component: MixerService,
	settings: ResolvedWorkload,
): readonly KubeObject[] {
	const { mixer } = mesh.release;
	const name = `istio-${component}`;
	const selector = selectorOf(component);
	const proxy = controlPlaneProxy(mesh, {
		serviceAccount,
		serviceCluster: name,
		template: component,
		ports: mixerProxyPorts,
		volumeMounts: [socket],
	});
	const kubeconfig = kubeconfigOf(mesh, facts);
	// Mixer answers this only once it has read its configuration, shortly before it takes the first call
	// (`mixer/pkg/server/server.go`).
	const version = { httpGet: { path: '/version', port: mixer.monitoringPort, scheme: 'HTTP' } };
	return [
		mixerService(mesh, component, selector),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount,
			...(kubeconfig === undefined ? {} : { token: false }),
			labels: { app: component, ...selector },
			selector,
			annotations: {
				'sidecar.istio.io/inject': 'false',
				// The adapter `kubernetesenv` reads other clusters too, by Secrets whose updates it ignores.
				...(facts.remoteSecrets === undefined || !mixer.config.kubernetesenv
					? {}
					: { [remoteSecretsAnnotation]: facts.remoteSecrets }),
				...kubeconfig?.annotations,
			},
			container: {
				name: 'mixer',
				image: mesh.images.mixer,
				args: [
					...mixer.args.map((arg) => (arg === configFromApiServer ? `${arg}${kubeconfig?.path ?? ''}` : arg)),
					`--configDefaultNamespace=${mesh.namespace}`,
					...(mesh.mixer.zipkinUrl === undefined ? [] : [`--trace_zipkin_url=${mesh.mixer.zipkinUrl}`]),
					...(component === 'policy' ? mixer.policyArgs : mixer.telemetryArgs),
				],
				env: [
					fieldEnv('POD_NAME', 'metadata.name'),
					fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
					...Object.entries(mixer.env).map(([key, value]) => ({ name: key, value })),
					// The adapter `kubernetesenv` reads this variable (`mixer/adapter/kubernetesenv/kubernetesenv.go`).
					...(kubeconfig === undefined ? [] : [{ name: 'KUBECONFIG', value: kubeconfig.path }]),
				],
				ports: ports(mesh, component),
				// Reading the configuration takes up to `--configWaitTimeout`, 2m. Then the process itself gives up.
				startupProbe: { ...version, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 30 },
				readinessProbe: { ...version, periodSeconds: 5, timeoutSeconds: 5 },
				livenessProbe: { ...version, periodSeconds: 5, timeoutSeconds: 5 },
				volumeMounts: [socket, ...(kubeconfig === undefined ? [] : [kubeconfig.mount])],
			},
			sidecars: [proxy.container],
			volumes: [
				...proxy.volumes,
				asGiven({ name: socket.name, emptyDir: {} }),
				...(kubeconfig === undefined ? [] : [kubeconfig.volume]),
			],
			settings,
		}),
		mixerTraffic(mesh, component, name),
	];
}

export function mixerService(mesh: ResolvedClassicMesh, component: MixerService, selecting?: Labels): KubeObject {
	return componentService(mesh, {
		component,
		name: `istio-${component}`,
		...(selecting === undefined ? {} : { selector: selecting }),
		// Every proxy needs this Service, whatever the mesh says about the visibility of services.
		annotations: mesh.release.mixer.config.exportTo ? { 'networking.istio.io/exportTo': '*' } : {},
		ports: [...mixerProxyPorts, ...ports(mesh, component)],
	});
}
