/** Shows a mesh of several clusters as each of them sees it, and commands to look at it. */
import { clusterRows, clustersOf, reasonLines } from '../../operator/cli/clusters/view.ts';
import { table } from '../../operator/cli/output.ts';
import { isReady, viewOf } from '../../operator/cli/status-view.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { paint } from './steps.ts';

/** The table of `meshwright clusters list`, under the name of the cluster whose view it is. */
export function clusterTable(name: string, installation: KubeObject): string {
	const clusters = clustersOf(installation);
	const ready = isReady(viewOf(installation))
		? paint('green', 'its mesh is ready')
		: paint('red', 'its mesh is not ready');
	const lines = [
		`${paint('bold', name)}: ${ready}`,
		table(clusterRows(clusters, Date.now(), false)).replace(/^/gm, '  '),
		...reasonLines(clusters).map((line) => `  ${line}`),
	];
	return lines.join('\n').replace(/^/gm, '  ');
}

/** Commands for the user to copy. */
export function lookAroundMany(
	members: readonly { readonly name: string; readonly cluster: Pick<Cluster, 'adminKubeconfig'> }[],
	mesh: string,
): string {
	const [here, there] = members.map(({ name }) => name);
	return [
		...members.map(({ name, cluster }) => `export ${name.toUpperCase()}=${cluster.adminKubeconfig()}`),
		`npx meshwright clusters list --kubeconfig $${here?.toUpperCase()}`,
		`npx meshwright clusters matrix --kubeconfig $${here?.toUpperCase()} --allow-loopback-clusters`,
		`npx meshwright status ${mesh} --watch --kubeconfig $${here?.toUpperCase()}`,
		`kubectl --kubeconfig $${here?.toUpperCase()} -n istio-system get secrets -l istio/multiCluster=true`,
		`kubectl --kubeconfig $${there?.toUpperCase()} -n istio-system delete serviceaccounts -l app.kubernetes.io/name=istio-reader   # they come back, with new tokens`,
		`npx meshwright clusters leave ${there} --mesh ${mesh} --kubeconfig $${here?.toUpperCase()} --join-kubeconfig $${there?.toUpperCase()} --allow-loopback-clusters`,
	]
		.map((command) => `  ${command}`)
		.join('\n');
}
