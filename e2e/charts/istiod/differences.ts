/**
 * Everything in which what is rendered for istiod differs from upstream's charts, with the reason. A difference that is not
 * here fails the test, and so does an entry that fits none. docs/istiod.md shows the list.
 */
import type { ListedDifference } from '../compare.ts';

const objects: readonly ListedDifference[] = [
	{ object: 'Namespace *', why: 'whoever installs the charts makes it' },
	{ object: 'CustomResourceDefinition *', why: 'definitions are data of their own and held against their module' },
	{
		object: '{ClusterRole,ClusterRoleBinding,ServiceAccount} istio-reader-*',
		why: 'made for each cluster that reads, by its name, where it does',
	},
	{
		object: 'ClusterRoleBinding istiod*',
		why: 'the rights of two roles of the charts are one role, whose binding has its name',
	},
	{ object: 'ConfigMap values', why: 'nobody reads it' },
	{
		object: 'ValidatingWebhookConfiguration istiod-default-validator',
		why: 'objects that name no revision are checked too; istioctl makes it in a step of its own',
	},
];

const rights: readonly ListedDifference[] = [
	{
		object: 'ClusterRole istiod',
		aspect: 'may *',
		why: 'kinds by their names instead of all of a group, the status of objects without list, watch, create and delete, and nothing for groups that have no kinds any more, nor for signers of Kubernetes',
	},
	{ object: 'Role istiod', aspect: 'may configmaps', why: 'istiod deletes none in its own namespace' },
];

const templates: readonly ListedDifference[] = [
	{
		object: 'ConfigMap istio-sidecar-injector',
		aspect: 'template agentgateway*',
		why: 'another proxy than Envoy, with an image of its own: an experiment that istiod leaves off unless PILOT_ENABLE_AGENTGATEWAY is set',
	},
	{
		object: 'ConfigMap istio-sidecar-injector',
		aspect: 'template grpc-simple .{initContainers,volumes}',
		why: 'the bootstrap of gRPC is in a variable instead of a file that a container from another registry writes',
	},
	{
		object: 'ConfigMap istio-sidecar-injector',
		aspect: 'template * .imagePullSecrets',
		why: 'written where the mesh has pull secrets',
	},
	{
		object: 'ConfigMap istio-sidecar-injector',
		aspect: 'values *',
		why: 'what the mesh decides is printed into the templates; values have what istiod’s own code reads',
	},
	{
		object: 'ConfigMap istio-sidecar-injector',
		aspect: 'config {template,injectedAnnotations}',
		why: 'the text for injectors before templates had names; an empty map',
	},
];

const pods: readonly ListedDifference[] = [
	{
		object: 'Deployment *',
		aspect: 'strategy *',
		why: 'a new pod is ready before an old one goes',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec containers discovery lifecycle preStop *',
		why: 'istiod closes its webhooks as soon as it is told to end, and API servers that have not heard of it yet would refuse pods',
	},
	{
		object: '{Deployment,DaemonSet} *',
		aspect: 'template spec affinity *',
		why: 'pods are on nodes that can run the images, and spread over nodes and zones',
	},
	{
		object: 'Deployment *',
		aspect: 'template spec {securityContext,containers * securityContext} *',
		why: 'what a namespace of Pod Security level restricted asks of pods',
	},
	{
		object: '{Deployment,DaemonSet,ServiceAccount} {istiod,istio-cni*,istio-*gateway-service-account}',
		aspect: '*automountServiceAccountToken',
		why: 'the pods ask for the token, and nothing else that uses the account by accident gets one',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec containers discovery env CA_TRUSTED_NODE_ACCOUNTS value',
		why: 'without ambient no account may ask for certificates of others',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec containers discovery env {KUBECONFIG,PILOT_ENABLE_ANALYSIS,PLATFORM} value',
		why: 'the default of the program',
	},
	{
		object: 'Deployment istiod',
		aspect:
			'template spec {containers discovery volumeMounts,volumes} {istio-kubeconfig,istio-csr-dns-cert,istio-csr-ca-configmap}*',
		why: 'certificate and root of an authority outside are mounted where spec.citadel.external names one, and have to be there; an istiod of another cluster is refused by name',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec {containers discovery volumeMounts,volumes} cacerts*',
		why: 'mounted where spec.citadel.caSecretName names it, so that a Secret that somebody makes later does not replace a self-signed authority',
	},
	{
		object: '{Deployment,DaemonSet} *',
		aspect: 'template spec containers * {imagePullPolicy,readinessProbe httpGet scheme}',
		why: 'the default of Kubernetes, written',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec containers discovery resources requests memory',
		why: 'the same amount, as the API server stores it',
	},
];

