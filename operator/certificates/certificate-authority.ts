/** What may be told about the certificate authority of a mesh: whose it is and how long it lasts. */
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, readCertificates } from './pem.ts';

export interface CertificateAuthority {
	/** Distinguished name of the certificate that ends first: `O=cluster.local`. One line. */
	readonly subject: string;
	readonly notBefore: Date;
	/** Workloads' certificates are worth nothing after this. */
	readonly notAfter: Date;
	/** Of the certificate that signs: `rsa`, `ec`, `ed25519` … */
	readonly keyType: string;
}

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const yearMs = 365.25 * dayMs;
const monthMs = yearMs / 12;

/** The status has no room for more. */
const longestSubject = 256;

/**
 * Reads the authority from its certificates, PEM: the one that signs first, those above it in any order after it. What ends
 * first of the way from the former to its root counts; other roots of the bundle do not. Undefined when there is no
 * certificate, or one that can not be read.
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
		// A kind of key that OpenSSL does not know.
		return 'unknown';
	}
}

/** From a certificate up to its root, as far as the others lead. */
function chain(start: X509Certificate, others: readonly X509Certificate[]): readonly X509Certificate[] {
	const way = [start];
	let rest = others.filter(({ fingerprint256 }) => fingerprint256 !== start.fingerprint256);
	for (let last: X509Certificate | undefined = start; last !== undefined; ) {
		const current: X509Certificate = last;
		// Of several (a root that was renewed with the same key) the one that lasts longest: clients need only one of them.
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

/** Node writes one line per part of the name. What is not printable is left out: the text goes into status and logs. */
function oneLine(subject: string | undefined): string {
	return (subject ?? '')
		.trim()
		.replaceAll('\n', ', ')
		.replaceAll(/[^\x20-\x7e\u00a0-\ud7ff\uf900-\uffef]/g, '')
		.slice(0, longestSubject);
}

/**
 * How long until a moment, so coarse that it hardly ever changes: in years, from two years down in months, from 90 days
 * down in days, and from two days down in hours. Rounded down.
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

/** Which share of its life a certificate has before it, 0 to 1. */
export function shareLeft(
	{ notBefore, notAfter }: Pick<CertificateAuthority, 'notBefore' | 'notAfter'>,
	now: Date,
): number {
	const life = notAfter.getTime() - notBefore.getTime();
	return life <= 0 ? 0 : Math.min(1, Math.max(0, (notAfter.getTime() - now.getTime()) / life));
}
