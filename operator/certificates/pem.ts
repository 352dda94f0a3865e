/** Certificates in PEM, as Istio's Secrets hold them. Whatever stands there, reading never throws. */
import { X509Certificate } from 'node:crypto';

/** Certificates that are read of one text at most: nobody's chain is longer. */
const most = 64;

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** All certificates of a text, in its order; undefined when one of them is none. Empty when there are none. */
export function readCertificates(pem: string): readonly X509Certificate[] | undefined {
	const blocks = (pem.match(block) ?? []).slice(0, most);
	try {
		return blocks.map((text) => new X509Certificate(text));
	} catch {
		// Node has no way to ask first, and whatever OpenSSL has against it, it is no certificate.
		return undefined;
	}
}

/** Whether `issuer` has signed `certificate`. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
	try {
		return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
	} catch {
		// A kind of key that OpenSSL does not know: it has signed nothing that anybody could check.
		return false;
	}
}