const others: readonly ListedDifference[] = [
	{
		object: 'ConfigMap istio',
		aspect: 'mesh {enableTracing,outboundTrafficPolicy mode}',
		why: 'settings of the installation that are always written',
	},
	{
		object: '*',
		aspect: 'label {app,istio,istio.io/rev}',
		side: 'meshwright',
		why: 'all objects of a component have them',
	},
	{
		object: 'PodDisruptionBudget istiod',
		aspect: 'selector matchLabels app',
		why: 'the selector of the Deployment finds the same pods',
	},
	{
		object: 'PodDisruptionBudget istiod',
		aspect: 'unhealthyPodEvictionPolicy',
		why: 'a pod that never became ready does not block the drain of its node',
	},
	{ object: 'Service istiod*', aspect: 'ports * targetPort', why: 'the default of Kubernetes, written' },
	{ object: 'Service istio-*gateway', aspect: 'ports * protocol', why: 'the default of Kubernetes, written' },
	{
		object: 'RoleBinding istio-*gateway-sds',
		aspect: 'subjects * namespace',
		why: 'the namespace of the binding, written',
	},
	{
		object: '*WebhookConfiguration *',
		aspect: 'webhooks * failurePolicy',
		why: 'left to istiod, which sets it to Fail when it checks objects; Fail is the default of Kubernetes',
	},
	{
		object: '*WebhookConfiguration *',
		aspect: 'webhooks * {matchPolicy,timeoutSeconds,rules 0 scope,clientConfig service port}',
		why: 'the default of Kubernetes, written',
	},
	{
		object: 'ValidatingWebhookConfiguration *',
		aspect: 'webhooks * rules 0 apiGroups',
		why: 'the same groups, sorted',
	},
	{
		object: 'ValidatingWebhookConfiguration *',
		aspect: 'webhooks * objectSelector matchExpressions app.kubernetes.io/managed-by *',
		why: 'what a mesh made is not asked about: it is repaired, and let go of, while no istiod answers',
	},
	{
		object: 'MutatingWebhookConfiguration *',
		aspect: 'webhooks * namespaceSelector matchExpressions kubernetes.io/metadata.name *',
		why: 'pods of Kubernetes and of the operator start whatever happens to the mesh',
	},
	{
		object: 'MutatingWebhookConfiguration *',
		aspect: 'webhooks *namespace.sidecar-injector.istio.io namespaceSelector matchExpressions meshwright.io/mesh *',
		why: 'a namespace that names a mesh is served by that one alone',
	},
	{
		object: 'MutatingWebhookConfiguration *',
		aspect: 'webhooks this-mesh.*',
		why: 'the second entry for namespaces with injection: those that name this mesh',
	},
];

