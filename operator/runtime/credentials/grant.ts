/** The credentials for one API server, and how its identity is checked: what the transport needs, whatever the source. */

/** Key material of a TLS connection, as PEM. */
export interface TlsMaterial {
	/** Certificates of the authorities that may sign the server's certificate. Default: the system's. */
	readonly ca?: string | undefined;
	readonly cert?: string | undefined;
	readonly key?: string | undefined;
	/** The name that the server's certificate must carry. Default: the host of the URL. */
	readonly servername?: string | undefined;
	/** `insecure-skip-tls-verify`: the server's certificate is not checked. */
	readonly insecure?: boolean | undefined;
}

/** The credentials that are valid now. A new `tls` object (by identity) makes the transport open new connections. */
export interface Grant {
	readonly tls: TlsMaterial;
	/** The whole value of the `Authorization` header. */
	readonly authorization?: string | undefined;
	/** Further headers: impersonation. */
	readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
}

export interface Credentials {
	/** `https://host:port`, with a path when the API server lies below one. No slash at the end. */
	readonly url: string;
	/** `http://` or `https://` proxy in front of the API server. */
	readonly proxyUrl?: string | undefined;
	/** Called for every request. Answers synchronously while the known credentials are good. */
	grant(): Grant | Promise<Grant>;
	/** Drops cached credentials after a 401. Returns false when a new attempt can't differ from the last. */
	refresh(): boolean;
}

/** Credentials that never change, for tests and for kubeconfigs that hold everything inline. */
export interface StaticCredentials extends TlsMaterial {
	readonly url: string;
	/** Bearer token. */
	readonly token?: string | undefined;
	readonly basic?: BasicCredentials | undefined;
	readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
	readonly proxyUrl?: string | undefined;
}

export interface BasicCredentials {
	readonly username: string;
	readonly password: string;
}

export function staticCredentials(given: StaticCredentials): Credentials {
	const grant: Grant = {
		tls: { ca: given.ca, cert: given.cert, key: given.key, servername: given.servername, insecure: given.insecure },
		authorization: authorizationOf(given.token, given.basic),
		headers: given.headers,
	};
	return { url: given.url, proxyUrl: given.proxyUrl, grant: () => grant, refresh: () => false };
}

/** The value of the `Authorization` header. */
export function authorizationOf(token: string | undefined, basic: BasicCredentials | undefined): string | undefined {
	if (token !== undefined) {
		return `Bearer ${token}`;
	}
	return basic === undefined
		? undefined
		: `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
}
