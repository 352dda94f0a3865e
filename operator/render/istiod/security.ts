/** What workloads of the mesh demand of each other. */
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';

/** Component of the object, by which a gate finds it. */
export const mutualTlsComponent = 'peer-authentication';

/** In the root namespace and without a selector it is about the whole mesh (istio.io/api `security/v1beta1`). */
export function renderMutualTls(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	if (mesh.mutualTls === undefined) return [];
	const name = 'default';
	return [
		{
			apiVersion: 'security.istio.io/v1',
			kind: 'PeerAuthentication',
			metadata: {
				name,
				namespace: mesh.namespace,
				labels: objectLabels(mesh, 'PeerAuthentication', mutualTlsComponent, name),
			},
			spec: { mtls: { mode: mesh.mutualTls === 'DISABLED' ? 'DISABLE' : mesh.mutualTls } },
		},
	];
}
