/**
 * Builds a full mesh: each cluster with a control plane of its own (role Primary) gets a Secret for every other cluster.
 * When the MeshInstallation there lists a cluster itself, that Secret belongs to the other operator, and this one leaves it
 * alone.
 */
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { keepPublished, type PublicationSource } from '../secret/publication.ts';
import { type ClusterRecord, recordReference, recordsIn } from '../secret/record.ts';
import type { WantedCluster } from '../wanted-cluster.ts';
import { entryIn, type KeepingMesh, type MeshOfClusters, type WantedMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure, clusterFailure, inCluster, LocalFailure } from './failure.ts';
import { failureContextOf, localSourceOf, sourceOf } from './source.ts';
import type { VisitThere } from './visit.ts';

/** A cluster that a primary has to be told about. */
export interface Told {
	readonly cluster: string;
	readonly id: string | undefined;
	/** Its entry. Undefined for the operator's own cluster. */
	readonly entry: WantedCluster | undefined;
}

/**
 * The clusters that a primary has to be told about: all but itself and those that it lists itself. A Secret that exists
 * already is kept until the other operator has taken it over, or has published its own: so no control plane loses a
 * cluster.
 */
export function toldTo(context: KeeperContext, cell: ClusterCell, mesh: KeepingMesh): readonly Told[] {
	const { facts } = cell;
	if (facts === undefined || entryIn(mesh, cell.cluster)?.role !== 'Primary') return [];
	const cells = context.cellsOf(mesh.name);
	const all: readonly Told[] = [
		{ cluster: context.namesOf(mesh).readBy, id: context.local().id, entry: undefined },
		...mesh.clusters
			.filter(({ name }) => name !== cell.cluster)
			.map((other) => ({
				cluster: other.name,
				id: context.recordOf(mesh, other.name)?.id ?? cells.find(({ cluster }) => cluster === other.name)?.facts?.id,
				entry: other,
			})),
	];
	const listed = new Set(facts.listedThere);
	const { own, others } = secretsThere(context, cell, mesh);
	return all.filter(({ id, cluster }) => {
		if (others.some((record) => record.cluster === cluster)) return false;
		if (others.some((record) => record.state === 'Published' && record.id !== undefined && record.id === id))
			return false;
		if (own.some((record) => record.cluster === cluster)) return true;
		const isListed = listed.has(id) || others.some((record) => record.id === id);
		// It lists clusters whose identity nobody knows yet. Any of them may be this one.
		return id !== undefined && !isListed && !listed.has(undefined);
	});
}

/** The Secrets about clusters in a primary: those from here, and those of others, above all of the operator there. */
function secretsThere(
	context: KeeperContext,
	{ connection }: ClusterCell,
	mesh: MeshOfClusters,
): { readonly own: readonly ClusterRecord[]; readonly others: readonly ClusterRecord[] } {
	const { applySet } = context.namesOf(mesh);
	const secrets = connection === undefined ? [] : [...connection.live.ofKind(kinds.Secret)];
	const { own = [], others = [] } = Object.groupBy(secrets, ({ partOf }) => (partOf === applySet ? 'own' : 'others'));
	return { own: recordsIn(mesh.namespace, own), others: recordsIn(mesh.namespace, others) };
}

/** Keys of the Secrets that stay: those that `toldTo` asks for, or all while nobody knows what that primary lists. */
export function distributedKeys(context: KeeperContext, cell: ClusterCell, mesh: KeepingMesh): ReadonlySet<string> {
	const isPrimary = entryIn(mesh, cell.cluster)?.role === 'Primary';
	const isUnknown = isPrimary && cell.facts === undefined;
	const clusters = isUnknown ? distributedRecords(context, cell, mesh) : toldTo(context, cell, mesh);
	return new Set(clusters.map(({ cluster }) => keyOf(mesh, cluster)));
}

function keyOf({ namespace }: MeshOfClusters, cluster: string): string {
	return objectKey(recordReference(namespace, cluster));
}

/** The Secrets that were published in a primary from here, as they are there. */
export function distributedRecords(
	context: KeeperContext,
	cell: ClusterCell,
	mesh: MeshOfClusters,
): readonly ClusterRecord[] {
	return secretsThere(context, cell, mesh).own;
}

/**
 * Whether a primary is, or may be, told about a cluster from here. A Secret that nobody has looked for yet may still exist.
 */
