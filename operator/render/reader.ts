/**
 * The account by which Pilot and Mixer of one cluster read another. It has the least rights that they need, and can change
 * nothing. It is made in a cluster that joins, and in the operator's own when another primary reads that.
 */
import type { ReadRule, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { finish } from './finish.ts';
import { keptFrom } from './labels.ts';
import { renderNamespace } from './namespace.ts';
import { renderAccount } from './rbac.ts';

export interface Reader {
	/** Name in the mesh of the cluster whose Pilot and Mixer read. */
	readonly readBy: string;
	/** ID of the ApplySet that the objects belong to. */
	readonly applySet: string;
	/** What they may read, in all namespaces. */
	readonly rules: readonly ReadRule[];
}

/** Name of the ServiceAccount in the namespace of the mesh. */
export function readerServiceAccount(readBy: string): string {
	return `istio-reader-${readBy}`;
}

/** Namespace of the mesh, ServiceAccount, ClusterRole and ClusterRoleBinding, in the form of `render`. */
export function renderReader(mesh: ResolvedMesh, reader: Reader): readonly KubeObject[] {
	return finish(readerObjects(mesh, reader));
}

/** As `renderReader`, unfinished. */
export function readerObjects(mesh: ResolvedMesh, { readBy, applySet, rules }: Reader): readonly KubeObject[] {
	const name = readerServiceAccount(readBy);
	return [
		renderNamespace(mesh),
		...renderAccount(mesh, {
			component: 'reader',
			name,
			application: 'istio-reader',
			serviceAccount: name,
			cluster: rules,
			namespace: [],
		}),
	].map((object) => keptFrom(object, readBy, applySet));
}
