/** Finds what a Secret is made of, by an open connection: how the control plane reaches the cluster, and a token for it. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { ClusterAccess } from '../kubeconfig/kubeconfig.ts';
import type { PublicationSource } from '../secret/publication.ts';
import { type Account, type IssuedToken, issueToken, proveToken, UnusableToken } from '../secret/token.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure, clusterFailure, type FailureContext, inCluster } from './failure.ts';
import type { VisitThere } from './visit.ts';

export function failureContextOf({ server, credentials }: ClusterAccess): FailureContext {
	return {
		host: new URL(server).host,
		secrets: [credentials.token, credentials.key, credentials.cert].filter((secret) => secret !== undefined),
	};
}

/** The account by which another primary reads this cluster. Undefined when nobody has said how others reach it. */
export function localSourceOf(
	context: KeeperContext,
	mesh: KeepingMesh,
	account: string,
	signal: AbortSignal,
): PublicationSource | undefined {
	const { access } = context.local();
	const server = mesh.server ?? access?.server;
	if (server === undefined) return undefined;
	const { api } = context;
	const { apiVersion, kind } = kinds.ServiceAccount;
	const identity = { namespace: mesh.namespace, name: account };
	return {
		account: { ...identity, uid: context.live.get(objectKey({ apiVersion, kind, ...identity }))?.metadata.uid },
		access: { server, ca: access?.ca, tlsServerName: undefined },
		issue: async (lifetimeMs, now) => {
			const answer = await issueHere(api, identity, lifetimeMs, now, signal);
			// Tried at the address by which this operator reaches its own API server, which may differ from the address for
			// others.
			const reader = context.connectHere(answer.token);
			try {
				await proveToken(reader, { signal });
			} finally {
				await reader.close();
			}
			return answer;
		},
	};
}

/** Tokens of this cluster that nobody can use are told where they are missed. */
async function issueHere(
	api: ApiServer,
	identity: Account,
	lifetimeMs: number,
	now: number,
	signal: AbortSignal,
): Promise<IssuedToken> {
	try {
		return await issueToken(api, identity, lifetimeMs, now, { signal });
	} catch (error) {
		if (!(error instanceof UnusableToken)) throw error;
		throw new ClusterFailure({ reason: error.reason, message: `in this cluster ${error.message}` }, false);
	}
}

const doing = 'a new token was issued, but does not read the cluster as Pilot has to';

/**
 * The server does not accept the new token. The user of the kubeconfig is fine.
 * @param isDirect whether the entry names this address, and not the kubeconfig
 */
function notAccepted(url: string, isDirect: boolean): ClusterFailure {
	const { host } = new URL(url);
	const hint = isDirect
		? 'Is that, which the entry names in server, the API server of this cluster?'
		: 'If a proxy answers there that takes only tokens of its own, as Rancher’s does, write the address of the API server itself into server of the entry, and the authorities of both into certificate-authority-data.';
	return new ClusterFailure(
		{ reason: 'TokenNotProven', message: `${doing}: ${host} answers 401 Unauthorized. ${hint}` },
		false,
	);
}

/** The account by which the control plane reads a joined cluster. */
export function sourceOf(
	context: Pick<KeeperContext, 'connect'>,
	{ mesh, entry, there, signal }: Pick<VisitThere, 'mesh' | 'entry' | 'there' | 'signal'>,
	account: string,
): PublicationSource {
	const { access, api } = there;
	const server = entry.server ?? access.server;
	const { ca, tlsServerName, proxyUrl } = access;
	const failures = failureContextOf(access);
	const { apiVersion, kind } = kinds.ServiceAccount;
	const reference = { apiVersion, kind, namespace: mesh.namespace, name: account };
	return {
		account: {
			namespace: mesh.namespace,
			name: account,
			uid: there.live.get(objectKey(reference))?.metadata.uid,
		},
		access: { server, ca, tlsServerName, proxyUrl },
		issue: async (lifetimeMs, now) => {
			const answer = await inCluster(failures, signal, () =>
				issueToken(api, { namespace: mesh.namespace, name: account }, lifetimeMs, now, { signal }),
			);
			const { token } = answer;
			const prove = async (url: string) => {
				const reader = context.connect({ url, ca, servername: tlsServerName, proxyUrl, token });
				try {
					await proveToken(reader, { signal });
				} catch (error) {
					signal.throwIfAborted();
					const failure = clusterFailure(error, {
						host: new URL(url).host,
						secrets: [...failures.secrets, token],
						reason: 'TokenNotProven',
						doing,
					});
					throw failure.problem.reason === 'Unauthorized' ? notAccepted(url, url !== access.server) : failure;
				} finally {
					await reader.close();
				}
			};
			try {
				await prove(server);
			} catch (error) {
				if (!(error instanceof ClusterFailure) || server === access.server) throw error;
				// A failure at another address than ours does not tell whether the cluster is reached.
				if (error.problem.reason !== 'Unreachable')
					throw new ClusterFailure({ reason: 'TokenNotProven', message: error.problem.message }, false);
				// The mesh may reach an address that the operator does not reach. Then the token is tried where the operator
				// reaches the server.
				await prove(access.server);
			}
			return answer;
		},
	};
}
