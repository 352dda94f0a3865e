/** The container `istio-proxy` in control plane pods: Envoy in front of Pilot and of both Mixers. */

import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { Opaque, Port, Resources } from '../../releases/index.ts';
import { asGiven } from '../finish.ts';
import { type Container, fieldEnv } from '../workload.ts';

/** What differs between the pods that have such a proxy. */
export interface ControlPlaneProxy {
	/** The ServiceAccount whose certificate the proxy shows. */
	readonly serviceAccount: string;
	/** The name that Envoy gives itself: `istio-pilot`, `istio-policy`, `istio-telemetry`. */
	readonly serviceCluster: string;
	/** The image's template for Envoy's configuration. */
	readonly template: 'pilot' | 'policy' | 'telemetry';
	/** The ports that the template makes Envoy listen on. */
	readonly ports: readonly [Port, ...Port[]];
	/** Further mounts, besides the certificate: the socket of Mixer. The caller provides their volumes. */
	readonly volumeMounts?: readonly Opaque[];
}

export interface RenderedControlPlaneProxy {
	readonly container: Container & { readonly resources: Resources };
	/** The volumes that the pod needs for this container. */
	readonly volumes: readonly Opaque[];
	/** The mount of the certificate, for other containers of the pod that read it too. */
	readonly certificateMount: Opaque;
}

/** Name of the volume with the certificate. */
const certificates = 'istio-certs';

/** Name of the Secret in which Citadel keeps the certificate of a ServiceAccount (istio 1.0-1.4 `security/pkg/k8s/controller`). */
function certificateSecretName(serviceAccount: string): string {
	return `istio.${serviceAccount}`;
}

/** Name of the volume for the files that the agent writes. */
const configuration = 'proxy-config';

/**
 * The agent writes `envoy.yaml` into its `--configPath` (istio 1.0-1.4 `pilot/cmd/pilot-agent/main.go`). The default,
 * `/etc/istio/proxy`, belongs to root and has the templates in it, so it can neither be written nor be mounted over.
 */
const configDirectory = '/var/run/istio-proxy';

export function controlPlaneProxy(mesh: ResolvedClassicMesh, proxy: ControlPlaneProxy): RenderedControlPlaneProxy {
	const { domain, logArgs, env, resources } = mesh.release.controlPlaneProxy;
	const certificateMount = { name: certificates, mountPath: '/etc/certs', readOnly: true };
	return {
		container: {
			name: 'istio-proxy',
			image: mesh.images.proxy,
			args: [
				'proxy',
				...(domain === undefined ? [] : ['--domain', domain]),
				'--serviceCluster',
				proxy.serviceCluster,
				'--templateFile',
				`/etc/istio/proxy/envoy_${proxy.template}.yaml.tmpl`,
				'--configPath',
				configDirectory,
				'--controlPlaneAuthPolicy',
				mesh.controlPlaneSecurity ? 'MUTUAL_TLS' : 'NONE',
				...(mesh.trustDomain === undefined ? [] : [`--trust-domain=${mesh.trustDomain}`]),
				...(isReporting(mesh) ? [] : ['--disableInternalTelemetry']),
				...logArgs,
			],
			env: [
				fieldEnv('POD_NAME', 'metadata.name'),
				fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
				fieldEnv('INSTANCE_IP', 'status.podIP'),
				...Object.entries(env).map(([name, value]) => ({ name, value })),
			],
			ports: proxy.ports,
			// Envoy listens once it has its configuration, the certificate included. Until then no proxy is sent to this pod.
			readinessProbe: { tcpSocket: { port: proxy.ports[0].port }, periodSeconds: 5, timeoutSeconds: 5 },
			resources,
			volumeMounts: [
				certificateMount,
				{ name: configuration, mountPath: configDirectory },
				...(proxy.volumeMounts ?? []),
			],
		},
		certificateMount,
		volumes: [
			{
				name: certificates,
				// Optional, because the pod starts before Citadel has written the Secret. Envoy restarts once it is there.
				secret: { secretName: certificateSecretName(proxy.serviceAccount), optional: true },
			},
			asGiven({ name: configuration, emptyDir: {} }),
		],
	};
}

/**
 * Whether the proxies of the control plane report to `istio-telemetry`: it must exist, and they must be able to reach it.
 */
function isReporting(mesh: ResolvedClassicMesh): boolean {
	return (
		mesh.mixer.telemetry !== undefined &&
		(!mesh.controlPlaneSecurity || mesh.release.controlPlaneProxy.reportsUnderMutualTls)
	);
}
