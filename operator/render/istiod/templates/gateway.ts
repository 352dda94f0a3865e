/**
 * The template of a gateway's pod: for pods with annotation `inject.istio.io/templates: gateway`, whose container
 * `istio-proxy` has image `auto`. Nothing is redirected, and ports below 1024 can be opened without a capability.
 */
import type { ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { agentOf, canonicalLabels, json, proxyImage, proxyVolumes, pullSecrets } from './parts.ts';
import { gatewayEnv } from './proxy-env.ts';

export function gatewayTemplate(mesh: ResolvedIstiodMesh): string {
	const env = gatewayEnv(mesh, {
		workload: '{{ .DeploymentMeta.Name | quote }}',
		owner:
			'{{ printf "kubernetes://apis/%s/namespaces/%s/%ss/%s" .TypeMeta.APIVersion (valueOrDefault .DeploymentMeta.Namespace "default") (toLower .TypeMeta.Kind) .DeploymentMeta.Name | quote }}',
	});
	return `metadata:
  labels:
${canonicalLabels}
  annotations:
    istio.io/rev: {{ .Revision | default "default" | quote }}
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
${env}
    readinessProbe:
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
${proxyVolumes.mounts}
  volumes:
${proxyVolumes.volumes}
${pullSecrets(mesh)}`;
}
