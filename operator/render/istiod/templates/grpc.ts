/**
 * The templates of pods whose own gRPC libraries do what a proxy does (annotation `inject.istio.io/templates`). With
 * `grpc-agent` an agent without Envoy gets their certificates and asks istiod; with `grpc-simple` they ask istiod themselves,
 * in plain text.
 */
import { discoveryAddress, type ResolvedIstiodMesh, statusPort } from '../../../releases/istiod/index.ts';
import { istiodName, rootConfigMap } from '../names.ts';
import {
	agentOf,
	canonicalLabels,
	defaultContainer,
	json,
	ofContainers,
	ownerEnv,
	proxyImage,
	pullSecrets,
	readinessBy,
	resourcesBySizes,
	sizes,
	userVolumes,
} from './parts.ts';

const field = (name: string, path: string) => `    - name: ${name}
      valueFrom:
        fieldRef:
          fieldPath: ${path}`;

/** Whoever uses the library's own mutual TLS says so by label `security.istio.io/tlsMode`: nobody else can know. */
export function grpcAgentTemplate(mesh: ResolvedIstiodMesh): string {
	const { location } = mesh;
	return `${ofContainers}
{{- $statusPort := annotation .ObjectMeta "status.sidecar.istio.io/port" ${statusPort} -}}
${sizes}
${userVolumes.head}
metadata:
  labels:
${canonicalLabels}
  annotations:
    istio.io/rev: {{ .Revision | default "default" | quote }}
${defaultContainer}
    sidecar.istio.io/rewriteAppHTTPProbers: "false"
spec:
  containers:
  - name: istio-proxy
    image: ${proxyImage(mesh)}
    imagePullPolicy: ${json(mesh.images.pullPolicy)}
${agentOf('sidecar', { port: statusPort, name: 'mesh-metrics' })}
    lifecycle:
      postStart:
        exec:
          command:
          - pilot-agent
          - wait
          - --url=http://localhost:${statusPort}/healthz/ready
    env:
    - name: ISTIO_META_GENERATOR
      value: grpc
    - name: OUTPUT_CERTS
      value: /var/lib/istio/data
    {{- if eq .InboundTrafficPolicyMode "localhost" }}
    - name: REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION
      value: "true"
    {{- end }}
    - name: PILOT_CERT_PROVIDER
      value: istiod
    - name: CA_ADDR
      value: ${json(discoveryAddress(mesh))}
${field('POD_NAME', 'metadata.name')}
${field('POD_NAMESPACE', 'metadata.namespace')}
${field('INSTANCE_IP', 'status.podIP')}
${field('SERVICE_ACCOUNT', 'spec.serviceAccountName')}
${field('HOST_IP', 'status.hostIP')}
    - name: PROXY_CONFIG
      value: {{ protoToJSON .ProxyConfig | quote }}
    - name: ISTIO_META_POD_PORTS
      value: {{ printf "[%s]" (join "," $ports) | quote }}
    - name: ISTIO_META_APP_CONTAINERS
      value: {{ join "," $apps | quote }}
    - name: ISTIO_META_CLUSTER_ID
      value: ${json(location.clusterId)}
${field('ISTIO_META_NODE_NAME', 'spec.nodeName')}
${location.network === undefined ? '' : `    - name: ISTIO_META_NETWORK\n      value: ${json(location.network)}\n`}    {{- with .DeploymentMeta.Name }}
    - name: ISTIO_META_WORKLOAD_NAME
      value: {{ . | quote }}
    {{- end }}
${ownerEnv}
    - name: ISTIO_META_MESH_ID
      value: {{ valueOrDefault .ProxyConfig.MeshId .MeshConfig.TrustDomain | quote }}
    - name: TRUST_DOMAIN
      value: {{ .MeshConfig.TrustDomain | quote }}
    {{- range $name, $value := .ProxyConfig.ProxyMetadata }}
    - name: {{ $name | quote }}
      value: {{ $value | quote }}
    {{- end }}
    - name: ISTIO_META_DNS_CAPTURE
      value: "false"
    - name: DISABLE_ENVOY
      value: "true"
    {{- if ne $statusPort "0" }}
${readinessBy(statusPort)}
    {{- end }}
${resourcesBySizes(mesh)}
    volumeMounts:
    - name: workload-socket
      mountPath: /var/run/secrets/workload-spiffe-uds
    - name: workload-certs
      mountPath: /var/run/secrets/workload-spiffe-credentials
    - name: istiod-ca-cert
      mountPath: /var/run/secrets/istio
    - name: istio-data
      mountPath: /var/lib/istio/data
    - name: istio-xds
      mountPath: /etc/istio/proxy
    - name: istio-token
      mountPath: /var/run/secrets/tokens
    - name: istio-podinfo
      mountPath: /etc/istio/pod
${userVolumes.mounts}
  {{- range .Spec.Containers }}
  {{- if ne .Name "istio-proxy" }}
  - name: {{ .Name | quote }}
    env:
    - name: GRPC_XDS_EXPERIMENTAL_SECURITY_SUPPORT
      value: "true"
    - name: GRPC_XDS_BOOTSTRAP
      value: /etc/istio/proxy/grpc-bootstrap.json
    volumeMounts:
    - name: istio-data
      mountPath: /var/lib/istio/data
    - name: istio-xds
      mountPath: /etc/istio/proxy
    - name: workload-certs
      mountPath: /var/run/secrets/workload-spiffe-credentials
  {{- end }}
  {{- end }}
  volumes:
  - name: workload-socket
    emptyDir: {}
  - name: workload-certs
    emptyDir: {}
  {{- if isset .ObjectMeta.Annotations "sidecar.istio.io/bootstrapOverride" }}
  - name: custom-bootstrap-volume
    configMap:
      name: {{ index .ObjectMeta.Annotations "sidecar.istio.io/bootstrapOverride" | quote }}
  {{- end }}
  - name: istio-xds
    emptyDir:
      medium: Memory
  - name: istio-data
    emptyDir: {}
  - name: istio-podinfo
    downwardAPI:
      items:
      - path: labels
        fieldRef:
          fieldPath: metadata.labels
      - path: annotations
        fieldRef:
          fieldPath: metadata.annotations
  - name: istio-token
    projected:
      sources:
      - serviceAccountToken:
          path: istio-token
          expirationSeconds: 43200
          audience: istio-ca
  - name: istiod-ca-cert
    configMap:
      name: ${rootConfigMap}
${userVolumes.volumes}
${pullSecrets(mesh)}`;
}

