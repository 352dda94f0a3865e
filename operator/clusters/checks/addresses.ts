/**
 * Whether the addresses of a cluster are its own among all clusters of its network. In one network pods reach each other
 * directly by their addresses, and a proxy is told those of the Services of all clusters: each must mean one thing.
 *
 * In different networks it does not matter: from one to the other traffic goes through gateways. Who names no network is in
 * one that all such clusters share. A release without networks puts everybody into one.
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

/** Ranges that the cluster shares with this one, or with another that goes before it. */
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
 * Whose place it is where two can't be in a mesh together. Who has joined stays, and who is on the way before who is not;
 * else it is that of the first in the list. Two that have joined can't be told apart so: both are told.
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

/** Ranges that have to be known for `checkOverlap` and are not, of the cluster and of this one. */
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
