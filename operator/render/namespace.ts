/** The namespace of the control plane. */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { managedBy } from './labels.ts';

/** The namespace outlives the mesh, so it belongs to no set that is pruned. */
export function renderNamespace({ namespace }: ResolvedMesh): KubeObject {
	return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: managedBy } };
}
