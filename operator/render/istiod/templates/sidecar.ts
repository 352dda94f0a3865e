/**
 * The template of a proxy beside a workload, for istiod's `text/template`. What the mesh decides is printed into it, and what
 * a pod decides stays open: its annotations, its owner, its ports. Every value that a pod gives is quoted.
 *
 * The contract of the proxy's agent, and the functions: istio 1.30 `pkg/kube/inject/{inject,template}.go`,
 * `pilot/cmd/pilot-agent`.
 */
import { type ResolvedIstiodMesh, statusPort } from '../../../releases/istiod/index.ts';
import {
	agentOf,
	bootstrap,
	canonicalLabels,
	defaultContainer,
	json,
	mountsOf,
	ofContainers,
	proxyImage,
	proxyVolumes,
	pullSecrets,
	readinessBy,
	resourcesBySizes,
	sizes,
	userVolumes,
	volumesOf,
} from './parts.ts';
import {
	compliancePolicy,
	field,
	given,
	identity,
	legacyProbes,
	limit,
	memoryLimit,
	meshIdentity,
	network,
	ownerEnv,
	podContainers,
	podPorts,
	proxyConfig,
	proxyMetadata,
	value,
} from './proxy-env.ts';

export function sidecarTemplate(mesh: ResolvedIstiodMesh): string {
	const image = proxyImage(mesh);
	const byCni = mesh.cni !== undefined;
	return `${head}
metadata:
  labels:
    security.istio.io/tlsMode: {{ index .ObjectMeta.Labels "security.istio.io/tlsMode" | default "istio" | quote }}
    {{- if eq (index .ProxyConfig.ProxyMetadata "ISTIO_META_ENABLE_HBONE") "true" }}
    networking.istio.io/tunnel: {{ index .ObjectMeta.Labels "networking.istio.io/tunnel" | default "http" | quote }}
    {{- end }}
${canonicalLabels}
  annotations:
    istio.io/rev: {{ .Revision | default "default" | quote }}
${defaultContainer}${byCni ? toldToPlugin(mesh) : ''}
spec:
  {{- if or $native (ne $mode "NONE") }}
  initContainers:
  {{- end }}
  {{- if ne $mode "NONE" }}
  - name: ${byCni ? 'istio-validation' : 'istio-init'}
    image: ${image}
    imagePullPolicy: ${json(mesh.images.pullPolicy)}
    args:
    - istio-iptables
    - "-p"
    - {{ .MeshConfig.ProxyListenPort | default 15001 | quote }}
    - "-z"
    - {{ .MeshConfig.ProxyInboundListenPort | default 15006 | quote }}
    - "-u"
    - {{ .ProxyUID | default 1337 | quote }}
    - "-m"
    - {{ $mode | quote }}
    - "-i"
    - {{ annotation .ObjectMeta "traffic.sidecar.istio.io/includeOutboundIPRanges" ${json(mesh.proxy.includeIPRanges.join())} | quote }}
    - "-x"
    - {{ annotation .ObjectMeta "traffic.sidecar.istio.io/excludeOutboundIPRanges" ${json(mesh.proxy.excludeIPRanges.join())} | quote }}
    - "-b"
    - {{ annotation .ObjectMeta "traffic.sidecar.istio.io/includeInboundPorts" ${json(mesh.proxy.includeInboundPorts.join())} | quote }}
    - "-d"
    - {{ printf "15090,15021,%s" (excludeInboundPort $statusPort (annotation .ObjectMeta "traffic.sidecar.istio.io/excludeInboundPorts" ${json(mesh.proxy.excludeInboundPorts.join())})) | quote }}
    {{- if isset .ObjectMeta.Annotations "traffic.sidecar.istio.io/includeOutboundPorts" }}
    - "-q"
    - {{ index .ObjectMeta.Annotations "traffic.sidecar.istio.io/includeOutboundPorts" | quote }}
    {{- end }}
    {{- if isset .ObjectMeta.Annotations "traffic.sidecar.istio.io/excludeOutboundPorts" }}
    - "-o"
    - {{ index .ObjectMeta.Annotations "traffic.sidecar.istio.io/excludeOutboundPorts" | quote }}
    {{- end }}
    {{- if isset .ObjectMeta.Annotations "istio.io/reroute-virtual-interfaces" }}
    - "-k"
    - {{ index .ObjectMeta.Annotations "istio.io/reroute-virtual-interfaces" | quote }}
    {{- else if isset .ObjectMeta.Annotations "traffic.sidecar.istio.io/kubevirtInterfaces" }}
    - "-k"
    - {{ index .ObjectMeta.Annotations "traffic.sidecar.istio.io/kubevirtInterfaces" | quote }}
    {{- end }}
    {{- if isset .ObjectMeta.Annotations "traffic.sidecar.istio.io/excludeInterfaces" }}
    - "-c"
    - {{ index .ObjectMeta.Annotations "traffic.sidecar.istio.io/excludeInterfaces" | quote }}
    {{- end }}
    - {{ printf "--log_output_level=%s" (annotation .ObjectMeta "sidecar.istio.io/agentLogLevel" "default:info") | quote }}
${byCni ? onlyChecks : ''}    {{- if .ProxyConfig.ProxyMetadata }}
    env:
    {{- range $name, $value := .ProxyConfig.ProxyMetadata }}
    - name: {{ $name | quote }}
      value: {{ $value | quote }}
    {{- end }}
    {{- end }}
    resources: ${json(mesh.proxy.initResources)}
    securityContext:
      allowPrivilegeEscalation: false
      privileged: false
      capabilities:
${byCni ? asProxy : asRoot}
  {{- end }}
  {{- if not $native }}
  containers:
  {{- end }}
  - name: istio-proxy
    image: ${image}
    imagePullPolicy: ${json(mesh.images.pullPolicy)}
    {{- if $native }}
    restartPolicy: Always
    {{- end }}
${agentOf('sidecar')}
    {{- if $native }}
    lifecycle:
      preStop:
        exec:
          command:
          - pilot-agent
          - request
          - {{ printf "--debug-port=%v" $statusPort | quote }}
          - POST
          - drain
    {{- else if $holds }}
    lifecycle:
      postStart:
        exec:
          command:
          - pilot-agent
          - wait
    {{- end }}
    env:
${env(mesh)}    {{- if ne $statusPort "0" }}
    startupProbe:
      httpGet:
        path: /healthz/ready
        port: 15021
      initialDelaySeconds: 0
      periodSeconds: 1
      timeoutSeconds: 3
      failureThreshold: 600
${readinessBy(15_021)}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      privileged: false
      capabilities:
        {{- if or (eq $mode "TPROXY") (eq $bindsLowPorts "true") }}
        add:
        {{- if eq $mode "TPROXY" }}
        - NET_ADMIN
        {{- end }}
        {{- if eq $bindsLowPorts "true" }}
        - NET_BIND_SERVICE
        {{- end }}
        {{- end }}
        drop:
        - ALL
      readOnlyRootFilesystem: true
      runAsGroup: {{ .ProxyGID | default 1337 }}
      {{- if or (eq $mode "TPROXY") (eq $bindsLowPorts "true") }}
      runAsNonRoot: false
      runAsUser: 0
      {{- else }}
      runAsNonRoot: true
      runAsUser: {{ .ProxyUID | default 1337 }}
      {{- end }}
${resourcesBySizes(mesh)}
    volumeMounts:
${mountsOf(proxyVolumes)}
    - name: istio-ca-crl
      mountPath: /var/run/secrets/istio/crl
    {{- if ${bootstrap.isAsked} }}
    - name: custom-bootstrap-volume
      mountPath: /etc/istio/custom-bootstrap
    {{- end }}
${userVolumes.mounts}
  volumes:
${volumesOf(proxyVolumes)}
  - name: istio-ca-crl
    configMap:
      name: istio-ca-crl
      optional: true
${bootstrap.volume}
${userVolumes.volumes}
${pullSecrets(mesh)}`;
}

