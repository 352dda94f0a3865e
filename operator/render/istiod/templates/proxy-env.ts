/** Variables of every proxy that is no sidecar. */
import { authorityAddress, type ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { json } from './parts.ts';

/** Entries of `env`, each on lines of its own. All values are YAML. */
export function gatewayEnv(
	mesh: ResolvedIstiodMesh,
	{
		workload,
		owner,
		ports = '"[]"',
		containers = '""',
	}: {
		readonly workload: string;
		readonly owner: string;
		readonly ports?: string;
		readonly containers?: string;
	},
): string {
	const field = (name: string, path: string) => `    - name: ${name}
      valueFrom:
        fieldRef:
          fieldPath: ${path}
`;
	const limit = (name: string, resource: string) => `    - name: ${name}
      valueFrom:
        resourceFieldRef:
          resource: limits.${resource}
          divisor: "1"
`;
	const value = (name: string, text: string) => `    - name: ${name}
      value: ${text}
`;
	const { location, release } = mesh;
	return [
		value('PILOT_CERT_PROVIDER', 'istiod'),
		value('CA_ADDR', json(authorityAddress(mesh))),
		field('POD_NAME', 'metadata.name'),
		field('POD_NAMESPACE', 'metadata.namespace'),
		field('INSTANCE_IP', 'status.podIP'),
		field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
		field('HOST_IP', 'status.hostIP'),
		limit('ISTIO_CPU_LIMIT', 'cpu'),
		value('PROXY_CONFIG', '{{ protoToJSON .ProxyConfig | quote }}'),
		value('ISTIO_META_POD_PORTS', ports),
		value('ISTIO_META_APP_CONTAINERS', containers),
		limit('GOMEMLIMIT', 'memory'),
		...(release.goMaxProcs ? [limit('GOMAXPROCS', 'cpu')] : []),
		'    {{- if .CompliancePolicy }}\n',
		value('COMPLIANCE_POLICY', '{{ .CompliancePolicy | quote }}'),
		'    {{- end }}\n',
		value('ISTIO_META_CLUSTER_ID', json(location.clusterId)),
		field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
		value('ISTIO_META_INTERCEPTION_MODE', '{{ .ProxyConfig.InterceptionMode.String | quote }}'),
		...(location.network === undefined ? [] : [value('ISTIO_META_NETWORK', json(location.network))]),
		value('ISTIO_META_WORKLOAD_NAME', workload),
		value('ISTIO_META_OWNER', owner),
		value('ISTIO_META_MESH_ID', '{{ valueOrDefault .ProxyConfig.MeshId .MeshConfig.TrustDomain | quote }}'),
		value('TRUST_DOMAIN', '{{ .MeshConfig.TrustDomain | quote }}'),
		'    {{- range $name, $value := .ProxyConfig.ProxyMetadata }}\n',
		value('{{ $name | quote }}', '{{ $value | quote }}'),
		'    {{- end }}',
	].join('');
}
