/** Makes certificates for tests. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { type Extension, PemConverter, type X509Certificate, X509CertificateGenerator } from '@peculiar/x509';

export const algorithms = {
	rsa: {
		name: 'RSASSA-PKCS1-v1_5',
		modulusLength: 2048,
		publicExponent: new Uint8Array([1, 0, 1]),
		hash: 'SHA-256',
	},
	ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const;

/** PEM both. */
export interface CertificateWithKey {
	readonly certificate: string;
	/** PKCS #8. */
	readonly key: string;
}

export interface SelfSigned {
	/** Distinguished name: `O=example`. */
	readonly name: string;
	readonly keyType: keyof typeof algorithms;
	readonly life: { readonly notBefore: Date; readonly notAfter: Date };
	readonly extensions: Extension[];
}

export async function selfSigned({ name, keyType, life, extensions }: SelfSigned): Promise<CertificateWithKey> {
	const algorithm = algorithms[keyType];
	const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
	const certificate = await X509CertificateGenerator.create({
		...life,
		serialNumber: serialNumber(),
		subject: name,
		issuer: name,
		publicKey: keys.publicKey,
		signingKey: keys.privateKey,
		signingAlgorithm: algorithm,
		extensions,
	});
	return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

/** From so many days ago on, for so many from now. A clock may be a minute behind. */
export function lifeOf(ageDays: number, daysLeft: number): SelfSigned['life'] {
	const dayMs = 24 * 60 * 60_000;
	const now = Date.now();
	return { notBefore: new Date(now - ageDays * dayMs - 60_000), notAfter: new Date(now + daysLeft * dayMs) };
}

/** Positive, whatever its first bit is. */
export function serialNumber(): string {
	return `01${randomBytes(8).toString('hex')}`;
}

export function pemOf(certificate: X509Certificate): string {
	return `${certificate.toString('pem')}\n`;
}

export async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
	return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
