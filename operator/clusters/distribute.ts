/**
 * A full mesh: in each cluster with a control plane of its own (role Primary) a Secret for every other cluster. Where the
 * MeshInstallation there lists a cluster itself, that Secret is the other operator's, and this one keeps its hands off it.
 */

import { kinds } from '../runtime/kinds.ts';
import { objectKey } from '../runtime/object.ts';
import type { ClusterCell } from './cell.ts';
import type { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure, inCluster } from './failure.ts';
import { keepPublished, type PublicationSource } from './publication.ts';
import { type ClusterRecord, recordReference, recordsIn } from './record.ts';
import { failureContextOf, localSourceOf, sourceOf } from './source.ts';
import type { ClusterNames, WantedCluster, WantedMesh } from './types.ts';

/** A cluster that a primary is to be told of. */
export interface Told {
	readonly cluster: string;
	readonly id: string | undefined;
	/** Its entry; undefined for the cluster of the operator itself. */
	readonly entry: WantedCluster | undefined;
}

/** Which clusters a primary is to be told of: all but itself and those that it lists itself. */
export function toldTo(context: KeeperContext, cell: ClusterCell, mesh: WantedMesh): readonly Told[] {
	const { facts } = cell;
	const entry = mesh.clusters.find(({ name }) => name === cell.cluster);
	if (facts === undefined || entry?.role !== 'Primary') return [];
	const cells = context.cellsOf(mesh.name);
	const all: readonly Told[] = [
		{ cluster: context.namesOf(mesh).readBy, id: context.local().id, entry: undefined },
		...mesh.clusters
			.filter(({ name }) => name !== cell.cluster)
			.map((other) => ({
				cluster: other.name,
				id: cells.find(({ cluster }) => cluster === other.name)?.facts?.id ?? context.recordOf(mesh, other.name)?.id,
				entry: other,
			})),
	];
	const listed = new Set(facts.listedThere);
	return all.filter(
		({ id, cluster }) =>
			id !== undefined &&
			!listed.has(id) &&
			// It lists clusters of which nobody knows yet who they are: until then only what is there already stays.
			(!listed.has(undefined) || cell.distributed.has(cluster)),
	);
}

/** Keys of the Secrets that `toldTo` asks for. */
export function distributedKeys(context: KeeperContext, cell: ClusterCell, mesh: WantedMesh): ReadonlySet<string> {
	const { namespace } = mesh;
	return new Set(toldTo(context, cell, mesh).map(({ cluster }) => objectKey(recordReference(namespace, cluster))));
}

/** The Secrets that were published in a primary, as they are there. */
export function distributedRecords(cell: ClusterCell, mesh: WantedMesh): readonly ClusterRecord[] {
	const { connection } = cell;
	if (connection === undefined || cell.distributed.size === 0) return [];
	return recordsIn(mesh.namespace, connection.live.ofKind(kinds.Secret));
}

/** Publishes them. What can't be told yet, because that cluster is not reached, is told when it is. */
export async function distribute(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	names: ClusterNames,
	there: ClusterConnection,
	signal: AbortSignal,
): Promise<void> {
	const { namespace } = mesh;
	const told = toldTo(context, cell, mesh);
	for (const cluster of cell.distributed.keys()) {
		const key = objectKey(recordReference(namespace, cluster));
		if (!told.some((one) => one.cluster === cluster) && there.live.get(key) === undefined)
			cell.distributed.delete(cluster);
	}
	const failures = failureContextOf(there.access);
	for (const one of told) {
		const source = sourceFor(context, cell, mesh, one, names, signal);
		if (source === undefined) continue;
		const memory = cell.distributed.get(one.cluster) ?? { wasPublished: false };
		cell.distributed.set(one.cluster, memory);
		try {
			await inCluster(failures, signal, () =>
				keepPublished(
					{
						api: there.api,
						live: there.live,
						writer: there.writer({ onOutcome: context.onApply }, signal),
						mesh: { name: mesh.name, namespace, partOf: names.applySet },
					},
					source,
					{
						record: {
							cluster: one.cluster,
							role: 'Primary',
							dataPlane: false,
							// Where the Secret comes from, for a person who finds it there.
							kubeconfig: { namespace: mesh.namespace, name: names.readBy, key: cell.cluster },
							...(one.id === undefined ? {} : { id: one.id }),
						},
						lifetimeMs: mesh.tokenLifetimeMs,
						policy: mesh.rotation,
						others: distributedRecords(cell, mesh).filter(({ cluster }) => cluster !== one.cluster),
						wasPublished: false,
						now: context.wallClock(),
					},
					memory,
					{ signal },
				),
			);
		} catch (error) {
			if (!(error instanceof OtherClusterFailure)) throw error;
		}
	}
}

/** The cluster that is told of failed, not the one that is told: its own conditions say so. */
class OtherClusterFailure extends ClusterFailure {}

function sourceFor(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: WantedMesh,
	{ cluster, entry }: Told,
	names: ClusterNames,
	signal: AbortSignal,
): PublicationSource | undefined {
	let source: PublicationSource | undefined;
	if (entry === undefined) {
		source = localSourceOf(context, mesh, mesh.objects.readerAccountFor(cell.cluster), signal);
	} else {
		const other = context.cellsOf(mesh.name).find((one) => one.cluster === cluster);
		const isJoined = context.recordOf(mesh, cluster)?.state === 'Published';
		if (!isJoined || other?.connection === undefined || other.health.state !== 'up') return undefined;
		source = sourceOf(context, mesh, entry, other.connection, mesh.objects.readerAccount(names.readBy), signal);
	}
	if (source === undefined) return undefined;
	const { issue } = source;
	return {
		...source,
		issue: async (lifetimeMs, now) => {
			try {
				return await issue(lifetimeMs, now);
			} catch (error) {
				if (error instanceof ClusterFailure) throw new OtherClusterFailure(error.problem, error.isReach);
				throw error;
			}
		},
	};
}
