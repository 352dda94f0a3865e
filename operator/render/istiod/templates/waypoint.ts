/**
 * The objects that istiod makes for a Gateway of class `istio-waypoint`: a proxy to which ztunnels lead the traffic of a
 * namespace or service, in a mesh with ambient.
 */
import { discoveryAddress, type ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { rootConfigMap } from '../names.ts';
import { annotations, managed, owned, scaled, selector } from './kube-gateway.ts';
import { indented, json, ownProxyImage, pullSecrets } from './parts.ts';

const field = (name: string, path: string) => `        - name: ${name}
          valueFrom:
            fieldRef:
              fieldPath: ${path}`;
const limit = (name: string, resource: string) => `        - name: ${name}
          valueFrom:
            resourceFieldRef:
              resource: limits.${resource}
              divisor: "1"`;

export function waypointTemplate(mesh: ResolvedIstiodMesh): string {
	const network = json(mesh.location.network ?? '');
	return `apiVersion: v1
kind: ServiceAccount
${owned('.ServiceAccount')}---
apiVersion: apps/v1
kind: Deployment
${owned('.DeploymentName', { labels: managed })}spec:
  selector:
    matchLabels:
      ${selector}
  template:
    metadata:
      annotations:
        {{- toJsonMap ${annotations} (strdict "istio.io/rev" (.Revision | default "default")) (strdict "prometheus.io/path" "/stats/prometheus" "prometheus.io/port" "15020" "prometheus.io/scrape" "true") | nindent 8 }}
      labels:
        {{- toJsonMap (strdict "sidecar.istio.io/inject" "false" "istio.io/dataplane-mode" "none" "service.istio.io/canonical-name" .DeploymentName "service.istio.io/canonical-revision" "latest") .InfrastructureLabels (strdict "gateway.networking.k8s.io/gateway-name" .Name "gateway.networking.k8s.io/gateway-class-name" .GatewayClass "gateway.istio.io/managed" .ControllerLabel) | nindent 8 }}
    spec:
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
${field('ISTIO_META_SERVICE_ACCOUNT', 'spec.serviceAccountName')}
${field('ISTIO_META_NODE_NAME', 'spec.nodeName')}
        - name: PILOT_CERT_PROVIDER
          value: istiod
        - name: CA_ADDR
          value: ${json(discoveryAddress(mesh))}
${field('POD_NAME', 'metadata.name')}
${field('POD_NAMESPACE', 'metadata.namespace')}
${field('INSTANCE_IP', 'status.podIP')}
${field('SERVICE_ACCOUNT', 'spec.serviceAccountName')}
${field('HOST_IP', 'status.hostIP')}
${limit('ISTIO_CPU_LIMIT', 'cpu')}
        - name: PROXY_CONFIG
          value: {{ protoToJSON .ProxyConfig | quote }}
        {{- range $name, $value := .ProxyConfig.ProxyMetadata }}
        - name: {{ $name | quote }}
          value: {{ $value | quote }}
        {{- end }}
${limit('GOMEMLIMIT', 'memory')}
${mesh.release.goMaxProcs ? `${limit('GOMAXPROCS', 'cpu')}\n` : ''}        - name: ISTIO_META_CLUSTER_ID
          value: ${json(mesh.location.clusterId)}
        {{- $network := valueOrDefault (index .InfrastructureLabels "topology.istio.io/network") ${network} }}
        {{- if $network }}
        - name: ISTIO_META_NETWORK
          value: {{ $network | quote }}
        {{- if eq .ControllerLabel "istio.io-eastwest-controller" }}
        - name: ISTIO_META_REQUESTED_NETWORK_VIEW
          value: {{ $network | quote }}
        {{- end }}
        {{- end }}
        - name: ISTIO_META_INTERCEPTION_MODE
          value: REDIRECT
        - name: ISTIO_META_WORKLOAD_NAME
          value: {{ .DeploymentName | quote }}
        - name: ISTIO_META_OWNER
          value: {{ printf "kubernetes://apis/apps/v1/namespaces/%s/deployments/%s" .Namespace .DeploymentName | quote }}
        - name: ISTIO_META_MESH_ID
          value: {{ valueOrDefault .ProxyConfig.MeshId .MeshConfig.TrustDomain | quote }}
        - name: TRUST_DOMAIN
          value: {{ .MeshConfig.TrustDomain | quote }}
        resources: ${json({ requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } })}
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
        - name: workload-socket
          mountPath: /var/run/secrets/workload-spiffe-uds
        - name: istiod-ca-cert
          mountPath: /var/run/secrets/istio
        - name: istio-data
          mountPath: /var/lib/istio/data
        - name: istio-envoy
          mountPath: /etc/istio/proxy
        - name: istio-token
          mountPath: /var/run/secrets/tokens
        - name: istio-podinfo
          mountPath: /etc/istio/pod
      volumes:
      - name: workload-socket
        emptyDir: {}
      - name: istio-envoy
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
              audience: istio-ca
              expirationSeconds: 43200
              path: istio-token
      - name: istiod-ca-cert
        configMap:
          name: ${rootConfigMap}
---
apiVersion: v1
kind: Service
${owned('.DeploymentName', { annotations: '(strdict "networking.istio.io/traffic-distribution" "PreferClose")' })}spec:
  ipFamilyPolicy: PreferDualStack
  ports:
  {{- range $key, $val := .Ports }}
  - name: {{ $val.Name | quote }}
    port: {{ $val.Port }}
    protocol: TCP
    appProtocol: {{ $val.AppProtocol }}
  {{- end }}
  selector:
    ${selector}
  {{- if and (.Spec.Addresses) (eq .ServiceType "LoadBalancer") }}
  loadBalancerIP: {{ (index .Spec.Addresses 0).Value | quote }}
  {{- end }}
  type: {{ .ServiceType | quote }}
${scaled}`;
}
