/**
 * Kubernetes clusters for tests, demo and benchmark: `startCluster()` and, at the end, `stop()` or `await using`.
 *
 *     await using cluster = await startCluster({ parts: 'all', nodes: 3 });
 *     const kubeconfig = await cluster.kubeconfigFor({ namespace: 'meshwright-system', name: 'meshwright' });
 *
 * However the process ends that started it, a cluster's processes and its directory go with it.
 */
import type { Cluster, ClusterOptions } from './cluster-types.ts';
import { useExistingCluster } from './existing-cluster.ts';
import { borrowCluster, canBeLent, lenderVariable } from './lending.ts';
import { locateControlPlane } from './locate.ts';
import { startOwnCluster } from './own-cluster.ts';
import { setting } from './source.ts';

export type { Cluster, ClusterOptions, ServiceAccountName } from './cluster-types.ts';

/**
 * Starts a cluster, borrows one where a runner lends them, or takes the one that `MESHWRIGHT_TEST_KUBECONFIG` offers; builds the programs first where they are
 * not there. Settled when the API server is ready and the nodes are. Throws, with the end of the log of the program that
 * failed, and leaves nothing behind.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
	const { parts = 'api-server' } = options;
	if (parts === 'api-server' && (options.nodes !== undefined || options.podCIDR !== undefined)) {
		throw new Error("startCluster: nodes and podCIDR need parts: 'all'");
	}
	const lender = setting(process.env, lenderVariable);
	if (lender !== undefined && canBeLent(options)) return borrowCluster(lender, options);
	const located = await locateControlPlane(parts, options.log);
	return located.kind === 'kubeconfig'
		? useExistingCluster(located.file, options)
		: startOwnCluster(located.directory, options);
}
