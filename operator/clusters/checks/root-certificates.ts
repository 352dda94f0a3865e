/**
 * Root certificates by which meshes of two clusters trust each other: their public parts, in a form that can be compared.
 */
import { createHash, X509Certificate } from 'node:crypto';

export interface RootCertificate {
	/** SHA-256 of the certificate (DER), 64 hexadecimal digits. */
	readonly sha256: string;
	/** The name, for messages: `O=Root CA`. */
	readonly subject: string;
}

/**
 * The certificates of a PEM text, sorted, each once. Everything else in it, keys above all, is skipped, and so is a
 * certificate that can't be read.
 */
export function rootCertificates(pem: string): readonly RootCertificate[] {
	const found = new Map<string, RootCertificate>();
	for (const [text] of pem.matchAll(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g)) {
		try {
			const { raw, subject } = new X509Certificate(text);
			const sha256 = createHash('sha256').update(raw).digest('hex');
			found.set(sha256, { sha256, subject: (subject ?? '').split('\n').reverse().join(', ') });
		} catch {
			// This one is no certificate. Another one of the bundle may be one.
		}
	}
	return [...found.values()].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
}

/** Whether workloads with certificates of the one side trust those of the other. */
export function haveCommonRoot(some: readonly RootCertificate[], others: readonly RootCertificate[]): boolean {
	return some.some(({ sha256 }) => others.some((other) => other.sha256 === sha256));
}
