/**
 * The agent of the CNI plugin: what it is started with, and what it may do (istio 1.30 and 1.31 `manifests/charts/istio-cni`,
 * `cni/pkg/{cmd/root.go,constants,plugin,repair}`). It gets less than the charts give it: without ambient nothing reads nodes and
 * namespaces.
 */
import type { NodeRelease } from './release.ts';

/** Flags of which the operator decides the value, or which would have the agent work with other files, servers or names. */
const ownedFlags = [
	'ambient-disable-safe-upgrade',
	'ambient-dns-capture',
	'ambient-enabled',
	'ambient-enablement-selector',
	'ambient-ipv6',
	'ambient-reconcile-pod-rules-on-startup',
	'chained-cni-plugin',
	'cni-agent-run-dir',
	'cni-conf-name',
	'cni-network-config',
	'cni-network-config-file',
	'enable-ambient-detection-retry',
	'exclude-namespaces',
	'istio-owned-cni-config',
	'istio-owned-cni-config-filename',
	'kube-ca-file',
	'kubeconfig-mode',
	'monitoring-port',
	'mounted-cni-net-dir',
	'native-nftables',
	'pod-namespace',
	'repair-broken-pod-label-key',
	'repair-broken-pod-label-value',
	'repair-delete-pods',
	'repair-enabled',
	'repair-field-selectors',
	'repair-init-container-exit-code',
	'repair-init-container-name',
	'repair-init-container-termination-message',
	'repair-label-pods',
	'repair-label-selectors',
	'repair-node-name',
	'repair-repair-pods',
	'repair-sidecar-annotation',
	'skip-tls-verify',
	'ztunnel-uds-address',
] as const;

export const cniRelease: NodeRelease = {
	image: 'install-cni',
	ownedFlags,
	flags: [
		...ownedFlags,
		'cni-conf-group-read',
		'ctrlz_address',
		'ctrlz_port',
		'log-level',
		'log_as_json',
		'log_caller',
		'log_output_level',
		'log_stacktrace_level',
		'log_target',
		'vklog',
	],
	resources: { requests: { cpu: '100m', memory: '100Mi' } },
	clusterRights: [
		// The plugin reads the pod whose network is made, and the agent those of its node that got theirs without the plugin.
		{ group: '', resource: 'pods', verbs: ['get', 'list', 'watch'] },
		// It tells what it has mended.
		{ group: '', resource: 'events', verbs: ['create', 'patch'] },
	],
};
