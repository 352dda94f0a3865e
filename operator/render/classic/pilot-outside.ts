/**
 * Pilot and Mixer that serve another cluster than the one they run in: a kubeconfig of the user's is mounted and passed to
 * them, and they need nothing of their own cluster's API server. What they read is made in the other cluster, by its owner.
 */
import type { Opaque, ResolvedClassicMesh } from '../../releases/index.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';
import type { Labels } from '../labels.ts';
import type { ClusterFacts } from './facts.ts';

/** What a pod needs to be given the kubeconfig. */
export interface Kubeconfig {
	/** Absolute path of the file. */
	readonly path: string;
	readonly volume: Opaque;
	readonly mount: Opaque;
	/** Both processes read it once (client-go `clientcmd.BuildConfigFromFlags`), so their pods follow it. */
	readonly annotations: Labels;
}

const volume = 'kubeconfig';
const directory = '/etc/istio/kubeconfig';
const file = 'config';

/** Undefined where Pilot serves its own cluster. */
export function kubeconfigOf({ pilotKubeconfig }: ResolvedClassicMesh, facts: ClusterFacts): Kubeconfig | undefined {
	if (pilotKubeconfig === undefined) {
		return undefined;
	}
	const { name, key } = pilotKubeconfig;
	const hash = facts.pilotKubeconfigHash;
	return {
		path: `${directory}/${file}`,
		// Not optional: without it both would serve their own cluster.
		volume: { name: volume, secret: { secretName: name, items: [{ key, path: file }] } },
		mount: { name: volume, mountPath: directory, readOnly: true },
		annotations: hash === undefined ? {} : { 'meshwright.io/kubeconfig-hash': hash },
	};
}

/** One of Istio's own objects, which Pilot and Mixer read where they read everything. */
export function isIstioObject({ apiVersion }: Pick<KubeObject, 'apiVersion'>): boolean {
	return groupOf(apiVersion).endsWith('.istio.io');
}
