/** Of what the kubeconfig in a published Secret was made, but for the token: as long as it is the same, the Secret is. */
import { createHash } from 'node:crypto';
import type { RemoteKubeconfig } from './remote-secret.ts';
import type { Account } from './token.ts';

/** The cluster that is read: by whom, and how it is reached. */
export interface ReadCluster {
	readonly account: Account;
	readonly access: Omit<RemoteKubeconfig, 'cluster' | 'token'>;
}

/** A hash, for the record. */
export function basisOf({ access, account }: ReadCluster): string {
	const { server, ca, tlsServerName, proxyUrl } = access;
	const parts = [server, ca ?? '', tlsServerName ?? '', proxyUrl ?? '', account.namespace, account.name];
	return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
