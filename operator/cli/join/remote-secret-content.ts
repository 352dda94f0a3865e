/** Makes the Secret by which Pilot reads a cluster, as the operator would write it. Pure. */
import { basisOf, type ReadCluster } from '../../clusters/secret/publication-basis.ts';
import { contentHash, type Issued, type KubeconfigReference, recordSecret } from '../../clusters/secret/record.ts';
import { remoteKubeconfig } from '../../clusters/secret/remote-secret.ts';
import type { KubeObject } from '../../runtime/object.ts';

export interface RemoteSecretParts {
	/** The mesh whose control plane reads. */
	readonly mesh: { readonly name: string; readonly namespace: string };
	/** Name of the cluster that is read. */
	readonly cluster: string;
	readonly role: 'Remote' | 'Primary';
	readonly dataPlane: boolean;
	/** UID of its `kube-system`. */
	readonly id: string;
	/** Where the operator finds the kubeconfig of the cluster. Default: where `clusters join` would put it. */
	readonly kubeconfig: KubeconfigReference;
	readonly source: ReadCluster;
	readonly token: string;
	readonly issued: Issued;
}

/** The Secret has no owner reference: that would name an object of a cluster that this command has not asked. */
export function remoteSecret(parts: RemoteSecretParts): KubeObject {
	const { mesh, cluster, role, dataPlane, id, source, token, issued } = parts;
	const kubeconfig = remoteKubeconfig({ cluster, ...source.access, token });
	return recordSecret(
		mesh,
		{
			cluster,
			role,
			dataPlane,
			id,
			kubeconfig: parts.kubeconfig,
			state: 'Published',
			issued,
			basis: basisOf(source),
			content: contentHash(kubeconfig),
		},
		kubeconfig,
	);
}
