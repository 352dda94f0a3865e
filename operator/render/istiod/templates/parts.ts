/** Parts that the templates share. */
import type { ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { rootConfigMap } from '../names.ts';

/**
 * A value of the mesh, in YAML's own JSON. What opens an action of a template is written so that the template's parser does
 * not see it.
 */
export function json(value: unknown): string {
	return JSON.stringify(value).replaceAll('{{', '{\\u007b');
}

/** The same lines further to the right. */
export function indented(text: string, by: number): string {
	return text.replaceAll(/^(?=.)/gm, ' '.repeat(by));
}

/** The image of a proxy that its mesh decides alone, as a YAML value. */
export function ownProxyImage({ images }: ResolvedIstiodMesh): string {
	// What istiod makes of hub, tag and the variant that a pod may ask for.
	return images.proxy.includes('@') ? json(images.proxy) : '{{ .ProxyImage | quote }}';
}

/** The same of a pod, which may name another one. */
export function proxyImage({ images }: ResolvedIstiodMesh): string {
	const own = images.proxy.includes('@') ? json(images.proxy) : '.ProxyImage';
	return `{{ annotation .ObjectMeta "sidecar.istio.io/proxyImage" ${own} | quote }}`;
}

/** The labels by which telemetry knows a workload: what a pod says itself, or what its other labels and its owner say. */
export const canonicalLabels = `    service.istio.io/canonical-name: {{ index .ObjectMeta.Labels "service.istio.io/canonical-name" | default (index .ObjectMeta.Labels "app.kubernetes.io/name") | default (index .ObjectMeta.Labels "app") | default .DeploymentMeta.Name | trunc 63 | trimAll "-_." | quote }}
    service.istio.io/canonical-revision: {{ index .ObjectMeta.Labels "service.istio.io/canonical-revision" | default (index .ObjectMeta.Labels "app.kubernetes.io/version") | default (index .ObjectMeta.Labels "version") | default "latest" | quote }}`;

/** Collects what a pod has beside the proxy: the names of its containers, and the ports of all, each as JSON. */
export const ofContainers = `{{- $apps := list -}}
{{- $ports := list -}}
{{- range .Spec.Containers -}}
{{- if ne .Name "istio-proxy" -}}{{- $apps = append $apps .Name -}}{{- end -}}
{{- range .Ports -}}{{- $ports = append $ports (structToJSON .) -}}{{- end -}}
{{- end -}}`;

/** Annotations by which kubectl chooses the container of the pod's owner. After `ofContainers`. */
export const defaultContainer = `    {{- if ge (len $apps) 1 }}
    {{- if not (isset .ObjectMeta.Annotations "kubectl.kubernetes.io/default-logs-container") }}
    kubectl.kubernetes.io/default-logs-container: {{ index $apps 0 | quote }}
    {{- end }}
    {{- if not (isset .ObjectMeta.Annotations "kubectl.kubernetes.io/default-container") }}
    kubectl.kubernetes.io/default-container: {{ index $apps 0 | quote }}
    {{- end }}
    {{- end }}`;

/** Ports and arguments of the proxy's agent in a pod that decides how much it logs. */
export function agentOf(
	role: 'sidecar' | 'router',
	metrics: { readonly port: number; readonly name: string } = { port: 15_090, name: 'http-envoy-prom' },
): string {
	return `    ports:
    - containerPort: ${metrics.port}
      protocol: TCP
      name: ${metrics.name}
    args:
    - proxy
    - ${role}
    - --domain
    - $(POD_NAMESPACE).svc.cluster.local
    - {{ printf "--proxyLogLevel=%s" (annotation .ObjectMeta "sidecar.istio.io/logLevel" "warning") | quote }}
    - {{ printf "--proxyComponentLogLevel=%s" (annotation .ObjectMeta "sidecar.istio.io/componentLogLevel" "misc:error") | quote }}
    - {{ printf "--log_output_level=%s" (annotation .ObjectMeta "sidecar.istio.io/agentLogLevel" "default:info") | quote }}`;
}

/**
 * The agent's directories and files: where each is mounted, and what it is. Their paths are fixed in it (istio 1.30
 * `pkg/config/constants`, `security/pkg/nodeagent`).
 */
const volumes = {
	'workload-socket': ['/var/run/secrets/workload-spiffe-uds', 'emptyDir: {}'],
	'credential-socket': ['/var/run/secrets/credential-uds', 'emptyDir: {}'],
	'workload-certs': ['/var/run/secrets/workload-spiffe-credentials', 'emptyDir: {}'],
	'istiod-ca-cert': ['/var/run/secrets/istio', `configMap:\n      name: ${rootConfigMap}`],
	'istio-data': ['/var/lib/istio/data', 'emptyDir: {}'],
	'istio-envoy': ['/etc/istio/proxy', 'emptyDir:\n      medium: Memory'],
	/** In the place of Envoy's, for applications that ask istiod themselves. */
	'istio-xds': ['/etc/istio/proxy', 'emptyDir:\n      medium: Memory'],
	'istio-token': [
		'/var/run/secrets/tokens',
		`projected:
      sources:
      - serviceAccountToken:
          path: istio-token
          expirationSeconds: 43200
          audience: istio-ca`,
	],
	'istio-podinfo': [
		'/etc/istio/pod',
		`downwardAPI:
      items:
      - path: labels
        fieldRef:
          fieldPath: metadata.labels
      - path: annotations
        fieldRef:
          fieldPath: metadata.annotations`,
	],
} as const;

type VolumeName = keyof typeof volumes;

/** Those of a proxy. */
export const proxyVolumes: readonly VolumeName[] = [
	'workload-socket',
	'credential-socket',
	'workload-certs',
	'istiod-ca-cert',
	'istio-data',
	'istio-envoy',
	'istio-token',
	'istio-podinfo',
];

export function mountsOf(names: readonly VolumeName[]): string {
	return names.map((name) => `    - name: ${name}\n      mountPath: ${volumes[name][0]}`).join('\n');
}

export function volumesOf(names: readonly VolumeName[]): string {
	return names.map((name) => `  - name: ${name}\n    ${volumes[name][1]}`).join('\n');
}

/** A bootstrap of Envoy that a pod brings itself, in a ConfigMap. */
export const bootstrap = {
	isAsked: 'isset .ObjectMeta.Annotations "sidecar.istio.io/bootstrapOverride"',
	volume: `  {{- if isset .ObjectMeta.Annotations "sidecar.istio.io/bootstrapOverride" }}
  - name: custom-bootstrap-volume
    configMap:
      name: {{ index .ObjectMeta.Annotations "sidecar.istio.io/bootstrapOverride" | quote }}
  {{- end }}`,
} as const;

export function pullSecrets({ images }: ResolvedIstiodMesh): string {
	return images.pullSecrets.length === 0
		? ''
		: `  imagePullSecrets: ${json(images.pullSecrets.map((name) => ({ name })))}\n`;
}

/** The amounts that a pod asks for its proxy, by name. */
export const sizes = `{{- $cpu := annotation .ObjectMeta "sidecar.istio.io/proxyCPU" "" -}}
{{- $memory := annotation .ObjectMeta "sidecar.istio.io/proxyMemory" "" -}}
{{- $cpuLimit := annotation .ObjectMeta "sidecar.istio.io/proxyCPULimit" "" -}}
{{- $memoryLimit := annotation .ObjectMeta "sidecar.istio.io/proxyMemoryLimit" "" -}}
{{- $sized := or $cpu $memory $cpuLimit $memoryLimit -}}`;

/** The resources of the proxy: those of the pod, or those of the mesh. After `sizes`. */
export function resourcesBySizes(mesh: ResolvedIstiodMesh): string {
	return `    {{- if $sized }}
    resources:
      {{- if or $cpu $memory }}
      requests:
        {{- with $cpu }}
        cpu: {{ . | quote }}
        {{- end }}
        {{- with $memory }}
        memory: {{ . | quote }}
        {{- end }}
      {{- end }}
      {{- if or $cpuLimit $memoryLimit }}
      limits:
        {{- with $cpuLimit }}
        cpu: {{ . | quote }}
        {{- end }}
        {{- with $memoryLimit }}
        memory: {{ . | quote }}
        {{- end }}
      {{- end }}
    {{- else }}
    resources: ${json(mesh.proxy.resources)}
    {{- end }}`;
}

/** How a pod's proxy is found ready. Numbers that are none become 0, which API servers refuse or replace by their default. */
export function readinessBy(port: number): string {
	return `    readinessProbe:
      httpGet:
        path: /healthz/ready
        port: ${port}
      initialDelaySeconds: {{ annotation .ObjectMeta "readiness.status.sidecar.istio.io/initialDelaySeconds" 0 | int }}
      periodSeconds: {{ annotation .ObjectMeta "readiness.status.sidecar.istio.io/periodSeconds" 15 | int }}
      timeoutSeconds: 3
      failureThreshold: {{ annotation .ObjectMeta "readiness.status.sidecar.istio.io/failureThreshold" 4 | int }}`;
}

/** Volumes that a pod asks for its proxy. `head` comes first. */
export const userVolumes = {
	head: `{{- $userMounts := fromJSON (annotation .ObjectMeta "sidecar.istio.io/userVolumeMount" "{}") -}}
{{- $userVolumes := fromJSON (annotation .ObjectMeta "sidecar.istio.io/userVolume" "{}") -}}`,
	mounts: `    {{- range $name, $mount := $userMounts }}
    - name: {{ $name | quote }}
      {{ toYaml $mount | indent 6 }}
    {{- end }}`,
	volumes: `  {{- range $name, $volume := $userVolumes }}
  - name: {{ $name | quote }}
    {{ toYaml $volume | indent 4 }}
  {{- end }}`,
} as const;
