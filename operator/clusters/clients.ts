/** Makes the clients of joined clusters, and says how others reach this one. */
import { ApiServer } from '../runtime/client/api-server.ts';
import { ConnectionBudget, SharedBudget } from '../runtime/client/budget.ts';
import type { ApiServerOptions } from '../runtime/client/requests.ts';
import type { Credentials, StaticCredentials, TlsMaterial } from '../runtime/credentials/grant.ts';
import { isInCluster } from '../runtime/credentials/in-cluster.ts';
import type { MisbehaviourError } from '../runtime/errors.ts';
import { guardedLookup, refusedAddress } from './kubeconfig/address-guard.ts';
import type { ClusterSettings } from './settings.ts';

export interface ClusterClients {
	/**
	 * A client for another API server, which has a budget.
	 * @param onMisbehaviour called once, when the server has taken more
	 */
	connect(credentials: StaticCredentials, onMisbehaviour?: (offence: MisbehaviourError) => void): ApiServer;
	/** A client for this API server with another token. */
	connectHere(token: string): ApiServer;
	/** How others may reach this API server, as far as this process knows. Inside a cluster it knows only the authority. */
	readonly access: { readonly server: string | undefined; readonly ca: string | undefined } | undefined;
}

/**
 * There may be many such clients, so each has little in flight. Each request in flight is a connection, which costs as much
 * as waiting for a turn.
 */
const bounds = { http2: 'everything' as const, maxInFlight: 2, timeoutMs: 15_000, connectTimeoutMs: 5_000 };

/** @param options of the clients for other API servers */
export async function clusterClients(
	here: Credentials,
	settings: ClusterSettings,
	options: Pick<ApiServerOptions, 'beforeWrite' | 'observe'>,
): Promise<ClusterClients> {
	const { url, proxyUrl } = here;
	const { tls } = await here.grant();
	const shared = new SharedBudget();
	return {
		connect: (credentials, onMisbehaviour) =>
			new ApiServer(credentials, {
				...bounds,
				...options,
				isForeign: true,
				lookup: guardedLookup(settings),
				budget: new ConnectionBudget(shared, onMisbehaviour),
			}),
		// Without our own certificate, which would win over the token.
		connectHere: (token) => new ApiServer({ url, proxyUrl, ...tls, cert: undefined, key: undefined, token }, bounds),
		access: accessFor(url, tls, settings),
	};
}

/**
 * The address that the operator itself uses, unless it means something else on every machine (loopback) or, inside a
 * cluster, is a Service's. The authority is the same at every address.
 */
function accessFor(url: string, { ca }: TlsMaterial, settings: ClusterSettings): ClusterClients['access'] {
	const server = url.replace(/\/+$/, '');
	const isUsable = server.startsWith('https:') && refusedAddress(new URL(server).hostname, settings) === undefined;
	return { server: isInCluster() || !isUsable ? undefined : server, ca };
}
