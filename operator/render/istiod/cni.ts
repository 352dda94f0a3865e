/**
 * Istio's CNI plugin: an agent on each node that puts the plugin there, keeps it, and takes it away when it ends. The plugin
 * redirects the traffic of pods with a proxy when their network is made (istio 1.30 `manifests/charts/istio-cni`, `cni/pkg`).
 *
 * One agent serves all revisions of a cluster, so it has no revision.
 */
import { podInjectionKey } from '../../../api/v1/index.ts';
import type { ResolvedCni, ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels, shared } from '../labels.ts';
import { renderAccount } from '../rbac.ts';
import { fieldEnv, limitEnv, renderNodeWorkload } from '../workload.ts';

const component = 'cni';
const application = 'istio-cni';

/** The agent asks by this name whether it is about to be replaced (`cni/pkg/nodeagent/server.go`, `ShouldStopCleanup`). */
export const cniDaemonSet = `${application}-node`;

/**
 * Root, with what the agent needs to enter the network of pods and to write into folders of others, and not all that a privileged
 * container may. A profile of AppArmor would keep it from that.
 */
const confinement = {
	appArmorProfile: { type: 'Unconfined' },
	privileged: false,
	runAsUser: 0,
	runAsGroup: 0,
	runAsNonRoot: false,
	capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW', 'SYS_PTRACE', 'SYS_ADMIN', 'DAC_OVERRIDE'] },
} as const;

/** As many pods as a cluster can have nodes, as the API server writes it: the quota is there to allow the priority, and not to limit. */
const mostNodes = '5k';

export function renderCni(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	const { cni, release, namespace } = mesh;
	if (cni === undefined) return [];
	const common = shared(mesh);
	return [
		...renderAccount(common, {
			component,
			name: application,
			serviceAccount: application,
			cluster: release.cni.clusterRights,
			namespace: [],
		}),
		...(cni.needsQuota
			? [
					{
						apiVersion: 'v1',
						kind: 'ResourceQuota',
						metadata: {
							name: `${application}-resource-quota`,
							namespace,
							labels: objectLabels(common, 'ResourceQuota', component, application),
						},
						spec: {
							hard: { pods: mostNodes },
							scopeSelector: {
								matchExpressions: [{ operator: 'In', scopeName: 'PriorityClass', values: ['system-node-critical'] }],
							},
						},
					},
				]
			: []),
		renderNodeWorkload(common, {
			component,
			name: cniDaemonSet,
			serviceAccount: application,
			labels: {
				'k8s-app': cniDaemonSet,
				'istio.io/dataplane-mode': 'none',
				[podInjectionKey]: 'false',
			},
			selector: { 'k8s-app': cniDaemonSet },
			annotations: {
				'prometheus.io/path': '/metrics',
				'prometheus.io/port': '15014',
				'prometheus.io/scrape': 'true',
				[podInjectionKey]: 'false',
			},
			container: {
				name: 'install-cni',
				image: mesh.images.cni,
				command: ['install-cni'],
				args: ['--log_output_level=info'],
				env: envOf(mesh, cni),
				ports: [{ port: 15_014, container: 'metrics' }],
				readinessProbe: { httpGet: { path: '/readyz', port: 8000, scheme: 'HTTP' } },
				securityContext: confinement,
				volumeMounts: [
					{ name: 'cni-bin-dir', mountPath: '/host/opt/cni/bin' },
					{ name: 'cni-host-procfs', mountPath: '/host/proc', readOnly: true },
					{ name: 'cni-net-dir', mountPath: '/host/etc/cni/net.d' },
					{ name: 'cni-socket-dir', mountPath: '/var/run/istio-cni' },
				],
			},
			volumes: [
				{ name: 'cni-bin-dir', hostPath: { path: cni.binDir } },
				{ name: 'cni-host-procfs', hostPath: { path: '/proc', type: 'Directory' } },
				{ name: 'cni-net-dir', hostPath: { path: cni.confDir } },
				{ name: 'cni-socket-dir', hostPath: { path: '/var/run/istio-cni' } },
			],
			settings: cni.pods,
		}),
	];
}

/** Variables of the pods, and not of a ConfigMap: a change replaces the pods, which read them when they start. */
function envOf({ release }: ResolvedIstiodMesh, cni: ResolvedCni) {
	return [
		{ name: 'CHAINED_CNI_PLUGIN', value: String(cni.isChained) },
		...(cni.confFileName === undefined ? [] : [{ name: 'CNI_CONF_NAME', value: cni.confFileName }]),
		{ name: 'EXCLUDE_NAMESPACES', value: cni.excludeNamespaces.join() },
		// Pods that got their network before the plugin was there are redirected afterwards.
		{ name: 'REPAIR_REPAIR_PODS', value: 'true' },
		fieldEnv('REPAIR_NODE_NAME', 'spec.nodeName'),
		// It enters the network of the node as well, whose traffic it is not to redirect.
		{ name: 'ALLOW_SWITCH_TO_HOST_NS', value: 'true' },
		fieldEnv('NODE_NAME', 'spec.nodeName'),
		fieldEnv('POD_NAME', 'metadata.name'),
		fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
		limitEnv('GOMEMLIMIT', 'memory'),
		...(release.goMaxProcs ? [limitEnv('GOMAXPROCS', 'cpu')] : []),
	];
}
