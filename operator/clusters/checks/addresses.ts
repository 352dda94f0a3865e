/**
 * Checks that a cluster shares no addresses with the other clusters of its network. In one network pods reach each other
 * directly by their addresses, and a proxy knows those of the Services of all clusters. So each address must mean one
 * thing.
 *
 * Between different networks addresses don't matter, because traffic goes through gateways. Clusters that name no network
 * are in one that they share. A release without networks puts everybody into one.
 */

import type { ClusterProblem } from '../../../api/v1/index.ts';
import { firstOverlap } from './cidrs.ts';
import type { CheckedCluster, ClusterAddresses, LocalCluster, OtherCluster } from './subject.ts';

const families = [
	{ what: 'pods', field: 'podCIDRs' },
	{ what: 'Services', field: 'serviceCIDRs' },
] as const;

export function isSameNetwork(
	a: Pick<ClusterAddresses, 'network'>,
	b: Pick<ClusterAddresses, 'network'>,
	{ release }: Pick<LocalCluster, 'release'>,
): boolean {
	return !release.hasNetworks || (a.network ?? '') === (b.network ?? '');
}

/** Ranges that the cluster shares with this one, or with another one that goes before it. */
export function checkOverlap(
	cluster: CheckedCluster,
	others: readonly OtherCluster[],
	local: LocalCluster,
): readonly ClusterProblem[] {
	return [local, ...others.filter((other) => goesBefore(other, cluster))]
		.filter((other) => isSameNetwork(cluster, other, local))
		.flatMap((other) => overlapsOf(cluster, other, other === local));
}

/**
 * Whether another cluster wins when two can't be in the mesh together. A cluster that has joined wins, then one that was
 * admitted, then the one that is earlier in the list. When both have joined, each goes before the other: both are told.
 */
export function goesBefore(other: OtherCluster, cluster: OtherCluster): boolean {
	if (other.isJoined !== cluster.isJoined) {
		return other.isJoined;
	}
	if (other.isJoined) {
		return true;
	}
	const isAdmitted = other.isAdmitted === true;
	return isAdmitted === (cluster.isAdmitted === true) ? other.position < cluster.position : isAdmitted;
}

function overlapsOf(cluster: CheckedCluster, other: ClusterAddresses, isLocal: boolean): readonly ClusterProblem[] {
	return families.flatMap((own) =>
		families.flatMap((others) => {
			const found = firstOverlap(cluster[own.field] ?? [], other[others.field] ?? []);
			return found === undefined
				? []
				: [
						{
							reason: 'AddressesOverlap' as const,
							message: `${own.what} of cluster ${cluster.name} (${found.a}) share addresses with ${others.what} of ${isLocal ? 'this cluster' : 'cluster'} ${other.name} (${found.b}): in one network each address must belong to one cluster.`,
						},
					];
		}),
	);
}

/** The ranges of the cluster and of this one that `checkOverlap` needs and nobody knows. */
export function checkAddressesKnown(
	cluster: CheckedCluster,
	others: readonly OtherCluster[],
	local: LocalCluster,
): readonly ClusterProblem[] {
	const neighbours = [local, ...others].filter((other) => isSameNetwork(cluster, other, local));
	if (neighbours.length === 0) {
		return [];
	}
	const why = { podCIDRs: cluster.podsUnknown, serviceCIDRs: cluster.servicesUnknown };
	return [
		...families
			.filter(({ field }) => cluster[field] === undefined)
			.map(({ what, field }) =>
				unknownAddresses(
					`the addresses of the ${what} of cluster ${cluster.name} are not known${why[field] === undefined ? '' : `: ${why[field]}`}. Write them into ${field} of the entry.`,
				),
			),
		...families
			.filter(({ field }) => local[field] === undefined && isSameNetwork(cluster, local, local))
			.map(({ what, field }) =>
				unknownAddresses(
					`the addresses of the ${what} of this cluster are not known, so those of cluster ${cluster.name} can not be compared with them. Write them into spec.multiCluster.${field}.`,
				),
			),
	];
}

function unknownAddresses(message: string): ClusterProblem {
	return { reason: 'AddressesUnknown', message };
}
