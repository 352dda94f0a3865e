/**
 * The objects that istiod makes for a Gateway of class `istio-waypoint`: a proxy to which ztunnels lead the traffic of a
 * namespace or service, in a mesh with ambient.
 */
import { proxyResources, type ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { behindService, gatewayOwner, upToPod } from './kube-gateway.ts';
import { indented, json, mountsOf, ownProxyImage, pullSecrets, volumesOf } from './parts.ts';
import { field, identity, limit, memoryLimit, meshIdentity, proxyConfig, proxyMetadata, value } from './proxy-env.ts';

const mounted = [
	'workload-socket',
	'istiod-ca-cert',
	'istio-data',
	'istio-envoy',
	'istio-token',
	'istio-podinfo',
] as const;
const volumes = [
	'workload-socket',
	'istio-envoy',
	'istio-data',
	'istio-podinfo',
	'istio-token',
	'istiod-ca-cert',
] as const;

export function waypointTemplate(mesh: ResolvedIstiodMesh): string {
	return `${upToPod('"istio.io/dataplane-mode" "none" ')}    spec:
      serviceAccountName: {{ .ServiceAccount | quote }}
${indented(pullSecrets(mesh), 4)}      containers:
      - name: istio-proxy
        image: ${ownProxyImage(mesh)}
        imagePullPolicy: ${json(mesh.images.pullPolicy)}
        ports:
        - containerPort: 15020
          name: metrics
          protocol: TCP
        - containerPort: 15021
          name: status-port
          protocol: TCP
        - containerPort: 15090
          name: http-envoy-prom
          protocol: TCP
        args:
        - proxy
        - waypoint
        - --domain
        - $(POD_NAMESPACE).svc.cluster.local
        - --serviceCluster
        - {{ printf "%s.$(POD_NAMESPACE)" .ServiceAccount | quote }}
        - --proxyLogLevel
        - warning
        - --proxyComponentLogLevel
        - misc:error
        - --log_output_level
        - default:info
        env:
${indented(env(mesh), 4)}        resources: ${json(proxyResources)}
        startupProbe:
          failureThreshold: 30
          httpGet:
            path: /healthz/ready
            port: 15021
            scheme: HTTP
          initialDelaySeconds: 1
          periodSeconds: 1
          successThreshold: 1
          timeoutSeconds: 1
        readinessProbe:
          failureThreshold: 4
          httpGet:
            path: /healthz/ready
            port: 15021
            scheme: HTTP
          initialDelaySeconds: 0
          periodSeconds: 15
          successThreshold: 1
          timeoutSeconds: 1
        securityContext:
          privileged: false
          runAsGroup: 1337
          runAsUser: 1337
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          capabilities:
            drop:
            - ALL
        volumeMounts:
${indented(mountsOf(mounted), 4)}
      volumes:
${indented(volumesOf(volumes), 4)}
${behindService({
	protocol: 'TCP',
	annotations: '(strdict "networking.istio.io/traffic-distribution" "PreferClose")',
})}`;
}

function env(mesh: ResolvedIstiodMesh): string {
	const { location } = mesh;
	return [
		field('ISTIO_META_SERVICE_ACCOUNT', 'spec.serviceAccountName'),
		field('ISTIO_META_NODE_NAME', 'spec.nodeName'),
		identity(mesh),
		limit('ISTIO_CPU_LIMIT', 'cpu'),
		proxyConfig,
		proxyMetadata,
		memoryLimit(mesh),
		value('ISTIO_META_CLUSTER_ID', json(location.clusterId)),
		`    {{- $network := valueOrDefault (index .InfrastructureLabels "topology.istio.io/network") ${json(location.network ?? '')} }}
    {{- if $network }}
${value('ISTIO_META_NETWORK', '{{ $network | quote }}')}    {{- if eq .ControllerLabel "istio.io-eastwest-controller" }}
${value('ISTIO_META_REQUESTED_NETWORK_VIEW', '{{ $network | quote }}')}    {{- end }}
    {{- end }}
`,
		value('ISTIO_META_INTERCEPTION_MODE', 'REDIRECT'),
		value('ISTIO_META_WORKLOAD_NAME', '{{ .DeploymentName | quote }}'),
		value('ISTIO_META_OWNER', gatewayOwner),
		meshIdentity,
	].join('');
}
