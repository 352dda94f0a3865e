/** A certificate authority as a user brings it, or as Citadel makes it: of a name and a life that the test chooses. */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
	BasicConstraintsExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	SubjectAlternativeNameExtension,
	X509Certificate,
	X509CertificateGenerator,
} from '@peculiar/x509';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';

/** The keys that an authority may have. */
const algorithms = {
	rsa: {
		name: 'RSASSA-PKCS1-v1_5',
		modulusLength: 2048,
		publicExponent: new Uint8Array([1, 0, 1]),
		hash: 'SHA-256',
	},
	ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} as const;
const dayMs = 24 * 60 * 60_000;

/** PEM both. */
export interface Authority {
	readonly certificate: string;
	/** PKCS #8. */
	readonly key: string;
}

export interface AuthorityOptions {
	/** Organisation in its name. */
	readonly organisation: string;
	/** Days since it began. 1 when not set. */
	readonly ageDays?: number;
	/** Days until it ends. 3650 when not set. */
	readonly daysLeft?: number;
	/** `rsa`, with which alone Citadel signs, when not set. */
	readonly keyType?: keyof typeof algorithms;
}

/** A root that signs by itself. */
export async function makeAuthority({
	organisation,
	ageDays = 1,
	daysLeft = 3650,
	keyType = 'rsa',
}: AuthorityOptions): Promise<Authority> {
	const algorithm = algorithms[keyType];
	const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
	const name = `O=${organisation}`;
	const certificate = await X509CertificateGenerator.create({
		...validity(ageDays, daysLeft),
		serialNumber: serialNumber(),
		subject: name,
		issuer: name,
		publicKey: keys.publicKey,
		signingKey: keys.privateKey,
		signingAlgorithm: algorithm,
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
		],
	});
	return { certificate: pemOf(certificate), key: await keyPem(keys.privateKey) };
}

/** A certificate of this authority, with its key. */
export async function issueCertificate(
	{ certificate, key }: Authority,
	/** DNS names and IP addresses. */
	names: readonly string[],
): Promise<{ readonly certChain: string; readonly key: string }> {
	const signingAlgorithm = createPrivateKey(key).asymmetricKeyType === 'rsa' ? algorithms.rsa : algorithms.ec;
	const signingKey = await webcrypto.subtle.importKey('pkcs8', derOf(key), signingAlgorithm, false, ['sign']);
	const keys = await webcrypto.subtle.generateKey(algorithms.ec, true, ['sign', 'verify']);
	const leaf = await X509CertificateGenerator.create({
		...validity(0, 90),
		serialNumber: serialNumber(),
		subject: '',
		issuer: new X509Certificate(certificate).subject,
		publicKey: keys.publicKey,
		signingKey,
		signingAlgorithm,
		extensions: [
			new SubjectAlternativeNameExtension(
				names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
				true,
			),
		],
	});
	return { certChain: pemOf(leaf), key: await keyPem(keys.privateKey) };
}

/** Secret with a CA, as Citadel reads it (istio 1.0-1.4 `security/pkg/pki/ca/ca.go`). */
export function authoritySecret(namespace: string, name: string, { certificate, key }: Authority): KubeObject {
	const { apiVersion, kind } = kinds.Secret;
	return {
		apiVersion,
		kind,
		metadata: { name, namespace },
		type: 'Opaque',
		stringData: { 'ca-cert.pem': certificate, 'ca-key.pem': key, 'root-cert.pem': certificate, 'cert-chain.pem': '' },
	};
}

function validity(ageDays: number, daysLeft: number): { readonly notBefore: Date; readonly notAfter: Date } {
	const now = Date.now();
	return { notBefore: new Date(now - ageDays * dayMs - 60_000), notAfter: new Date(now + daysLeft * dayMs) };
}

/** Positive, whatever its first bit is. */
function serialNumber(): string {
	return `01${randomBytes(8).toString('hex')}`;
}

function pemOf(certificate: X509Certificate): string {
	return `${certificate.toString('pem')}\n`;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
	const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
	return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

function derOf(pem: string): Buffer<ArrayBuffer> {
	return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
