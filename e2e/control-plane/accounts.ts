/** Tokens and kubeconfigs of ServiceAccounts. */
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ApiClient } from './api-client.ts';
import type { ServiceAccountName } from './cluster-types.ts';
import { kubeconfigText } from './kubeconfig.ts';

const tokenRequest = z.object({ status: z.object({ token: z.string() }) });

const dayInSeconds = 86_400;

/** Asks the API server for a token of a ServiceAccount that exists. */
export async function requestToken(client: ApiClient, { namespace, name }: ServiceAccountName): Promise<string> {
	const answer = await client.request({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
		body: {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: { expirationSeconds: dayInSeconds },
		},
	});
	return tokenRequest.parse(answer).status.token;
}

/** Writes a kubeconfig that only its owner may read. */
export async function writeKubeconfig(
	file: string,
	cluster: { readonly name: string; readonly url: string; readonly ca: string },
	user: string,
	token: string,
): Promise<string> {
	await writeFile(file, kubeconfigText(cluster.name, user, { url: cluster.url, ca: cluster.ca, token }), {
		mode: 0o600,
	});
	return file;
}
