/** Reads certificates in PEM, as Istio's Secrets hold them. Never throws, whatever the text is. */
import { X509Certificate } from 'node:crypto';

/** At most this many certificates of a text are read. Nobody's chain is longer. */
const most = 64;

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** All certificates of a text, in order. Undefined when one of them can't be read, empty when there are none. */
export function readCertificates(pem: string): readonly X509Certificate[] | undefined {
	const blocks = (pem.match(block) ?? []).slice(0, most);
	try {
		return blocks.map((text) => new X509Certificate(text));
	} catch {
		// Node can't check a certificate beforehand. When OpenSSL refuses it, it is none, whatever the reason.
		return undefined;
	}
}

/** Whether `issuer` has signed `certificate`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
	try {
		return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
	} catch {
		// OpenSSL does not know this kind of key, so nobody could check what it has signed.
		return false;
	}
}
