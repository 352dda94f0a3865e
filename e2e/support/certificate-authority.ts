/** A certificate authority as a user brings it, or as Citadel makes it: of a name and a life that the test chooses. */
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
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
import {
	algorithms,
	type CertificateWithKey,
	keyPem,
	lifeOf,
	pemOf,
	selfSigned,
	serialNumber,
} from '../control-plane/certificates.ts';

export type Authority = CertificateWithKey;

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
export function makeAuthority({
	organisation,
	ageDays = 1,
	daysLeft = 3650,
	keyType = 'rsa',
}: AuthorityOptions): Promise<Authority> {
	return selfSigned({
		name: `O=${organisation}`,
		keyType,
		life: lifeOf(ageDays, daysLeft),
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
		],
	});
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
		...lifeOf(0, 90),
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

function derOf(pem: string): Buffer<ArrayBuffer> {
	return Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
}
