/**
 * Makes the certificate that a webhook serves with. Each has a certificate authority of its own, whose key is forgotten as
 * soon as it has signed: a Secret that is stolen gives away one certificate, and no authority to make others with.
 *
 * ECDSA with P-256 and SHA-256: Go 1.10, which the oldest injectors are built with, serves it, and today's API servers
 * take it. All names are in the subject alternative name, where Go since 1.15 looks alone.
 */
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { readCertificates } from './pem.ts';

/** What a server and its clients need, all PEM. */
export interface ServingCertificate {
	readonly certChain: string;
	/** PKCS #8. */
	readonly key: string;
	/** What clients may trust: the root of `certChain` first. */
	readonly roots: string;
}

export interface IssueOptions {
	/** At least one; the names by which clients call the server. */
	readonly dnsNames: readonly string[];
	readonly now: Date;
	/** From now on, milliseconds. */
	readonly lifetimeMs: number;
	/** Roots that clients trusted so far, PEM: those that are still valid stay, so that none refuses the old certificate meanwhile. */
	readonly previousRoots: string;
}

export interface IssuedCertificate extends ServingCertificate {
	readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** It is valid from so much earlier: clocks of nodes differ. Milliseconds. */
const clockSkewMs = 5 * 60_000;

/** Roots that are kept beside the new one at most. With renewal in time there is one. */
const mostPreviousRoots = 4;

export async function issueServingCertificate(options: IssueOptions): Promise<IssuedCertificate> {
	const { dnsNames, now, lifetimeMs, previousRoots } = options;
	const {
		BasicConstraintsExtension,
		ExtendedKeyUsage,
		ExtendedKeyUsageExtension,
		KeyUsageFlags,
		KeyUsagesExtension,
		AuthorityKeyIdentifierExtension,
		SubjectAlternativeNameExtension,
		SubjectKeyIdentifierExtension,
		X509CertificateGenerator,
	} = await loadLibrary();
	const generateKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
	const [authority, server] = await Promise.all([generateKeys(), generateKeys()]);
	const validity = {
		notBefore: wholeSeconds(now.getTime() - clockSkewMs),
		notAfter: wholeSeconds(now.getTime() + lifetimeMs),
	};
	// Roots that follow one another have different names, so that no client confuses them.
	const issuer = `O=Meshwright, CN=${randomBytes(8).toString('hex')}`;
	const root = await X509CertificateGenerator.create({
		...validity,
		serialNumber: serialNumber(),
		subject: issuer,
		issuer,
		publicKey: authority.publicKey,
		signingKey: authority.privateKey,
		signingAlgorithm,
		extensions: [
			new BasicConstraintsExtension(true, 0, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
			await SubjectKeyIdentifierExtension.create(authority.publicKey),
		],
	});
	const leaf = await X509CertificateGenerator.create({
		...validity,
		serialNumber: serialNumber(),
		subject: 'O=Meshwright',
		issuer,
		publicKey: server.publicKey,
		signingKey: authority.privateKey,
		signingAlgorithm,
		extensions: [
			new BasicConstraintsExtension(false, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
			new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
			new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
			await AuthorityKeyIdentifierExtension.create(authority.publicKey),
			await SubjectKeyIdentifierExtension.create(server.publicKey),
		],
	});
	return {
		certChain: text(leaf.toString('pem')),
		key: KeyObject.from(server.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString(),
		roots: [text(root.toString('pem')), ...stillValid(previousRoots, now)].join(''),
		notAfter: validity.notAfter,
	};
}

/** Few processes ever issue one, so none pays for it at its start. The library's injector wants the metadata first. */
async function loadLibrary(): Promise<typeof import('@peculiar/x509')> {
	await import('reflect-metadata');
	return import('@peculiar/x509');
}

/** Certificates know no shorter time. */
function wholeSeconds(ms: number): Date {
	return new Date(Math.floor(ms / 1000) * 1000);
}

/** 127 random bits, positive as RFC 5280 has it. */
function serialNumber(): string {
	const bytes = randomBytes(16);
	bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
	return bytes.toString('hex');
}

function stillValid(roots: string, now: Date): readonly string[] {
	const valid = (readCertificates(roots) ?? []).filter(({ ca, validToDate }) => ca && validToDate > now);
	return [...new Set(valid.map((root) => text(root.toString())))].slice(0, mostPreviousRoots);
}

/** With exactly one line feed at its end. */
function text(pem: string): string {
	return `${pem.trim()}\n`;
}
