/** Opens connections to one server: by itself or through a proxy, with its certificates checked. */
import { constants } from 'node:crypto';
import type { LookupFunction, Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { buildConnector, Client } from 'undici';
import type { TlsMaterial } from '../credentials/grant.ts';

export interface DialOptions {
	/** Scheme, host and port of the server. */
	readonly origin: string;
	readonly tls: TlsMaterial;
	/** URL of a proxy in front of it. */
	readonly proxyUrl: string | undefined;
	readonly connectTimeoutMs: number;
	/** See `ApiServerOptions.lookup`. */
	readonly lookup: LookupFunction | undefined;
}

/** What undici needs for connections to this server. */
export type ConnectOptions = ReturnType<typeof connectOptions>;

/** A proxy is found by the same resolver as a server is. */
export function resolverOf({ lookup }: DialOptions): { readonly lookup?: LookupFunction } {
	return lookup === undefined ? {} : { lookup };
}

export function connectOptions(options: DialOptions) {
	const { tls, connectTimeoutMs } = options;
	const secureContext = secureContextOf(tls);
	return {
		...resolverOf(options),
		...(secureContext === undefined ? {} : { secureContext }),
		...(tls.ca === undefined ? {} : { ca: tls.ca }),
		...(tls.cert === undefined ? {} : { cert: tls.cert }),
		...(tls.key === undefined ? {} : { key: tls.key }),
		...(tls.servername === undefined ? {} : { servername: tls.servername }),
		...(tls.insecure === true ? { rejectUnauthorized: false } : {}),
		timeout: connectTimeoutMs,
		keepAlive: true,
		keepAliveInitialDelay: 30_000,
	};
}

/**
 * One context serves all connections. Otherwise each connection parses and keeps the certificates: tens of kilobytes.
 * Undefined when they can't be parsed; then each connection fails with a message about it.
 */
function secureContextOf({ ca, cert, key }: TlsMaterial): SecureContext | undefined {
	try {
		// A server that asks for new handshakes on an open connection would cost time that nobody counts. API servers never do:
		// Go's TLS has no renegotiation on the server's side (crypto/tls Config.Renegotiation).
		return createSecureContext({ ca, cert, key, secureOptions: constants.SSL_OP_NO_RENEGOTIATION });
	} catch {
		return undefined;
	}
}

/** Opens TLS connections that offer HTTP/2 before HTTP/1.1. What the server chose is in `alpnProtocol`. */
export class Dialer {
	readonly #options: DialOptions;
	readonly #connect: buildConnector.connector;
	readonly #proxy: Client | undefined;

	constructor(options: DialOptions) {
		this.#options = options;
		this.#connect = buildConnector({ ...connectOptions(options), allowH2: true, preferH2: true });
		if (options.proxyUrl !== undefined) {
			const { origin } = new URL(options.proxyUrl);
			const connect = { ...resolverOf(options), timeout: options.connectTimeoutMs };
			this.#proxy = new Client(origin, { connect, headersTimeout: options.connectTimeoutMs });
		}
	}

	/** Rejects with whatever the network, OpenSSL, or the resolver says. */
	async dial(): Promise<TLSSocket> {
		const { protocol, hostname, host, port } = new URL(this.#options.origin);
		const tunnel = this.#proxy === undefined ? {} : { httpSocket: await this.#tunnel(this.#proxy) };
		const bare = hostname.replace(/^\[(.*)\]$/, '$1');
		return new Promise((resolve, reject) => {
			this.#connect({ protocol, hostname: bare, host, port, ...tunnel }, (error, socket) => {
				if (error !== null) reject(error);
				else if (socket instanceof TLSSocket) resolve(socket);
				else reject(new Error('the connection is not encrypted'));
			});
		});
	}

	/** Ends what is on its way to the proxy. */
	async destroy(): Promise<void> {
		await this.#proxy?.destroy();
	}

	async #tunnel(proxy: Client): Promise<Socket> {
		const { hostname, port } = new URL(this.#options.origin);
		const target = `${hostname}:${port === '' ? 443 : port}`;
		const { socket, statusCode } = await proxy.connect({
			path: target,
			headers: { host: target, ...authorizationFor(this.#options.proxyUrl) },
		});
		if (statusCode === 200) return socket as Socket;
		socket.on('error', () => undefined).destroy();
		throw new Error(`the proxy answered ${statusCode} to CONNECT`);
	}
}

function authorizationFor(proxyUrl = ''): Readonly<Record<string, string>> {
	const { username, password } = new URL(proxyUrl);
	if (username === '') return {};
	const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
	return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}
