/** A cluster of which an istiod is told by a Secret, as the operator publishes it. */
import { request } from 'undici';
import { recordSecret } from '../../operator/clusters/secret/record.ts';
import { remoteKubeconfig } from '../../operator/clusters/secret/remote-secret.ts';
import { readerServiceAccount } from '../../operator/render/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { person } from '../support/mesh-cluster.ts';
import type { Istiod } from './istiod-process.ts';
import { meshNamespace } from './rendered-mesh.ts';

/** A token of the account by which `readBy` reads the cluster. It ends with the Secret that it is bound to. */
export async function tokenBoundTo(api: ApiServer, readBy: string, secret: string): Promise<string> {
	const reference = { apiVersion: 'v1', kind: 'Secret', namespace: meshNamespace, name: secret };
	const { metadata } = await api
		.apply(
			{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: meshNamespace, name: secret } },
			{ fieldManager: person },
		)
		.then(() => api.get(reference));
	const { body } = await api.request<{ readonly status: { readonly token: string } }>({
		method: 'POST',
		path: `/api/v1/namespaces/${meshNamespace}/serviceaccounts/${readerServiceAccount(readBy)}/token`,
		body: {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: {
				expirationSeconds: 3_600,
				boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret, uid: metadata.uid },
			},
		},
	});
	return body.status.token;
}

/** The Secret by which istiod reads that cluster. */
export function publishedSecret(
	{ cluster, role }: { readonly cluster: string; readonly role: 'Remote' | 'Primary' },
	{ url, ca }: Cluster,
	token: string,
): KubeObject {
	const kubeconfig = remoteKubeconfig({ cluster, server: url, ca, tlsServerName: undefined, token });
	const record = {
		cluster,
		role,
		state: 'Published',
		dataPlane: role === 'Remote',
		kubeconfig: { namespace: 'meshwright-system', name: cluster, key: 'kubeconfig' },
	} as const;
	return recordSecret({ name: 'default', namespace: meshNamespace }, record, kubeconfig);
}

/** What istiod says of the Secret of a cluster: `synced`. */
export async function syncStatus({ ports }: Pick<Istiod, 'ports'>, cluster: string): Promise<string | undefined> {
	const { statusCode, body } = await request(`http://127.0.0.1:${ports.httpAddr}/debug/clusterz`);
	const text = await body.text();
	if (statusCode !== 200) throw new Error(`${statusCode} ${text}`);
	const clusters = JSON.parse(text) as readonly { readonly id: string; readonly syncStatus: string }[];
	return clusters.find(({ id }) => id === cluster)?.syncStatus;
}
