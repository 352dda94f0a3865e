/** The rights that a pass over a mesh needs. Pure. */
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { Lines } from '../../lines/index.ts';
import {
	type NeededRight,
	rightsFor,
	rightToIssueTokens,
	rightToKeepSecrets,
	rightToLabel,
	rightToReadSecrets,
} from '../../plan/rights.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { primariesHere, renderReadersHere } from '../joined/readers.ts';

/**
 * The namespaces beside that of the mesh in which Secrets have to be read, for the kubeconfigs of its clusters.
 * @param records those that the mesh keeps itself
 */
export function namespacesOfKubeconfigs(mesh: ResolvedMesh, records: readonly ClusterRecord[]): readonly string[] {
	const all = [...mesh.multiCluster.clusters, ...records].map(({ kubeconfig }) => kubeconfig.namespace);
	return [...new Set(all)].filter((namespace) => namespace !== mesh.namespace).sort();
}

/** To let other primaries read this cluster. */
export function neededForPrimaries({ namespace, multiCluster }: ResolvedMesh): readonly NeededRight[] {
	return multiCluster.clusters.some(({ role }) => role === 'Primary') ? [rightToIssueTokens(namespace)] : [];
}

const knownToWrite = new WeakMap<readonly KubeObject[], readonly NeededRight[]>();

/** To write the objects of a mesh, and the labels of users' namespaces. Computed once for the same list. */
export function neededToWrite(
	lines: Lines,
	mesh: ResolvedMesh,
	objects: readonly KubeObject[],
): readonly NeededRight[] {
	const known = knownToWrite.get(objects) ?? [
		...rightsFor(objects),
		rightToKeepSecrets(mesh.namespace),
		...((lines.of(mesh).injection(mesh)?.namespaces.length ?? 0) === 0 ? [] : [rightToLabel]),
	];
	knownToWrite.set(objects, known);
	return known;
}

/** All that a mesh needs, before anything of the cluster is known. */
export function neededForAll(lines: Lines, mesh: ResolvedMesh): readonly NeededRight[] {
	const rendered = lines.renderMesh(mesh, lines.of(mesh).standIns);
	const objects = [
		...(rendered.ok ? rendered.objects : []),
		...renderReadersHere(lines, mesh, primariesHere(mesh, [])),
	];
	return [
		...namespacesOfKubeconfigs(mesh, []).map((namespace) => rightToReadSecrets('clusters', namespace)),
		...neededForPrimaries(mesh),
		...neededToWrite(lines, mesh, objects),
	];
}
