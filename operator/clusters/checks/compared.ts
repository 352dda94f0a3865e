/** Collects what a cluster is compared with: the other entries of the list, and this cluster. */
import type { ClusterCell } from '../keep/cell.ts';
import type { KeeperContext } from '../keep/context.ts';
import type { KeepingVisit } from '../keep/visit.ts';
import type { ClusterRecord } from '../secret/record.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import { firstOverlap } from './cidrs.ts';
import type { ClusterFactsSeen } from './gather.ts';
import { gatewaysSeen } from './network-entry.ts';
import { type CheckedCluster, type LocalCluster, type OtherCluster, seen, writtenIn } from './subject.ts';

type ComparedContext = Pick<KeeperContext, 'cellsOf' | 'recordOf' | 'recordsOf'>;

/** Whether others are compared with this cluster. After a restart the record tells, if the cluster was begun before. */
export function isAdmitted(cell: ClusterCell | undefined, record: ClusterRecord | undefined): boolean {
	return cell?.isAdmitted === true || record !== undefined;
}

/** The other entries, and clusters that leave, from their records and the status. */
export function othersOf(
	{ cellsOf, recordOf, recordsOf }: ComparedContext,
	mesh: KeepingMesh,
): readonly OtherCluster[] {
	const cells = new Map(cellsOf(mesh.name).map((cell) => [cell.cluster, cell]));
	const names = new Set(mesh.clusters.map(({ name }) => name));
	// Clusters that leave are cleaned first. Otherwise another entry for the same cluster would lose what it gets there.
	const leaving = recordsOf(mesh)
		.filter(({ cluster }) => !names.has(cluster))
		.map(({ cluster, id }) => ({
			name: cluster,
			network: undefined,
			podCIDRs: undefined,
			serviceCIDRs: undefined,
			id,
			position: -1,
			isJoined: true,
			joinedAt: 0,
		}));
	const listed = mesh.clusters.map((other, position) => {
		const record = recordOf(mesh, other.name);
		const cell = cells.get(other.name);
		const facts = cell?.facts;
		const before = mesh.before.get(other.name);
		return {
			name: other.name,
			network: other.network,
			podCIDRs: other.podCIDRs ?? facts?.podCIDRs ?? before?.podCIDRs,
			serviceCIDRs: other.serviceCIDRs ?? facts?.serviceCIDRs ?? before?.serviceCIDRs,
			written: writtenIn(other),
			// The one by which it was admitted, whatever it says now.
			id: record?.id ?? facts?.id,
			position,
			...standingOf(cell, record),
		};
	});
	return [...leaving, ...listed];
}

/** Where a cluster stands among those that want to be in the mesh. */
export function standingOf(
	cell: ClusterCell | undefined,
	record: ClusterRecord | undefined,
): Pick<OtherCluster, 'isJoined' | 'isAdmitted' | 'joinedAt'> {
	return {
		isJoined: record?.state === 'Published',
		isAdmitted: isAdmitted(cell, record),
		joinedAt: record === undefined ? undefined : (record.joinedAt ?? 0),
	};
}

/** The addresses that a cluster has had since it was admitted. After a restart the status tells them. */
export function believedOf(
	{ cell, mesh, entry }: Pick<KeepingVisit, 'cell' | 'mesh' | 'entry'>,
	record: ClusterRecord | undefined,
): CheckedCluster['believed'] {
	if (!isAdmitted(cell, record)) return undefined;
	const before = mesh.before.get(entry.name);
	return {
		podCIDRs: cell.facts?.podCIDRs ?? before?.podCIDRs,
		serviceCIDRs: cell.facts?.serviceCIDRs ?? before?.serviceCIDRs,
	};
}

/** The entries whose written addresses are those that this cluster says to have. */
function overlappedBy({ cell, mesh, entry }: KeepingVisit): readonly string[] {
	const { facts } = cell;
	if (facts === undefined) return [];
	const written = writtenIn(entry);
	const claimed = [
		...(written.podCIDRs ? [] : (facts.podCIDRs ?? [])),
		...(written.serviceCIDRs ? [] : (facts.serviceCIDRs ?? [])),
	];
	return mesh.clusters
		.filter(({ name }) => name !== entry.name)
		.filter(({ podCIDRs = [], serviceCIDRs = [] }) =>
			[podCIDRs, serviceCIDRs].some((given) => given.length > 0 && firstOverlap(claimed, given) !== undefined),
		)
		.map(({ name }) => name);
}

/** This cluster. */
export function localOf(
	{ local }: Pick<KeeperContext, 'local'>,
	mesh: KeepingMesh,
	facts: ClusterFactsSeen,
): LocalCluster {
	const { podCIDRs, serviceCIDRs, roots } = seen(facts);
	return {
		name: mesh.clusterName ?? local().id,
		id: local().id,
		clusterName: mesh.clusterName,
		network: mesh.network,
		podCIDRs,
		serviceCIDRs,
		trustDomain: mesh.trustDomain,
		roots,
		release: mesh.release,
	};
}

/** Everything here that a check depends on, as text. When it has changed, a check that is not due is made all the same. */
export function subjectOf(context: ComparedContext, visit: KeepingVisit): string {
	const { cell, mesh, entry } = visit;
	const { clusterName, network, podCIDRs, serviceCIDRs, server, release, trustDomain } = mesh;
	const record = context.recordOf(mesh, entry.name);
	return JSON.stringify([
		entry,
		{ clusterName, network, podCIDRs, serviceCIDRs, server, release, trustDomain },
		// When the record has the ID that was found, the ID is no news.
		cell.facts === undefined || record?.id === cell.facts.id ? undefined : record?.id,
		// Depends on the spec of the mesh, and on the authority that signs the cluster's certificates now.
		entry.dataPlane === undefined ? [] : mesh.objects.problemsOf(entry),
		mesh.objects.caSecretName,
		cell.connection === undefined ? undefined : mesh.objects.authorityThere?.(cell.connection),
		gatewaysSeen(visit),
		overlappedBy(visit),
		// A refused cluster depends on the others, because what is in its way may be gone. A joined one is checked at its time.
		(cell.problems?.length ?? 0) > 0 ? othersOf(context, mesh) : [],
	]);
}
