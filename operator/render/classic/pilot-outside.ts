/**
 * Lets Pilot and Mixer serve another cluster than the one they run in. They get a kubeconfig of the user's, and need
 * nothing of their own cluster's API server. The owner of the other cluster makes what they read.
 */

import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { Opaque } from '../../releases/index.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';
import type { Labels } from '../labels.ts';
import type { ClassicFacts } from './facts.ts';

/** What a pod needs in order to get the kubeconfig. */
export interface Kubeconfig {
	/** Absolute path of the file. */
	readonly path: string;
	readonly volume: Opaque;
	readonly mount: Opaque;
	/** Both processes read the file once (client-go `clientcmd.BuildConfigFromFlags`), so their pods follow a hash of it. */
	readonly annotations: Labels;
}

const volume = 'kubeconfig';
const directory = '/etc/istio/kubeconfig';
const file = 'config';

/** Undefined when Pilot serves its own cluster. */
export function kubeconfigOf({ pilotKubeconfig }: ResolvedClassicMesh, facts: ClassicFacts): Kubeconfig | undefined {
	if (pilotKubeconfig === undefined) {
		return undefined;
	}
	const { name, key } = pilotKubeconfig;
	const hash = facts.pilotKubeconfigHash;
	return {
		path: `${directory}/${file}`,
		// Not optional: without the kubeconfig both would serve their own cluster.
		volume: { name: volume, secret: { secretName: name, items: [{ key, path: file }] } },
		mount: { name: volume, mountPath: directory, readOnly: true },
		annotations: hash === undefined ? {} : { 'meshwright.io/kubeconfig-hash': hash },
	};
}

/** Whether an object is one of Istio's own. Pilot and Mixer read these in the cluster that they serve. */
export function isIstioObject({ apiVersion }: Pick<KubeObject, 'apiVersion'>): boolean {
	return groupOf(apiVersion).endsWith('.istio.io');
}
