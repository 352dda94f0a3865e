/**
 * The certificate of an API server: its own authority, as the one that kube-apiserver makes for itself where it finds none.
 * That one has an RSA key, which takes a quarter of a second to make and some time at each connection.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	PemConverter,
	SubjectAlternativeNameExtension,
	X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60_000;

/** For a server on 127.0.0.1, from an hour ago on for a year; PEM both. */
export async function servingCertificate(): Promise<{ readonly certificate: string; readonly key: string }> {
	const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
	const name = `CN=127.0.0.1@${Date.now()}`;
	const certificate = await X509CertificateGenerator.create({
		notBefore: new Date(Date.now() - dayMs / 24),
		notAfter: new Date(Date.now() + 365 * dayMs),
		// Positive, and so without a leading bit.
		serialNumber: `01${randomBytes(15).toString('hex')}`,
		subject: name,
		issuer: name,
		publicKey: keys.publicKey,
		signingKey: keys.privateKey,
		signingAlgorithm: algorithm,
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
			new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
			new SubjectAlternativeNameExtension([
				{ type: 'ip', value: '127.0.0.1' },
				{ type: 'dns', value: 'localhost' },
			]),
		],
	});
	const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
	return { certificate: `${certificate.toString('pem')}\n`, key: `${key}\n` };
}