export function isTold(context: KeeperContext, cell: ClusterCell, mesh: WantedMesh, cluster: string): boolean {
	if (cell.cluster === cluster || entryIn(mesh, cell.cluster)?.role !== 'Primary') return false;
	if (cell.health.state === 'unknown') return true;
	if (cell.connection === undefined || cell.health.state === 'down') return false;
	return (
		!cell.connection.live.hasSynced ||
		distributedRecords(context, cell, mesh).some((record) => record.cluster === cluster)
	);
}

/** Publishes the Secrets. When a cluster is not reached, the primary is told about it later. */
export async function distribute(context: KeeperContext, visit: VisitThere): Promise<void> {
	const { cell, mesh, names, there, signal } = visit;
	const told = toldTo(context, cell, mesh);
	// When another operator keeps a Secret, it begins anew here when it comes back.
	for (const cluster of cell.distributed.keys()) {
		const isGone = there.live.get(keyOf(mesh, cluster))?.partOf !== names.applySet;
		if (isGone && !told.some((one) => one.cluster === cluster)) cell.distributed.delete(cluster);
	}
	const failures = failureContextOf(there.access);
	const errors: unknown[] = [];
	for (const one of told) {
		const source = sourceFor(context, visit, one);
		if (source === undefined) continue;
		try {
			await inCluster(failures, signal, () => tell(context, visit, one, source));
		} catch (error) {
			signal.throwIfAborted();
			// The others are told all the same.
			if (!(error instanceof OtherClusterFailure)) errors.push(error);
		}
	}
	const local = errors.find((error) => !(error instanceof ClusterFailure));
	if (local !== undefined) throw local;
	if (errors.length > 0) throw clusterFailure(new AggregateError(errors), failures);
}

async function tell(
	context: KeeperContext,
	{ cell, mesh, names, there, signal }: VisitThere,
	{ cluster, id }: Told,
	source: PublicationSource,
): Promise<void> {
	const memory = cell.distributed.get(cluster) ?? { wasPublished: false };
	cell.distributed.set(cluster, memory);
	await keepPublished(
		{
			api: there.api,
			live: there.live,
			writer: there.writer({ onOutcome: context.onApply }, signal),
			mesh: { name: mesh.name, namespace: mesh.namespace, partOf: names.applySet },
		},
		source,
		{
			record: {
				cluster,
				role: 'Primary',
				dataPlane: false,
				// Tells a person who finds the Secret there where it comes from.
				kubeconfig: { namespace: mesh.namespace, name: names.readBy, key: cell.cluster },
				...(id === undefined ? {} : { id }),
			},
			policy: mesh.rotation,
			others: distributedRecords(context, cell, mesh).filter((other) => other.cluster !== cluster),
			wasPublished: false,
			now: context.wallClock(),
		},
		memory,
		{ signal },
	);
}

/** The cluster that a primary is told about failed, not the primary. The failure shows in that cluster's own conditions. */
class OtherClusterFailure extends ClusterFailure {}

/** The source of tokens for the cluster that a primary is told about. Undefined when it can't give any now. */
function sourceFor(context: KeeperContext, visit: VisitThere, told: Told): PublicationSource | undefined {
	const source = told.entry === undefined ? sourceHere(context, visit) : sourceIn(context, visit, told.entry);
	if (source === undefined) return undefined;
	const { issue } = source;
	return {
		...source,
		issue: async (lifetimeMs, now) => {
			try {
				return await issue(lifetimeMs, now);
			} catch (error) {
				if (error instanceof ClusterFailure) throw new OtherClusterFailure(error.problem, error.isReach);
				throw new LocalFailure(error);
			}
		},
	};
}

function sourceHere(context: KeeperContext, { cell, mesh, signal }: VisitThere): PublicationSource | undefined {
	return localSourceOf(context, mesh, mesh.objects.readerAccountFor(cell.cluster), signal);
}

function sourceIn(
	context: KeeperContext,
	{ mesh, names, signal }: VisitThere,
	entry: WantedCluster,
): PublicationSource | undefined {
	const { connection: there, health } = context.cellsOf(mesh.name).find(({ cluster }) => cluster === entry.name) ?? {};
	const isJoined = context.recordOf(mesh, entry.name)?.state === 'Published';
	const isOpen = there?.live.hasSynced === true && health?.state === 'up';
	return isJoined && isOpen
		? sourceOf(context, { mesh, entry, there, signal }, mesh.objects.readerAccount(names.readBy))
		: undefined;
}
