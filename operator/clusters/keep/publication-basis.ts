/** Of what the kubeconfig in a published Secret was made, but for the token: as long as it is the same, the Secret is. */
import { createHash } from 'node:crypto';
import type { RemoteKubeconfig } from './remote-secret.ts';
import type { Account } from './token.ts';

/** The cluster that is read: by whom, and how the control plane reaches it. */
export interface ReadCluster {
	readonly account: Account & {
		/** Tokens die with the object: one that was deleted and made again needs new ones. Undefined where it is not seen. */
		readonly uid?: string | undefined;
	};
	readonly access: Omit<RemoteKubeconfig, 'cluster' | 'token'>;
}

/** A hash, for the record. */
export function basisOf({ access, account }: ReadCluster): string {
	const { server, ca, tlsServerName, proxyUrl } = access;
	const parts = [server, ca ?? '', tlsServerName ?? '', proxyUrl ?? '', account.namespace, account.name];
	if (account.uid !== undefined) parts.push(account.uid);
	return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
