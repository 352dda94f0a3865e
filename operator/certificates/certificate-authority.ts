/** What the status may tell about the certificate authority of a mesh: its name and when it ends. */
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, readCertificates } from './pem.ts';

export interface CertificateAuthority {
	/** Distinguished name of the certificate in the chain that ends first: `O=cluster.local`. One line. */
	readonly subject: string;
	readonly notBefore: Date;
	/** After this time workloads refuse each other's certificates. */
	readonly notAfter: Date;
	/** Type of the key that signs: `rsa`, `ec`, `ed25519` … */
	readonly keyType: string;
}

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const yearMs = 365.25 * dayMs;
const monthMs = yearMs / 12;

/** The status has room for this many characters. */
const longestSubject = 256;

/**
 * Reads a certificate authority. Its end is the earliest end of a certificate on the way from the one that signs to its
 * root. Other roots of the bundle don't count. Undefined when there is no certificate, or one that can't be read.
 * @param pem the certificate that signs first, those above it in any order after it
 */
export function readCertificateAuthority(pem: string): CertificateAuthority | undefined {
	const certificates = readCertificates(pem);
	const [signing, ...others] = certificates ?? [];
	if (signing === undefined) {
		return undefined;
	}
	const first = chain(signing, others).reduce((a, b) => (b.validToDate < a.validToDate ? b : a));
	return {
		subject: oneLine(first.subject),
		notBefore: first.validFromDate,
		notAfter: first.validToDate,
		keyType: keyTypeOf(signing),
	};
}

function keyTypeOf(certificate: X509Certificate): string {
	try {
		return certificate.publicKey.asymmetricKeyType ?? 'unknown';
	} catch {
		// OpenSSL does not know this kind of key.
		return 'unknown';
	}
}

/** The certificates from `start` up to its root, as far as `others` lead. */
function chain(start: X509Certificate, others: readonly X509Certificate[]): readonly X509Certificate[] {
	const way = [start];
	let rest = others.filter(({ fingerprint256 }) => fingerprint256 !== start.fingerprint256);
	for (let last: X509Certificate | undefined = start; last !== undefined; ) {
		const current: X509Certificate = last;
		// A root may have been renewed with the same key. Clients need only one of several, so the one that lasts longest
		// counts.
		last = isIssuedBy(current, current)
			? undefined
			: rest.filter((other) => isIssuedBy(current, other)).sort((a, b) => +b.validToDate - +a.validToDate)[0];
		if (last !== undefined) {
			const { fingerprint256 } = last;
			way.push(last);
			rest = rest.filter((other) => other.fingerprint256 !== fingerprint256);
		}
	}
	return way;
}

/**
 * Joins the parts of a name, which Node writes one per line. Drops what is not printable, because the text goes into status
 * and logs.
 */
export function oneLine(subject: string | undefined): string {
	return (subject ?? '')
		.trim()
		.replaceAll('\n', ', ')
		.replaceAll(/[^\x20-\x7e\u00a0-\ud7ff\uf900-\uffef]/g, '')
		.slice(0, longestSubject);
}

/**
 * The time until a moment, so coarse that the status hardly ever changes: in years, below two years in months, below 90
 * days in days, and below two days in hours. Rounded down.
 */
export function describeTimeLeft(notAfter: Date, now: Date): string {
	const left = notAfter.getTime() - now.getTime();
	if (left <= 0) {
		return 'none';
	}
	if (left < hourMs) {
		return 'less than an hour';
	}
	if (left < 2 * dayMs) {
		return count(left, hourMs, 'hour');
	}
	if (left < 90 * dayMs) {
		return count(left, dayMs, 'day');
	}
	return left < 2 * yearMs ? count(left, monthMs, 'month') : count(left, yearMs, 'year');
}

function count(left: number, unitMs: number, unit: string): string {
	const amount = Math.floor(left / unitMs);
	return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

/** The share of a certificate's life that is left, 0 to 1. */
export function shareLeft(
	{ notBefore, notAfter }: Pick<CertificateAuthority, 'notBefore' | 'notAfter'>,
	now: Date,
): number {
	const life = notAfter.getTime() - notBefore.getTime();
	return life <= 0 ? 0 : Math.min(1, Math.max(0, (notAfter.getTime() - now.getTime()) / life));
}
