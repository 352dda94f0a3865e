/** Which labels and annotations of pods nobody but the operator sets. */

/** Services, budgets and autoscalers find pods by these, and the operator its objects. */
const ownedKeys: ReadonlySet<string> = new Set(['app', 'istio', 'istio-mixer-type', 'sidecar.istio.io/inject']);
const ownedPrefix = /^(app\.kubernetes\.io|applyset\.kubernetes\.io|([a-z0-9.-]+\.)?meshwright\.io)\//;

/** Whether the operator itself writes this label or annotation of a pod. */
export function isOwnedPodKey(key: string): boolean {
	return ownedKeys.has(key) || ownedPrefix.test(key);
}

/**
 * Labels and annotations by which a kubelet, a container runtime, a network plugin or a webhook of the cluster gives a pod
 * more than its spec says: no confinement, devices, the network of the node, a cloud's role, Secrets of a vault.
 */
const grantingPrefixes: readonly string[] = [
	// Kubernetes' own, from before these were fields (kubernetes 1.36 `pkg/apis/core/annotation_key_constants.go`).
	'container.apparmor.security.beta.kubernetes.io/',
	'container.seccomp.security.alpha.kubernetes.io/',
	'seccomp.security.alpha.kubernetes.io/',
	'security.alpha.kubernetes.io/',
	// Container runtimes: devices, capabilities, other runtimes.
	'cpu-load-balancing.crio.io',
	'cpu-quota.crio.io',
	'io.containerd.',
	'io.katacontainers.',
	'io.kubernetes.cri',
	'irq-load-balancing.crio.io',
	// Networks.
	'cni.projectcalico.org/',
	'k8s.v1.cni.cncf.io/',
	'v1.multus-cni.io/',
	// Roles in a cloud.
	'aadpodidbinding',
	'azure.workload.identity/',
	'eks.amazonaws.com/',
	'iam.amazonaws.com/',
	'iam.gke.io/',
	'sts.amazonaws.com/',
	// Secrets of a vault.
	'vault.hashicorp.com/',
	'vault.security.banzaicloud.io/',
	// Users and capabilities of OpenShift.
	'openshift.io/scc',
	'security.openshift.io/',
];

/** Whether a label or annotation gives a pod, or what it stands on, more than its spec says. */
export function isGrantingKey(key: string): boolean {
	const lower = key.toLowerCase();
	return grantingPrefixes.some((prefix) => lower.startsWith(prefix));
}
