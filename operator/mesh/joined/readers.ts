/** The accounts here by which primaries read this cluster. They are part of the mesh. */
import { createHash } from 'node:crypto';
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { Lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { KubeObject } from '../../runtime/object.ts';

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

/**
 * The primaries that have an account here, sorted: those that the mesh lists, and those that are leaving. Secrets with their
 * tokens go first, so these keep their accounts until they have left.
 * @param records those that the mesh keeps itself
 */
export function primariesHere({ multiCluster }: ResolvedMesh, records: readonly ClusterRecord[]): readonly string[] {
	const listed = multiCluster.clusters.flatMap(({ name, role }) => (role === 'Primary' ? [name] : []));
	const leaving = records.flatMap(({ cluster, role }) => (role === 'Primary' ? [cluster] : []));
	return [...new Set([...listed, ...leaving])].sort();
}

/** The accounts of these primaries. */
export function renderReadersHere(
	lines: Lines,
	mesh: ResolvedMesh,
	primaries: readonly string[],
): readonly KubeObject[] {
	return lines.renderReadersHere(mesh, { readBy: primaries.map(primaryReader), applySet: applySetId(mesh.name) });
}
