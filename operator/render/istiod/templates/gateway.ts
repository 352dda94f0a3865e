/**
 * The template of a gateway's pod: for pods with annotation `inject.istio.io/templates: gateway`, whose container
 * `istio-proxy` has image `auto`. Nothing is redirected, and ports below 1024 can be opened without a capability.
 */
import type { ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { json, proxyImage, proxyVolumes, pullSecrets } from './parts.ts';
import { gatewayEnv } from './proxy-env.ts';

export function gatewayTemplate(mesh: ResolvedIstiodMesh): string {
	const env = gatewayEnv(mesh, {
		workload: '{{ .DeploymentMeta.Name | quote }}',
		owner:
			'{{ printf "kubernetes://apis/%s/namespaces/%s/%ss/%s" .TypeMeta.APIVersion (valueOrDefault .DeploymentMeta.Namespace "default") (toLower .TypeMeta.Kind) .DeploymentMeta.Name | quote }}',
	});
	return `metadata:
  labels:
    service.istio.io/canonical-name: {{ index .ObjectMeta.Labels "service.istio.io/canonical-name" | default (index .ObjectMeta.Labels "app.kubernetes.io/name") | default (index .ObjectMeta.Labels "app") | default .DeploymentMeta.Name | trunc 63 | trimAll "-_." | quote }}
    service.istio.io/canonical-revision: {{ index .ObjectMeta.Labels "service.istio.io/canonical-revision" | default (index .ObjectMeta.Labels "app.kubernetes.io/version") | default (index .ObjectMeta.Labels "version") | default "latest" | quote }}
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
    ports:
    - containerPort: 15090
      protocol: TCP
      name: http-envoy-prom
    args:
    - proxy
    - router
    - --domain
    - $(POD_NAMESPACE).svc.cluster.local
    - {{ printf "--proxyLogLevel=%s" (annotation .ObjectMeta "sidecar.istio.io/logLevel" "warning") | quote }}
    - {{ printf "--proxyComponentLogLevel=%s" (annotation .ObjectMeta "sidecar.istio.io/componentLogLevel" "misc:error") | quote }}
    - {{ printf "--log_output_level=%s" (annotation .ObjectMeta "sidecar.istio.io/agentLogLevel" "default:info") | quote }}
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