const gateways: readonly ListedDifference[] = [
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec containers istio-proxy image',
		why: 'by its name instead of auto, so that a change of version is one of the Deployment and replaces the pods; istiod leaves it as it is',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template metadata label service.istio.io/*',
		why: 'istiod injects them',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template metadata label istio.io/{rev,dataplane-mode}',
		why: 'the revision that injects, whatever the labels of the namespace; and a proxy that is not redirected to another one, as the chart gateway says',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec automountServiceAccountToken',
		why: 'a gateway never talks to the API server',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec containers istio-proxy env ISTIO_META_UNPRIVILEGED_POD value',
		why: 'the pods may open the ports that a Gateway object names (net.ipv4.ip_unprivileged_port_start), as those of the chart gateway',
	},
	{
		object: 'Service istio-*gateway',
		aspect: 'ports {http2,https} targetPort',
		why: 'the pods may open the ports that a Gateway object names, as those of the chart gateway',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec containers istio-proxy ports *',
		why: 'Gateway objects decide on which ports a gateway listens, as in the chart gateway',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec containers istio-proxy readinessProbe *',
		why: 'every 2 s, as for a gateway that is not injected: a pod is found ready up to 13 s earlier than by the injected probe',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec containers istio-proxy resources limits {cpu,memory}',
		why: 'the same amount, as the API server stores it',
	},
	{
		object: 'Deployment istio-*gateway',
		aspect: 'template spec {containers istio-proxy volumeMounts,volumes} *gateway-{certs,ca-certs}*',
		why: 'certificates in files, from before istiod gave them; the chart gateway has none',
	},
	{
		object: 'Role istio-*gateway-sds',
		aspect: 'may secrets',
		why: 'istiod asks whether the account may list Secrets, and about nothing else; the proxy reads none',
	},
	{
		object: 'Service istio-egressgateway',
		aspect: 'ports status-port *',
		why: 'every gateway tells whether it is healthy',
	},
	{
		object: 'Gateway cross-network-gateway',
		why: 'with a gateway between networks; the samples of Istio have it in a file of its own',
	},
	{
		object: '* istio-eastwestgateway*',
		aspect: '*label topology.istio.io/network',
		why: 'on pods and Service, where istiod reads it',
	},
	{
		object: '{Deployment,Service} istio-eastwestgateway',
		aspect: 'selector *topology.istio.io/network',
		why: 'the network can change, and a selector can’t',
	},
];

const clusters: readonly ListedDifference[] = [
	{
		object: 'ConfigMap istio',
		aspect: 'meshNetworks networks*',
		why: 'networks by the names of clusters; in the charts by a label of the namespace, which one that exists already would not get',
	},
	{
		object: 'Deployment istiod',
		aspect: 'template spec containers discovery env CLUSTER_ID value',
		why: 'a cluster without a name of its own has one that a list of networks takes, where a network is named',
	},
];

const cni: readonly ListedDifference[] = [
	{
		object: 'DaemonSet istio-cni-node',
		aspect: 'template spec containers install-cni envFrom*',
		why: 'settings are variables of the container instead of a ConfigMap, so that a change replaces the pods, which read them when they start',
	},
	{
		object: 'DaemonSet istio-cni-node',
		aspect:
			'template spec containers install-cni env {AMBIENT_*,ENABLE_AMBIENT_DETECTION_RETRY,ISTIO_OWNED_CNI_CONFIG,NATIVE_NFTABLES,REPAIR_BROKEN_POD_LABEL_*,REPAIR_DELETE_PODS,REPAIR_ENABLED,REPAIR_INIT_CONTAINER_NAME,REPAIR_LABEL_PODS,REPAIR_SIDECAR_ANNOTATION} *',
		why: 'the default of the program',
	},
	{
		object: 'DaemonSet istio-cni-node',
		aspect: 'template spec containers install-cni env {CURRENT_AGENT_VERSION,REPAIR_RUN_AS_DAEMON} value',
		why: 'nothing in the program reads it',
	},
	{
		object: 'DaemonSet istio-cni-node',
		aspect: 'template {metadata annotation,spec containers install-cni securityContext} *{apparmor,appArmorProfile}*',
		why: 'by the field of Kubernetes 1.30 and newer, since API servers warn about the annotation',
	},
	{
		object: 'DaemonSet istio-cni-node',
		aspect: 'template spec containers install-cni env * valueFrom fieldRef apiVersion',
		why: 'the default of Kubernetes, written',
	},
	{
		object: '{DaemonSet,ServiceAccount} istio-cni*',
		aspect: 'label istio.io/rev',
		why: 'all revisions of a cluster have one agent, which goes with none of them',
	},
	{
		object: 'DaemonSet istio-cni-node',
		aspect: 'template spec volumes cni-netns-dir*',
		why: 'mounted for ambient alone',
	},
	{
		object: 'ClusterRole istio-cni',
		aspect: 'may {namespaces,nodes}',
		why: 'read for ambient alone',
	},
	{
		object: 'ClusterRoleBinding istio-cni*',
		why: 'the rights of two roles of the charts are one role, whose name has the namespace in it',
	},
];

export const listedDifferences: readonly ListedDifference[] = [
	...gateways,
	...cni,
	...clusters,
	...objects,
	...rights,
	...templates,
	...pods,
	...others,
];