/**
 * The library reads its bootstrap from the variable itself (gRPC proposal A27), into which Kubernetes puts the pod's own name and
 * address. So there is no container with a shell that writes a file, and no image of somebody else.
 */
export function grpcSimpleTemplate(mesh: ResolvedIstiodMesh): string {
	const bootstrap = JSON.stringify({
		xds_servers: [
			{
				server_uri: `dns:///${istiodName(mesh)}.${mesh.namespace}.svc:15010`,
				channel_creds: [{ type: 'insecure' }],
				server_features: ['xds_v3'],
			},
		],
		node: {
			id: 'sidecar~$(INSTANCE_IP)~$(POD_NAME).$(POD_NAMESPACE)~cluster.local',
			metadata: { GENERATOR: 'grpc' },
		},
	});
	return `metadata:
  annotations:
    sidecar.istio.io/rewriteAppHTTPProbers: "false"
spec:
  containers:
  {{- range .Spec.Containers }}
  - name: {{ .Name | quote }}
    env:
${field('INSTANCE_IP', 'status.podIP')}
${field('POD_NAME', 'metadata.name')}
${field('POD_NAMESPACE', 'metadata.namespace')}
    - name: GRPC_XDS_BOOTSTRAP_CONFIG
      value: ${json(bootstrap)}
    - name: GRPC_GO_LOG_VERBOSITY_LEVEL
      value: "99"
    - name: GRPC_GO_LOG_SEVERITY_LEVEL
      value: info
  {{- end }}
`;
}
