/** Distinguishes, by error codes alone, a server whose certificate was not verified from a server that was not reached. */

/**
 * Node's codes for OpenSSL's results of a verification (node `src/crypto/crypto_common.cc`, doc/api/tls.md "X509
 * certificate error codes"), and its own code for names.
 */
const codes: ReadonlySet<string> = new Set([
	'UNABLE_TO_GET_ISSUER_CERT',
	'UNABLE_TO_GET_CRL',
	'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
	'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
	'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
	'CERT_SIGNATURE_FAILURE',
	'CRL_SIGNATURE_FAILURE',
	'CERT_NOT_YET_VALID',
	'CERT_HAS_EXPIRED',
	'CRL_NOT_YET_VALID',
	'CRL_HAS_EXPIRED',
	'ERROR_IN_CERT_NOT_BEFORE_FIELD',
	'ERROR_IN_CERT_NOT_AFTER_FIELD',
	'ERROR_IN_CRL_LAST_UPDATE_FIELD',
	'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
	'DEPTH_ZERO_SELF_SIGNED_CERT',
	'SELF_SIGNED_CERT_IN_CHAIN',
	'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
	'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
	'CERT_CHAIN_TOO_LONG',
	'CERT_REVOKED',
	'INVALID_CA',
	'PATH_LENGTH_EXCEEDED',
	'INVALID_PURPOSE',
	'CERT_UNTRUSTED',
	'CERT_REJECTED',
	'HOSTNAME_MISMATCH',
	// Results for which Node has no code: a key that is too small, a signature with SHA-1.
	'UNSPECIFIED',
	'ERR_TLS_CERT_ALTNAME_INVALID',
	'ERR_TLS_CERT_ALTNAME_FORMAT',
]);

/** Nobody's chain of causes is longer. */
const deepestCause = 8;

/**
 * Whether an error of a request, or one of its causes, says that the server's (or its proxy's) certificate was not
 * verified.
 */
export function isTlsFailure(error: unknown): boolean {
	let current = error;
	for (let depth = 0; depth < deepestCause && current instanceof Error; depth++) {
		if ('code' in current && typeof current.code === 'string' && codes.has(current.code)) {
			return true;
		}
		current = current.cause;
	}
	return false;
}
