/**
 * The templates of pods whose own gRPC libraries do what a proxy does (annotation `inject.istio.io/templates`). With
 * `grpc-agent` an agent without Envoy gets their certificates and asks istiod; with `grpc-simple` they ask istiod themselves,
 * in plain text.
 */
import { type ResolvedIstiodMesh, statusPort } from '../../../releases/istiod/index.ts';
import { istiodName } from '../names.ts';
import {
	agentOf,
	bootstrap,
	canonicalLabels,
	defaultContainer,
	json,
	mountsOf,
	ofContainers,
	proxyImage,
	pullSecrets,
	readinessBy,
	resourcesBySizes,
	sizes,
	userVolumes,
	volumesOf,
} from './parts.ts';
import {
	field,
	given,
	identity,
	legacyProbes,
	meshIdentity,
	network,
	ownerEnv,
	podContainers,
	podPorts,
	proxyConfig,
	proxyMetadata,
	value,
} from './proxy-env.ts';

/** Whoever uses the library's own mutual TLS says so by label `security.istio.io/tlsMode`: nobody else can know. */
export function grpcAgentTemplate(mesh: ResolvedIstiodMesh): string {
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
${agentEnv(mesh)}    {{- if ne $statusPort "0" }}
${readinessBy(statusPort)}
    {{- end }}
${resourcesBySizes(mesh)}
    volumeMounts:
${mountsOf(agentVolumes.mounted)}
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
${mountsOf(['istio-data', 'istio-xds', 'workload-certs'])}
  {{- end }}
  {{- end }}
  volumes:
${volumesOf(agentVolumes.first)}
${bootstrap.volume}
${volumesOf(agentVolumes.last)}
${userVolumes.volumes}
${pullSecrets(mesh)}`;
}

const agentVolumes = {
	mounted: [
		'workload-socket',
		'workload-certs',
		'istiod-ca-cert',
		'istio-data',
		'istio-xds',
		'istio-token',
		'istio-podinfo',
	],
	first: ['workload-socket', 'workload-certs'],
	last: ['istio-xds', 'istio-data', 'istio-podinfo', 'istio-token', 'istiod-ca-cert'],
} as const;

function agentEnv(mesh: ResolvedIstiodMesh): string {
	return [
		value('ISTIO_META_GENERATOR', 'grpc'),
		value('OUTPUT_CERTS', '/var/lib/istio/data'),
		legacyProbes,
		identity(mesh),
		proxyConfig,
		value('ISTIO_META_POD_PORTS', podPorts),
		value('ISTIO_META_APP_CONTAINERS', podContainers),
		value('ISTIO_META_CLUSTER_ID', json(mesh.location.clusterId)),
		field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
		network(mesh),
		given('.DeploymentMeta.Name', 'ISTIO_META_WORKLOAD_NAME'),
		ownerEnv,
		meshIdentity,
		proxyMetadata,
		value('ISTIO_META_DNS_CAPTURE', '"false"'),
		value('DISABLE_ENVOY', '"true"'),
	].join('');
}

/**
 * The library reads its bootstrap from the variable itself (gRPC proposal A27), into which Kubernetes puts the pod's own name and
 * address. So there is no container with a shell that writes a file, and no image of somebody else.
 */
export function grpcSimpleTemplate(mesh: ResolvedIstiodMesh): string {
	const library = JSON.stringify({
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
${field('INSTANCE_IP', 'status.podIP')}${field('POD_NAME', 'metadata.name')}${field('POD_NAMESPACE', 'metadata.namespace')}    - name: GRPC_XDS_BOOTSTRAP_CONFIG
      value: ${json(library)}
    - name: GRPC_GO_LOG_VERBOSITY_LEVEL
      value: "99"
    - name: GRPC_GO_LOG_SEVERITY_LEVEL
      value: info
  {{- end }}
`;
}
