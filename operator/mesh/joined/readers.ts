/** The accounts here by which primaries read this cluster. They are part of the mesh. */
import { createHash } from 'node:crypto';
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { Lines } from '../../lines/index.ts';
import type { Gate } from '../../plan/gate.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';

/** A name that is also the value of a label may have this many characters. */
const longestLabel = 63;

/**
 * The name under which a primary that reads this cluster is known here. It differs from the names by which others know us
 * there.
 */
export function primaryReader(cluster: string): string {
	const name = `for-${cluster}`;
	if (name.length <= longestLabel) return name;
	const hash = createHash('sha256').update(cluster).digest('hex').slice(0, 10);
	return `${name.slice(0, longestLabel - hash.length - 1)}-${hash}`;
}

/** The accounts of all primaries that the mesh lists. */
export function renderReadersHere(lines: Lines, mesh: ResolvedMesh): readonly KubeObject[] {
	return primariesOf(mesh).flatMap((cluster) => readerOf(lines, mesh, cluster, applySetId(mesh.name)));
}

/**
 * Keeps the accounts of primaries that are leaving until they have left: the Secrets with their tokens go first.
 * @param records those that the mesh keeps itself
 */
export function readerGates(lines: Lines, mesh: ResolvedMesh, records: readonly ClusterRecord[]): readonly Gate[] {
	const listed = new Set(primariesOf(mesh));
	const leaving = records.filter(({ role, cluster }) => role === 'Primary' && !listed.has(cluster));
	return leaving.map(({ cluster }) => ({
		name: 'secret-before-reader-goes',
		effect: 'kept',
		objects: readerOf(lines, mesh, cluster, '').map(objectKey),
		sentence: `the account by which cluster ${cluster} reads this one stays until it has left`,
	}));
}

function primariesOf({ multiCluster }: ResolvedMesh): readonly string[] {
	return multiCluster.clusters.flatMap(({ name, role }) => (role === 'Primary' ? [name] : []));
}

/** The objects of a reader. The namespace exists already, because the mesh is in it. */
function readerOf(lines: Lines, mesh: ResolvedMesh, cluster: string, applySet: string): readonly KubeObject[] {
	const reader = { readBy: primaryReader(cluster), applySet };
	return lines.renderReader(mesh, reader).filter(({ kind }) => kind !== 'Namespace');
}
