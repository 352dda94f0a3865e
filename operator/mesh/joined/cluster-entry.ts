/** Entries of `spec.multiCluster.clusters`, with every question answered. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { WantedCluster } from '../../clusters/types.ts';

export type ClusterEntry = NonNullable<NonNullable<ParsedSpec['multiCluster']>['clusters']>[number];

export function entriesOf({ multiCluster }: ParsedSpec): readonly ClusterEntry[] {
	return multiCluster?.clusters ?? [];
}

/** Unless it is said otherwise, a remote cluster has one. */
export function wantsDataPlane({ role = 'Remote', dataPlane }: Pick<ClusterEntry, 'role' | 'dataPlane'>): boolean {
	return role === 'Remote' && dataPlane?.enabled !== false;
}

export function wantedCluster(entry: ClusterEntry): WantedCluster {
	const { name, role = 'Remote', kubeconfigSecret, dataPlane, server, network, podCIDRs, serviceCIDRs } = entry;
	return {
		name,
		role,
		kubeconfig: { key: 'kubeconfig', ...kubeconfigSecret },
		...(server === undefined ? {} : { server }),
		...(network === undefined ? {} : { network }),
		...(podCIDRs === undefined ? {} : { podCIDRs }),
		...(serviceCIDRs === undefined ? {} : { serviceCIDRs }),
		...(wantsDataPlane(entry) ? { dataPlane: { controlPlaneAddresses: dataPlane?.controlPlaneAddresses ?? [] } } : {}),
	};
}
