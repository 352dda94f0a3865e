/** Variables of proxies and their agents. Each entry of `env` is on lines of its own, and ends with a line break. */

import { authorityAddress, type ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { fips1403 } from '../fips.ts';
import { json } from './parts.ts';

/** @param text YAML */
export const value = (name: string, text: string) => `    - name: ${name}
      value: ${text}
`;

/** A field of the pod. */
export const field = (name: string, path: string) => `    - name: ${name}
      valueFrom:
        fieldRef:
          fieldPath: ${path}
`;

/** A limit of the container. */
export const limit = (name: string, resource: string) => `    - name: ${name}
      valueFrom:
        resourceFieldRef:
          resource: limits.${resource}
          divisor: "1"
`;

/** Who signs the proxy's certificates, and who the proxy is. */
export function identity(mesh: ResolvedIstiodMesh): string {
	return [
		value('PILOT_CERT_PROVIDER', 'istiod'),
		value('CA_ADDR', json(authorityAddress(mesh))),
		field('POD_NAME', 'metadata.name'),
		field('POD_NAMESPACE', 'metadata.namespace'),
		field('INSTANCE_IP', 'status.podIP'),
		field('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
		field('HOST_IP', 'status.hostIP'),
	].join('');
}

/** The configuration of the proxy, whatever a pod says of it. */
export const proxyConfig = value('PROXY_CONFIG', '{{ protoToJSON .ProxyConfig | quote }}');

/** How much memory and how many processors the agent may take. */
export function memoryLimit({ release }: ResolvedIstiodMesh): string {
	return limit('GOMEMLIMIT', 'memory') + (release.goMaxProcs ? limit('GOMAXPROCS', 'cpu') : '');
}

/** The ports of the pod and its containers beside the proxy. After `ofContainers`. */
export const podPorts = '{{ printf "[%s]" (join "," $ports) | quote }}';
export const podContainers = '{{ join "," $apps | quote }}';

/** The object whose pod it is. */
export const podOwner =
	'{{ printf "kubernetes://apis/%s/namespaces/%s/%ss/%s" .TypeMeta.APIVersion (valueOrDefault .DeploymentMeta.Namespace "default") (toLower .TypeMeta.Kind) .DeploymentMeta.Name | quote }}';

/** A variable with a value that not every pod has, by a pipeline of the template. */
export const given = (pipeline: string, name: string) => `    {{- with ${pipeline} }}
${value(name, '{{ . | quote }}')}    {{- end }}
`;

/** Where probes of the application go to its localhost, as the mesh configuration says. */
export const legacyProbes = `    {{- if eq .InboundTrafficPolicyMode "localhost" }}
${value('REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION', '"true"')}    {{- end }}
`;

/** Who owns the pod, where somebody does. */
export const ownerEnv = `    {{- if and .TypeMeta.APIVersion .DeploymentMeta.Name }}
${value('ISTIO_META_OWNER', podOwner)}    {{- end }}
`;

/** What cryptography may be used, as `COMPLIANCE_POLICY` of istiod says (istio 1.31 `files/injection-template.yaml`). */
export function compliancePolicy({ release }: ResolvedIstiodMesh): string {
	const go = `    {{- if eq .CompliancePolicy ${json(fips1403.policy)} }}
${value(fips1403.variable, json(fips1403.value))}    {{- end }}
`;
	return `    {{- if .CompliancePolicy }}
${value('COMPLIANCE_POLICY', '{{ .CompliancePolicy | quote }}')}${release.holdsGoToFips ? go : ''}    {{- end }}
`;
}

export function network({ location }: ResolvedIstiodMesh): string {
	return location.network === undefined ? '' : value('ISTIO_META_NETWORK', json(location.network));
}

/** The mesh that it belongs to. */
export const meshIdentity =
	value('ISTIO_META_MESH_ID', '{{ valueOrDefault .ProxyConfig.MeshId .MeshConfig.TrustDomain | quote }}') +
	value('TRUST_DOMAIN', '{{ .MeshConfig.TrustDomain | quote }}');

/** Variables that the mesh configuration, or the pod's own, sets. */
export const proxyMetadata = `    {{- range $name, $value := .ProxyConfig.ProxyMetadata }}
${value('{{ $name | quote }}', '{{ $value | quote }}')}    {{- end }}
`;

/** All variables of a proxy that is no sidecar. The values are YAML. */
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
	return [
		identity(mesh),
		limit('ISTIO_CPU_LIMIT', 'cpu'),
		proxyConfig,
		value('ISTIO_META_POD_PORTS', ports),
		value('ISTIO_META_APP_CONTAINERS', containers),
		memoryLimit(mesh),
		compliancePolicy(mesh),
		value('ISTIO_META_CLUSTER_ID', json(mesh.location.clusterId)),
		field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
		value('ISTIO_META_INTERCEPTION_MODE', '{{ .ProxyConfig.InterceptionMode.String | quote }}'),
		network(mesh),
		value('ISTIO_META_WORKLOAD_NAME', workload),
		value('ISTIO_META_OWNER', owner),
		meshIdentity,
		proxyMetadata,
	].join('');
}
