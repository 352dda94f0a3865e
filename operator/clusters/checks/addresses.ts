/**
 * Checks that a cluster shares no addresses with the other clusters of its network. In one network pods reach each other
 * directly by their addresses, and a proxy knows those of the Services of all clusters. So each address must mean one
 * thing.
 *
 * Between different networks addresses don't matter, because traffic goes through gateways. Clusters that name no network
 * are in one that they share. A release without networks puts everybody into one.
 */

import type { ClusterProblem } from '../../../api/v1/index.ts';
import { blocksOutside, firstOverlap } from './cidrs.ts';
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

/**
 * Ranges that the cluster shares with this one, or with another one to which it has to give way:
 *
 * - This cluster wins over all others.
 * - What a spec gives wins over what a cluster says of itself, whoever joined first. Otherwise a cluster could keep another
 *   one out, or get it into trouble, by claiming its addresses.
 * - Between two of a kind, who was admitted first wins, with the addresses that it had then. Who claims further ones later
 *   comes after all that have them by then.
 */
export function checkOverlap(
	cluster: CheckedCluster,
	others: readonly OtherCluster[],
	local: LocalCluster,
): readonly ClusterProblem[] {
	const withLocal = isSameNetwork(cluster, local, local)
		? overlapsOf(cluster, local, `this cluster ${local.name}`, (field) => cluster[field] ?? [])
		: [];
	const withOthers = others
		.filter((other) => isSameNetwork(cluster, other, local))
		.flatMap((other) =>
			overlapsOf(cluster, other, `cluster ${other.name}`, (field, otherField) =>
				yielding(cluster, field, other, otherField),
			),
		);
	return [...withLocal, ...withOthers];
}

type Field = (typeof families)[number]['field'];

/** The blocks of a cluster that have to give way to those of another one. */
function yielding(cluster: CheckedCluster, field: Field, other: OtherCluster, otherField: Field): readonly string[] {
	const blocks = cluster[field] ?? [];
	const isWritten = cluster.written?.[field] === true;
	if (other.written?.[otherField] === true) {
		return isWritten && !goesBefore(other, cluster) ? [] : blocks;
	}
	// What a cluster says of itself counts when it has been admitted, as long as it is about itself alone.
	if (isWritten || !isCounted(other)) {
		return [];
	}
	return goesBefore(other, cluster) ? blocks : blocksOutside(blocks, cluster.believed?.[field]);
}

/** Whether what a cluster says of itself counts for others. */
export function isCounted({ isJoined, isAdmitted }: OtherCluster): boolean {
	return isJoined || isAdmitted === true;
}

/**
 * Whether another cluster wins when two can't be in the mesh together. A cluster that has joined wins, then one that was
 * admitted, then the one that was admitted earlier, then the one that is earlier in the list. Of two one always wins.
 */
export function goesBefore(other: OtherCluster, cluster: OtherCluster): boolean {
	if (other.isJoined !== cluster.isJoined) return other.isJoined;
	if (isCounted(other) !== isCounted(cluster)) return isCounted(other);
	const [otherAt, at] = [other.joinedAt ?? Number.POSITIVE_INFINITY, cluster.joinedAt ?? Number.POSITIVE_INFINITY];
	return otherAt === at ? other.position < cluster.position : otherAt < at;
}

function overlapsOf(
	cluster: CheckedCluster,
	other: ClusterAddresses,
	otherName: string,
	blocksOf: (field: Field, otherField: Field) => readonly string[],
): readonly ClusterProblem[] {
	return families.flatMap((own) =>
		families.flatMap((others) => {
			const found = firstOverlap(blocksOf(own.field, others.field), other[others.field] ?? []);
			return found === undefined
				? []
				: [
						{
							reason: 'AddressesOverlap' as const,
							message: `${own.what} of cluster ${cluster.name} (${found.a}) share addresses with ${others.what} of ${otherName} (${found.b}): in one network each address must belong to one cluster.${adviceFor(cluster, own.field)}`,
						},
					];
		}),
	);
}

/** What the owner can do when it is the other one that claims what it does not have. */
function adviceFor({ written }: CheckedCluster, field: Field): string {
	return written?.[field] === true
		? ''
		: ` An entry is believed before what a cluster says of itself: if these are its addresses, write them into ${field} of its entry.`;
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
