/** Decides whether a serving certificate is good, due for replacement or invalid. Never throws, whatever the input is. */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { isIssuedBy, readCertificates } from './pem.ts';
import type { ServingCertificate } from './serving-certificate.ts';

export type Renewal =
	| { readonly state: 'good'; readonly notAfter: Date /** From when on a new one is due. */; readonly renewAt: Date }
	/** It works, and two thirds of its life are over. */
	| { readonly state: 'due'; readonly notAfter: Date }
	/** Clients refuse it, or no server can use it. `reason` is a sentence that repeats no content of the certificate. */
	| { readonly state: 'invalid'; readonly reason: string };

/** A certificate is replaced after this share of its life. So there is time to notice when that fails. */
const renewalShare = 2 / 3;

function invalid(reason: string): Renewal {
	return { state: 'invalid', reason };
}

export function renewalOf(certificate: ServingCertificate, dnsNames: readonly string[], now: Date): Renewal {
	const [leaf] = readCertificates(certificate.certChain) ?? [];
	if (leaf === undefined) return invalid('the certificate can not be read');
	const key = readKey(certificate.key);
	if (key === undefined) return invalid('the key can not be read');
	if (!belongTogether(leaf, key)) return invalid('the key belongs to another certificate');
	const missing = dnsNames.filter((name) => leaf.checkHost(name, { subject: 'never' }) === undefined);
	if (missing.length > 0) return invalid(`the certificate is not for ${missing.join(', ')}`);
	const roots = readCertificates(certificate.roots) ?? [];
	if (!roots.some((root) => root.ca && root.validToDate > now && isIssuedBy(leaf, root)))
		return invalid('none of the roots has signed the certificate, or it has expired');
	const { validFromDate: notBefore, validToDate: notAfter } = leaf;
	if (notAfter <= now) return invalid('the certificate has expired');
	if (notBefore > now) return invalid('the certificate is not valid yet');
	const renewAt = new Date(notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * renewalShare);
	return renewAt <= now ? { state: 'due', notAfter } : { state: 'good', notAfter, renewAt };
}

function readKey(pem: string): KeyObject | undefined {
	try {
		return createPrivateKey(pem);
	} catch {
		// The reason why it is no key does not matter, and must not be told: it could repeat content.
		return undefined;
	}
}

function belongTogether(certificate: X509Certificate, key: KeyObject): boolean {
	try {
		return certificate.checkPrivateKey(key);
	} catch {
		// OpenSSL does not know this kind of key.
		return false;
	}
}
