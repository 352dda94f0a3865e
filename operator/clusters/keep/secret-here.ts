/**
 * Keeps the Secret about a cluster in this one. It is a record from before the first write elsewhere on, and published when
 * Pilot may read the cluster.
 */
import { isDeepStrictEqual } from 'node:util';
import { definedFields } from '../../../api/v1/index.ts';
import { objectKey } from '../../runtime/object.ts';
import type { IssuedAuthority } from '../authority.ts';
import { claim } from '../secret/claim.ts';
import { keepPublished, takeOver } from '../secret/publication.ts';
import { basisOf } from '../secret/publication-basis.ts';
import { type ClusterRecord, recordOf, recordReference, recordSecret } from '../secret/record.ts';
import type { KeeperContext } from './context.ts';
import { conflictOf } from './failure.ts';
import { sourceOf } from './source.ts';
import type { KeepingVisit, VisitThere } from './visit.ts';

/** What may be in a cluster, according to its record. */
export type Marks = Pick<ClusterRecord, 'role' | 'dataPlane'>;

/** Records, before the first write of its kind in the cluster, what may be left there from now on. */
export async function begin(context: KeeperContext, visit: KeepingVisit, { role, dataPlane }: Marks): Promise<void> {
	const { api, live } = context;
	const { cell, mesh, record, signal } = visit;
	const { name: cluster, kubeconfig } = visit.entry;
	const id = cell.facts?.id;
	const joinedAt = record === undefined ? admittedAt(context, visit) : record.joinedAt;
	cell.joinedAt ??= joinedAt;
	const authority = record?.authority;
	const own = { cluster, role, dataPlane, kubeconfig, ...definedFields({ id, joinedAt, authority }) };
	const pending: ClusterRecord = { ...own, state: 'Pending' };
	if (isDeepStrictEqual(record, pending)) return;
	const reference = recordReference(mesh.namespace, cluster);
	const standing = record === undefined ? live.get(objectKey(reference)) : undefined;
	const told = standing === undefined ? undefined : recordOf(standing);
	if (told?.state === 'Published') {
		const target = { api, live, mesh, writer: context.writerHere(mesh, signal) };
		if (await takeOver(target, told, own, cell.publication, { signal })) return;
	}
	if (record === undefined) {
		try {
			await claim({ api, mesh }, reference, { signal });
		} catch (error) {
			throw conflictOf(error);
		}
	}
	await context.writerHere(mesh, signal).apply(recordSecret(mesh, pending), true);
}

/** When the cluster was admitted: now, unless somebody has deleted the record since. No two come at the same time. */
function admittedAt({ recordsOf, wallClock }: KeeperContext, { cell, mesh }: KeepingVisit): number {
	const known = recordsOf(mesh).map(({ joinedAt = 0 }) => joinedAt + 1);
	return cell.joinedAt ?? Math.max(wallClock(), ...known);
}

/**
 * @param issued the authority that the cluster has; undefined when it has the one that is recorded, or none
 * @param isInCharge whether the control plane here is in charge there now; undefined when nothing has changed about that
 */
export async function publish(
	context: KeeperContext,
	visit: VisitThere,
	{ role, dataPlane }: Marks,
	isInCharge?: boolean,
	issued?: IssuedAuthority,
): Promise<void> {
	const { api, live, wallClock } = context;
	const { cell, mesh, names, signal } = visit;
	const { name: cluster, kubeconfig } = visit.entry;
	// While nothing can be learned, the known ID stays.
	const known = context.recordOf(mesh, cluster);
	const id = cell.facts?.id ?? known?.id;
	cell.joinedAt ??= known?.joinedAt;
	const joinedAt = known === undefined ? cell.joinedAt : known.joinedAt;
	const authority = issued ?? known?.authority;
	const source = sourceOf(context, visit, mesh.objects.readerAccount(names.readBy));
	try {
		const outcome = await keepPublished(
			{ api, live, mesh, writer: context.writerHere(mesh, signal) },
			{ ...source, isInCharge: isInCharge ?? known?.basis === basisOf({ ...source, isInCharge: true }) },
			{
				record: { cluster, role, dataPlane, kubeconfig, ...definedFields({ id, joinedAt, authority }) },
				policy: mesh.rotation,
				others: context.recordsOf(mesh).filter((other) => other.cluster !== cluster),
				wasPublished: mesh.before.get(cluster)?.secret !== undefined,
				now: wallClock(),
				rolledOutAt: context.rolledOutAt(mesh.namespace),
			},
			cell.publication,
			{ signal },
		);
		if (outcome === 'rotated') context.wakeMesh(mesh.name, `token of cluster ${cluster} renewed`);
		context.onPublished(mesh, cluster, outcome);
	} catch (error) {
		throw conflictOf(error);
	}
}
