/**
 * Mutual TLS between workloads, as Istio's own objects: what servers accept (MeshPolicy) and what clients send
 * (DestinationRule). The names are Istio's. A MeshPolicy has to be called `default` and is the only one of its cluster.
 * People, documents and tools know the others by their names.
 */
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { asGiven } from '../finish.ts';
import { objectLabels } from '../labels.ts';

/** Component label of these objects. They wait for Citadel. */
export const mutualTlsComponent = 'mutual-tls';

/**
 * DISABLED has no objects: without a policy servers accept plain text, and clients send it (istio 1.0-1.4
 * `pilot/pkg/model/authentication.go`). So a mesh can say DISABLED in a cluster where another mesh, or the owner, keeps the
 * policy.
 */
export function renderMutualTls(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	switch (mesh.mutualTls) {
		case 'DISABLED':
			return [];
		case 'PERMISSIVE':
			return [meshPolicy(mesh, { mode: 'PERMISSIVE' })];
		case 'STRICT':
			return [
				meshPolicy(mesh, {}),
				destinationRule(mesh, 'default', '*.local', 'ISTIO_MUTUAL'),
				// The API server has no proxy.
				destinationRule(mesh, 'api-server', 'kubernetes.default.svc.cluster.local', 'DISABLE'),
			];
	}
}

/** `mtls: {}` allows mutual TLS alone. */
function meshPolicy(mesh: ResolvedClassicMesh, mtls: { readonly mode?: 'PERMISSIVE' }): KubeObject {
	return {
		apiVersion: 'authentication.istio.io/v1alpha1',
		kind: 'MeshPolicy',
		metadata: { name: 'default', labels: objectLabels(mesh, 'MeshPolicy', mutualTlsComponent, 'istio-mutual-tls') },
		spec: { peers: [asGiven({ mtls })] },
	};
}

function destinationRule(
	mesh: ResolvedClassicMesh,
	name: string,
	host: string,
	mode: 'ISTIO_MUTUAL' | 'DISABLE',
): KubeObject {
	return {
		apiVersion: 'networking.istio.io/v1alpha3',
		kind: 'DestinationRule',
		metadata: {
			name,
			namespace: mesh.namespace,
			labels: objectLabels(mesh, 'DestinationRule', mutualTlsComponent, 'istio-mutual-tls'),
		},
		spec: { host, trafficPolicy: { tls: { mode } } },
	};
}
