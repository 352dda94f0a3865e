/**
 * A hash of everything that the kubeconfig in a published Secret is made from, except the token. While the hash stays the
 * same, the Secret stays, too.
 */
import { createHash } from 'node:crypto';
import type { RemoteKubeconfig } from './remote-secret.ts';
import type { Account } from './token.ts';

/** The cluster that is read: its account, and how the control plane reaches it. */
export interface ReadCluster {
	readonly account: Account & {
		/**
		 * UID of the account. Tokens end with the account: one that was deleted and made again needs new ones. Undefined when
		 * nobody has seen it.
		 */
		readonly uid?: string | undefined;
	};
	readonly access: Omit<RemoteKubeconfig, 'cluster' | 'token'>;
	/**
	 * Whether the control plane that reads is in charge there. It looks whether it shall be only when it begins to read, which it
	 * does anew when the Secret gets another content.
	 */
	readonly isInCharge?: boolean;
}

/** The hash, for the record. */
export function basisOf({ access, account, isInCharge = false }: ReadCluster): string {
	const { server, ca, tlsServerName, proxyUrl } = access;
	const parts = [server, ca ?? '', tlsServerName ?? '', proxyUrl ?? '', account.namespace, account.name];
	if (account.uid !== undefined) parts.push(account.uid);
	if (isInCharge) parts.push('in charge');
	return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}
