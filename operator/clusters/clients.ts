/** The clients by which joined clusters are reached, and what others are told of how this one is. */
import { ApiServer, type ApiServerOptions } from '../runtime/client/api-server.ts';
import type { Credentials, StaticCredentials, TlsMaterial } from '../runtime/credentials/grant.ts';
import { isInCluster } from '../runtime/credentials/in-cluster.ts';
import { guardedLookup, refusedAddress } from './kubeconfig/address-guard.ts';
import type { ClusterSettings } from './settings.ts';

export interface ClusterClients {
	/** A client for another API server. */
	connect(credentials: StaticCredentials): ApiServer;
	/** A client for this API server by another token. */
	connectHere(token: string): ApiServer;
	/** How others may reach this API server, as far as this process knows; inside a cluster it knows the authority alone. */
	readonly access: { readonly server: string | undefined; readonly ca: string | undefined } | undefined;
}

/**
 * There may be many, each for itself: little is in flight at a time, and what a hostile server sends is bounded. Each request
 * in flight is a connection, which costs as much as waiting for a turn.
 */
const bounds = { maxInFlight: 2, timeoutMs: 15_000, connectTimeoutMs: 5_000, maxResponseBytes: 16 * 1024 * 1024 };

/** @param options of the clients for other API servers. */
export async function clusterClients(
	here: Credentials,
	settings: ClusterSettings,
	options: Pick<ApiServerOptions, 'beforeWrite' | 'observe'>,
): Promise<ClusterClients> {
	const { url, proxyUrl } = here;
	const { tls } = await here.grant();
	return {
		connect: (credentials) => new ApiServer(credentials, { ...bounds, ...options, lookup: guardedLookup(settings) }),
		// Without the certificate of our own, which would go before the token.
		connectHere: (token) => new ApiServer({ url, proxyUrl, ...tls, cert: undefined, key: undefined, token }, bounds),
		access: accessFor(url, tls, settings),
	};
}

/**
 * The address that the operator uses itself, unless it is one that means something else on every machine, or, inside a
 * cluster, a Service's. The authority is the same at every address.
 */
function accessFor(url: string, { ca }: TlsMaterial, settings: ClusterSettings): ClusterClients['access'] {
	const server = url.replace(/\/+$/, '');
	const isUsable = server.startsWith('https:') && refusedAddress(new URL(server).hostname, settings) === undefined;
	return { server: isInCluster() || !isUsable ? undefined : server, ca };
}
