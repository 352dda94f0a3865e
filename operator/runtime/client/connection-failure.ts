/** Makes the error for a connection that failed: no answer, or none that can be read. */
import { isOperatorError, TransientError } from '../errors.ts';

/** What the codes of Node, OpenSSL and undici mean that users meet. The words of an error come from the server, in part. */
const meanings: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'the connection was refused',
	ECONNRESET: 'the connection was cut',
	EPIPE: 'the connection was cut',
	UND_ERR_SOCKET: 'the connection was cut',
	ERR_HTTP2_STREAM_ERROR: 'the answer was broken off',
	ERR_HTTP2_SESSION_ERROR: 'the connection was cut',
	ERR_HTTP2_ERROR: 'what answers there speaks no HTTP/2, though it said so',
	ETIMEDOUT: 'no connection came about in time',
	UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
	ENOTFOUND: 'its name is not known',
	EAI_AGAIN: 'the name server does not answer',
	EHOSTUNREACH: 'no route leads there',
	ENETUNREACH: 'no route leads there',
	EPROTO: 'what answers there speaks no TLS',
	ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there speaks no TLS',
	ERR_TLS_CERT_ALTNAME_INVALID: 'it is for another name',
	CERT_HAS_EXPIRED: 'it has expired',
	CERT_NOT_YET_VALID: 'it is not valid yet',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
	SELF_SIGNED_CERT_IN_CHAIN: 'it is signed by an authority that is not trusted',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it is signed by an authority that is not trusted',
	UNABLE_TO_GET_ISSUER_CERT: 'it is signed by an authority that is not trusted',
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it is signed by an authority that is not trusted',
};

/** Nobody's chain of causes is longer. */
const deepestCause = 8;

/**
 * An error of our own family, by which `lookup` refused an address, stays as it is.
 * @param isForeign whether a stranger's words may be in it: names in its certificate, bytes that are no HTTP
 */
export function connectionError(description: string, error: Error, isForeign: boolean): Error {
	if (isOperatorError(error)) return error;
	if (!isForeign) {
		const words = error instanceof AggregateError ? error.errors.map(String).join('; ') : error.message;
		return new TransientError(`${description}: ${words === '' ? error.name : words}`, { cause: error });
	}
	const code = codeOf(error);
	if (code === undefined) return new TransientError(`${description}: the connection failed`);
	const meaning = meanings[code] ?? 'the connection failed';
	return new TransientError(`${description}: ${meaning} (${code})`, { cause: new Coded(code) });
}

/** Stands for an error whose words are withheld. Whoever decides by its code finds that. */
class Coded extends Error {
	override readonly name = 'Coded';
	readonly code: string;
	constructor(code: string) {
		super(code);
		this.code = code;
	}
}

/** The code of an error or of its first cause that has one. Libraries choose codes from lists of their own. */
function codeOf(error: unknown, depth = 0): string | undefined {
	if (!(error instanceof Error) || depth > deepestCause) return undefined;
	if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(error.code)) return error.code;
	const inside = error instanceof AggregateError ? error.errors : [];
	return [...inside, error.cause].map((one) => codeOf(one, depth + 1)).find((code) => code !== undefined);
}
