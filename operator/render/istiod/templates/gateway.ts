/**
 * The template of a gateway's pod: for pods with annotation `inject.istio.io/templates: gateway`, whose container
 * `istio-proxy` has image `auto`. Nothing is redirected, and ports below 1024 can be opened without a capability.
 */
import type { ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import {
	agentOf,
	canonicalLabels,
	defaultContainer,
	json,
	mountsOf,
	ofContainers,
	proxyImage,
	proxyVolumes,
	pullSecrets,
	volumesOf,
} from './parts.ts';
import { gatewayEnv, podContainers, podOwner, podPorts } from './proxy-env.ts';

/** The arguments by which the template starts a proxy whose pod has no annotations about them. */
export const gatewayArgs: readonly string[] = [
	'proxy',
	'router',
	'--domain',
	'$(POD_NAMESPACE).svc.cluster.local',
	'--proxyLogLevel=warning',
	'--proxyComponentLogLevel=misc:error',
	'--log_output_level=default:info',
];

export function gatewayTemplate(mesh: ResolvedIstiodMesh): string {
	const env = gatewayEnv(mesh, {
		workload: '{{ .DeploymentMeta.Name | quote }}',
		owner: podOwner,
		ports: podPorts,
		containers: podContainers,
	});
	return `${ofContainers}
metadata:
  labels:
${canonicalLabels}
  annotations:
    istio.io/rev: {{ .Revision | default "default" | quote }}
${defaultContainer}
spec:
  securityContext:
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  containers:
  - name: istio-proxy
    image: ${proxyImage(mesh)}
    imagePullPolicy: ${json(mesh.images.pullPolicy)}
${agentOf('router')}
    env:
${env}    readinessProbe:
      httpGet:
        path: /healthz/ready
        port: 15021
      initialDelaySeconds: 0
      periodSeconds: 15
      timeoutSeconds: 3
      failureThreshold: 4
    securityContext:
      runAsUser: {{ .ProxyUID | default 1337 }}
      runAsGroup: {{ .ProxyGID | default 1337 }}
    volumeMounts:
${mountsOf(proxyVolumes)}
  volumes:
${volumesOf(proxyVolumes)}
${pullSecrets(mesh)}`;
}
