/**
 * The account by which the control plane of one cluster reads another. It has the least rights that this needs. Where no
 * workloads ask that control plane, it can change nothing. It is made in a cluster that joins, and in the operator's own when another primary reads that.
 */
import type { AccessRule, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { finish } from './finish.ts';
import { keptFrom } from './labels.ts';
import { renderNamespace } from './namespace.ts';
import { renderAccount } from './rbac.ts';

export interface Reader {
	/** Name in the mesh of the cluster whose control plane reads. */
	readonly readBy: string;
	/** ID of the ApplySet that the objects belong to. */
	readonly applySet: string;
	/** What they may do, in all namespaces. */
	readonly rules: readonly AccessRule[];
}

/** Name of the ServiceAccount in the namespace of the mesh. */
export function readerServiceAccount(readBy: string): string {
	return `istio-reader-${readBy}`;
}

/** Namespace of the mesh, ServiceAccount, ClusterRole and ClusterRoleBinding, in the form of `render`. */
export function renderReader(mesh: ResolvedMesh, reader: Reader): readonly KubeObject[] {
	return finish(readerObjects(mesh, reader));
}

/** Several clusters whose control planes read this one. */
export interface Readers extends Omit<Reader, 'readBy'> {
	readonly readBy: readonly string[];
}

/**
 * The accounts by which others read the operator's own cluster. They share one role and one binding, whose names depend on
 * the namespace of the mesh alone. So the operator needs no right to write roles of any name. The namespace exists already,
 * because the mesh is in it. Nothing when nobody reads.
 */
export function renderReadersHere(mesh: ResolvedMesh, { readBy, applySet, rules }: Readers): readonly KubeObject[] {
	const each = readBy.map((reader) => readerObjects(mesh, { readBy: reader, applySet, rules }));
	const accounts = each.flat().filter(({ kind }) => kind === 'ServiceAccount');
	if (accounts.length === 0) return [];
	const name = 'istio-readers';
	const shared = renderAccount(mesh, {
		component: 'reader',
		name,
		application: 'istio-reader',
		serviceAccount: name,
		cluster: rules,
		namespace: [],
	}).filter(({ kind }) => kind !== 'ServiceAccount');
	const subjects = accounts.map(({ metadata }) => ({
		kind: 'ServiceAccount',
		name: metadata.name,
		namespace: mesh.namespace,
	}));
	const bound = shared.map((object) => (object.kind === 'ClusterRoleBinding' ? { ...object, subjects } : object));
	return finish([...accounts, ...bound]);
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