/** The init container finds out whether the plugin has redirected the traffic, and changes nothing. */
const onlyChecks = `    - "--run-validation"
    - "--skip-rule-apply"
`;

const asRoot = `        add:
        - NET_ADMIN
        - NET_RAW
        drop:
        - ALL
      readOnlyRootFilesystem: false
      runAsGroup: 0
      runAsNonRoot: false
      runAsUser: 0`;

const asProxy = `        drop:
        - ALL
      readOnlyRootFilesystem: true
      runAsGroup: {{ .ProxyGID | default 1337 }}
      runAsNonRoot: true
      runAsUser: {{ .ProxyUID | default 1337 }}`;

/** What the plugin reads from the annotations of a pod (istio 1.30 `cni/pkg/plugin/sidecar_redirect.go`). */
function toldToPlugin({ proxy }: ResolvedIstiodMesh): string {
	const traffic = 'traffic.sidecar.istio.io';
	const list = (values: readonly (string | number)[]) => json(values.join());
	const unlessEmpty = (name: string, otherwise: string) => `
    {{- with annotation .ObjectMeta "${name}" ${otherwise} }}
    ${name}: {{ . | quote }}
    {{- end }}`;
	const asGiven = (name: string) => `
    {{- if isset .ObjectMeta.Annotations "${name}" }}
    ${name}: {{ index .ObjectMeta.Annotations "${name}" | quote }}
    {{- end }}`;
	return [
		'\n    sidecar.istio.io/interceptionMode: {{ $mode | quote }}',
		unlessEmpty(`${traffic}/includeOutboundIPRanges`, list(proxy.includeIPRanges)),
		unlessEmpty(`${traffic}/excludeOutboundIPRanges`, list(proxy.excludeIPRanges)),
		`
    ${traffic}/includeInboundPorts: {{ annotation .ObjectMeta "${traffic}/includeInboundPorts" ${list(proxy.includeInboundPorts)} | quote }}
    ${traffic}/excludeInboundPorts: {{ excludeInboundPort $statusPort (annotation .ObjectMeta "${traffic}/excludeInboundPorts" ${list(proxy.excludeInboundPorts)}) | quote }}`,
		...[
			`${traffic}/includeOutboundPorts`,
			`${traffic}/excludeOutboundPorts`,
			`${traffic}/kubevirtInterfaces`,
			'istio.io/reroute-virtual-interfaces',
			`${traffic}/excludeInterfaces`,
		].map(asGiven),
	].join('');
}

