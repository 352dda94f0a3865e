/** What everybody can do with a cluster who knows where it is and has its administrator's token, whoever started it. */
import path from 'node:path';
import { requestToken, writeKubeconfig } from './accounts.ts';
import type { ApiClient } from './api-client.ts';
import type { Cluster } from './cluster-types.ts';

/** Where a cluster is, in plain data. */
export type ClusterPlace = Pick<
	Cluster,
	'name' | 'url' | 'ca' | 'adminToken' | 'directory' | 'serviceCIDR' | 'podCIDR' | 'egressSocket'
>;

export type ClusterAccess = ClusterPlace & Pick<Cluster, 'adminKubeconfig' | 'kubeconfigFor' | 'request'>;

/**
 * Writes the administrator's kubeconfig into the cluster's directory.
 * @param client the one of this moment: another one after the API server was started anew
 */
export async function accessTo(place: ClusterPlace, client: () => ApiClient): Promise<ClusterAccess> {
	const kubeconfig = (user: string) => path.join(place.directory, `${user}.kubeconfig`);
	await writeKubeconfig(kubeconfig('admin'), place, 'admin', place.adminToken);
	return {
		...place,
		adminKubeconfig: () => kubeconfig('admin'),
		kubeconfigFor: async (account) => {
			const file = kubeconfig(`${account.namespace}.${account.name}`);
			return writeKubeconfig(file, place, account.name, await requestToken(client(), account));
		},
		request: (what) => client().request(what),
	};
}
