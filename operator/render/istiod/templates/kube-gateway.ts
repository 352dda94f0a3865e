/**
 * The objects that istiod makes for a Gateway of the Gateway API, class `istio`: ServiceAccount, Deployment and Service, and
 * an autoscaler and a budget where whoever owns the Gateway or its class asks for them. The names and labels are those that
 * istiod and the Gateway API know (istio 1.30 `pilot/pkg/config/kube/gateway/deploymentcontroller.go`).
 */
import type { ResolvedIstiodMesh } from '../../../releases/istiod/index.ts';
import { indented, json, mountsOf, ownProxyImage, proxyVolumes, pullSecrets, volumesOf } from './parts.ts';
import { gatewayEnv } from './proxy-env.ts';

/** Of each object and of the pods. What only the Gateway's own tools and istiod read of it is left out. */
const annotations =
	'(omit .InfrastructureAnnotations "kubectl.kubernetes.io/last-applied-configuration" "gateway.istio.io/name-override" "gateway.istio.io/service-account" "gateway.istio.io/controller-version")';

/**
 * The part of each object's metadata that says whose it is.
 * @param more pairs of further labels, and maps of further annotations
 */
function owned(name: string, more: { readonly labels?: string; readonly annotations?: string } = {}): string {
	const { labels = '', annotations: others = '' } = more;
	return `metadata:
  name: {{ ${name} | quote }}
  namespace: {{ .Namespace | quote }}
  annotations:
    {{- toJsonMap ${others} ${annotations} | nindent 4 }}
  labels:
    {{- toJsonMap .InfrastructureLabels (strdict "gateway.networking.k8s.io/gateway-name" .Name "gateway.networking.k8s.io/gateway-class-name" .GatewayClass ${labels}) | nindent 4 }}
  ownerReferences:
  - apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    name: {{ .Name | quote }}
    uid: {{ .UID | quote }}
`;
}

/** Makes istiod look at a Deployment again that somebody changes. */
const managed = '"gateway.istio.io/managed" .ControllerLabel';

const selector = '"{{.GatewayNameLabel}}": {{ .Name | quote }}';

/**
 * The ServiceAccount, and the Deployment up to the `spec` of its pods.
 * @param labels pairs of further labels of the pods
 */
export function upToPod(labels = ''): string {
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
        {{- toJsonMap (strdict "sidecar.istio.io/inject" "false" ${labels}"service.istio.io/canonical-name" .DeploymentName "service.istio.io/canonical-revision" "latest") .InfrastructureLabels (strdict "gateway.networking.k8s.io/gateway-name" .Name "gateway.networking.k8s.io/gateway-class-name" .GatewayClass "gateway.istio.io/managed" .ControllerLabel) | nindent 8 }}
`;
}

/**
 * What follows the Deployment: the Service, an autoscaler and a budget.
 * @param protocol of each port, as a YAML value
 * @param annotations maps of further annotations of the Service
 */
export function behindService({
	protocol,
	annotations,
}: {
	readonly protocol: string;
	readonly annotations?: string;
}): string {
	return `---
apiVersion: v1
kind: Service
${owned('.DeploymentName', annotations === undefined ? {} : { annotations })}spec:
  ipFamilyPolicy: PreferDualStack
  ports:
  {{- range $key, $val := .Ports }}
  - name: {{ $val.Name | quote }}
    port: {{ $val.Port }}
    protocol: ${protocol}
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

/** An autoscaler and a budget: istiod makes them only where somebody has settings for them. */
const scaled = `---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
${owned('.DeploymentName')}spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .DeploymentName | quote }}
  maxReplicas: 1
---
apiVersion: policy/v1
kind: PodDisruptionBudget
${owned('.DeploymentName')}spec:
  selector:
    matchLabels:
      gateway.networking.k8s.io/gateway-name: {{ .Name | quote }}
`;

/** The Deployment whose pods they are. */
export const gatewayOwner =
	'{{ printf "kubernetes://apis/apps/v1/namespaces/%s/deployments/%s" .Namespace .DeploymentName | quote }}';

export function kubeGatewayTemplate(mesh: ResolvedIstiodMesh): string {
	const env = gatewayEnv(mesh, {
		workload: '{{ .DeploymentName | quote }}',
		owner: gatewayOwner,
	});
	return `${upToPod()}    spec:
      securityContext:
        sysctls:
        - name: net.ipv4.ip_unprivileged_port_start
          value: "0"
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
          protocol: TCP
          name: http-envoy-prom
        args:
        - proxy
        - router
        - --domain
        - $(POD_NAMESPACE).svc.cluster.local
        - --proxyLogLevel=warning
        - --proxyComponentLogLevel=misc:error
        - --log_output_level=default:info
        env:
${indented(env, 4)}        startupProbe:
          failureThreshold: 30
          httpGet:
            path: /healthz/ready
            port: 15021
          initialDelaySeconds: 1
          periodSeconds: 1
          timeoutSeconds: 1
        readinessProbe:
          failureThreshold: 4
          httpGet:
            path: /healthz/ready
            port: 15021
          initialDelaySeconds: 0
          periodSeconds: 15
          timeoutSeconds: 1
        resources: ${json(mesh.proxy.resources)}
        securityContext:
          allowPrivilegeEscalation: false
          privileged: false
          capabilities:
            drop:
            - ALL
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          runAsUser: {{ .ProxyUID | default 1337 }}
          runAsGroup: {{ .ProxyGID | default 1337 }}
        volumeMounts:
${indented(mountsOf(proxyVolumes), 4)}
      volumes:
${indented(volumesOf(proxyVolumes), 4)}
${behindService({ protocol: '{{ $val.Protocol | default "TCP" }}' })}`;
}