function env(mesh: ResolvedIstiodMesh): string {
	return [
		legacyProbes,
		identity(mesh),
		limit('ISTIO_CPU_LIMIT', 'cpu'),
		proxyConfig,
		value('ISTIO_META_POD_PORTS', podPorts),
		value('ISTIO_META_APP_CONTAINERS', podContainers),
		memoryLimit(mesh),
		compliancePolicy(mesh),
		value('ISTIO_META_CLUSTER_ID', json(mesh.location.clusterId)),
		field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
		value('ISTIO_META_INTERCEPTION_MODE', '{{ $mode | quote }}'),
		network(mesh),
		given(
			'(index .ObjectMeta.Labels "service.istio.io/workload-name" | default .DeploymentMeta.Name)',
			'ISTIO_META_WORKLOAD_NAME',
		),
		ownerEnv,
		`    {{- if ${bootstrap.isAsked} }}
${value('ISTIO_BOOTSTRAP_OVERRIDE', '/etc/istio/custom-bootstrap/custom_bootstrap.json')}    {{- end }}
`,
		meshIdentity,
		proxyMetadata,
	].join('');
}

/** What the template asks of a pod, by name. */
const head = `{{- $mode := annotation .ObjectMeta "sidecar.istio.io/interceptionMode" .ProxyConfig.InterceptionMode -}}
{{- $statusPort := annotation .ObjectMeta "status.sidecar.istio.io/port" ${statusPort} -}}
{{- $native := .NativeSidecars -}}
{{- if isset .ObjectMeta.Annotations "sidecar.istio.io/nativeSidecar" -}}
{{- $native = eq (index .ObjectMeta.Annotations "sidecar.istio.io/nativeSidecar") "true" -}}
{{- end -}}
{{- $holds := .ProxyConfig.HoldApplicationUntilProxyStarts.GetValue -}}
{{- $bindsLowPorts := annotation .ObjectMeta "sidecar.istio.io/capNetBindService" "false" -}}
${sizes}
${ofContainers}
${userVolumes.head}`;
