/** Accounts here, by which primaries read this cluster: part of the mesh. */
import { createHash } from 'node:crypto';
import type { ClusterRecord } from '../../clusters/keep/record.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId, renderReader } from '../../render/index.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';

/** Characters of a name that becomes the value of a label too. */
const longestLabel = 63;

/** Name by which a primary that reads this cluster is known here: apart from the names by which others know us there. */
export function primaryReader(cluster: string): string {
	const name = `for-${cluster}`;
	if (name.length <= longestLabel) return name;
	const hash = createHash('sha256').update(cluster).digest('hex').slice(0, 10);
	return `${name.slice(0, longestLabel - hash.length - 1)}-${hash}`;
}

/** The accounts of all primaries that the mesh lists. */
export function renderReadersHere(mesh: ResolvedMesh): readonly KubeObject[] {
	return primariesOf(mesh).flatMap((cluster) => readerOf(mesh, cluster, applySetId(mesh.name)));
}

/**
 * Accounts of primaries that are leaving stay until they have left: the Secrets with their tokens go first.
 * @param records those that the mesh keeps itself
 * @returns why each object stays, by its key
 */
export function keptReaders(mesh: ResolvedMesh, records: readonly ClusterRecord[]): ReadonlyMap<string, string> {
	const listed = new Set(primariesOf(mesh));
	const leaving = records.filter(({ role, cluster }) => role === 'Primary' && !listed.has(cluster));
	return new Map(
		leaving.flatMap(({ cluster }) =>
			readerOf(mesh, cluster, '').map((object) => [
				objectKey(object),
				`the account by which cluster ${cluster} reads this one stays until it has left`,
			]),
		),
	);
}

function primariesOf({ multiCluster }: ResolvedMesh): readonly string[] {
	return multiCluster.clusters.flatMap(({ name, role }) => (role === 'Primary' ? [name] : []));
}

/** The namespace is there already: the mesh is in it. */
function readerOf(mesh: ResolvedMesh, cluster: string, applySet: string): readonly KubeObject[] {
	return renderReader(mesh, { readBy: primaryReader(cluster), applySet }).filter(({ kind }) => kind !== 'Namespace');
}
