/** The rights by which Pilot and Mixer of one cluster read another. */

import { compareMinor, type ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { ReadRule } from '../../releases/index.ts';

const verbs = ['get', 'list', 'watch'] as const;

/**
 * The rules of the charts' ClusterRole `istio-reader`: what Pilot reads and, from 1.1 on, what Mixer's adapter
 * `kubernetesenv` reads (istio 1.0 `install/kubernetes/helm/istio-remote/templates/clusterrole.yaml`, 1.1-1.4
 * `install/kubernetes/helm/istio/templates/clusterrole.yaml`). No Secrets, and nothing of Istio's own.
 */
export function readerRules({ release }: ResolvedClassicMesh): readonly ReadRule[] {
	const core = ['endpoints', 'nodes', 'pods', 'services'];
	const isRead = compareMinor(release.minor, '1.1') >= 0;
	return [
		...[...core, ...(isRead ? ['replicationcontrollers'] : [])].map((resource) => ({ group: '', resource, verbs })),
		...(isRead ? [{ group: 'apps', resource: 'replicasets', verbs }] : []),
	];
}
