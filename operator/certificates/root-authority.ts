/** Reads a root of the user's, by which the operator itself makes authorities, and says in words why one can't be used. */
import { createHash, createPrivateKey, type KeyObject, webcrypto, type X509Certificate } from 'node:crypto';
import { timeText } from '../../api/v1/index.ts';
import { oneLine } from './certificate-authority.ts';
import { signingRightsOf } from './extensions.ts';
import { pemText } from './library.ts';
import { isIssuedBy, readCertificates } from './pem.ts';
import { judgeAuthority } from './plugged-authority.ts';
import { readKeyFacts } from './private-key.ts';

/** The keys of a Secret of type `kubernetes.io/tls`. */
export const rootFiles = { certificate: 'tls.crt', key: 'tls.key' } as const;

export interface RootAuthority {
	/** See `certificateId`. */
	readonly id: string;
	/** In PEM. */
	readonly certificate: string;
	/** Distinguished name, one line. */
	readonly subject: string;
	readonly notAfter: Date;
	readonly key: KeyObject;
}

export interface RootProblem {
	readonly file: (typeof rootFiles)[keyof typeof rootFiles];
	/** A clause whose subject is the file: `has no certificate`. It repeats nothing of the key. */
	readonly reason: string;
}

/** Tells certificates apart: a part of the SHA-256 of the certificate. */
export function certificateId({ raw }: Pick<X509Certificate, 'raw'>): string {
	return createHash('sha256').update(raw).digest('hex').slice(0, 16);
}

/** What the operator needs of the key: no other is read by all of Go, Envoy and istiod. */
const signer = { name: 'the operator', keyTypes: ['rsa', 'ec'] } as const;

/** Curves that WebCrypto signs with. */
const curves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };

/**
 * Whether the root is good for making authorities of this life now. Whether a root ends too soon is known long before an
 * authority in use does, since these are renewed when a third of their life is left.
 */
export function readRootAuthority(
	files: { readonly certificate: string | undefined; readonly key: string | undefined },
	{ now, lifetimeMs }: { readonly now: Date; readonly lifetimeMs: number },
): { readonly root: RootAuthority } | { readonly problem: RootProblem } {
	const { certificate: pem, key } = files;
	const wrong = (file: keyof typeof rootFiles, reason: string) => ({ problem: { file: rootFiles[file], reason } });
	const { problem } = judgeAuthority(
		{
			'ca-cert.pem': pem,
			'ca-key.pem': key === undefined ? undefined : readKeyFacts(key),
			'cert-chain.pem': pem,
			'root-cert.pem': pem,
		},
		now,
		signer,
	);
	if (problem !== undefined) {
		const reason = problem.reason.replace('in ca-cert.pem', `in ${rootFiles.certificate}`);
		return wrong(problem.file === 'ca-key.pem' ? 'key' : 'certificate', reason);
	}
	const [certificate, ...others] = readCertificates(pem ?? '') ?? [];
	if (certificate === undefined || key === undefined) return wrong('certificate', 'holds no certificate in PEM');
	if (others.length > 0) return wrong('certificate', 'holds several certificates: give the root alone');
	if (!isIssuedBy(certificate, certificate)) {
		return wrong('certificate', 'holds a certificate that another authority has signed: give the root itself');
	}
	if (signingRightsOf(certificate).pathLength === 0) {
		return wrong('certificate', 'holds a certificate whose path length is 0, so that no authority may be below it');
	}
	const { validToDate: notAfter } = certificate;
	if (notAfter.getTime() < now.getTime() + lifetimeMs) {
		return wrong(
			'certificate',
			`holds a certificate that ends at ${timeText(notAfter.getTime())}, before an authority of ${lifetimeMs / 3_600_000}h that is made now: give a root that lasts longer, or shorten spec.citadel.intermediates.lifetime`,
		);
	}
	const privateKey = createPrivateKey(key.slice(key.indexOf('-----BEGIN')));
	if (privateKey.asymmetricKeyType === 'ec' && curveOf(privateKey) === undefined) {
		return wrong('key', 'is on a curve other than P-256, P-384 and P-521');
	}
	return {
		root: {
			id: certificateId(certificate),
			certificate: pemText(certificate.toString()),
			subject: oneLine(certificate.subject),
			notAfter,
			key: privateKey,
		},
	};
}

function curveOf({ asymmetricKeyDetails }: KeyObject): string | undefined {
	return curves[asymmetricKeyDetails?.namedCurve ?? ''];
}

/** The key as WebCrypto takes it, with how it signs. It can't be exported. */
export async function signingKeyOf({ key }: Pick<RootAuthority, 'key'>): Promise<{
	readonly signingKey: webcrypto.CryptoKey;
	readonly signingAlgorithm: { readonly name: string; readonly hash: string };
}> {
	const algorithm =
		key.asymmetricKeyType === 'rsa'
			? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
			: { name: 'ECDSA', namedCurve: curveOf(key) ?? '' };
	const der = key.export({ format: 'der', type: 'pkcs8' });
	return {
		signingKey: await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']),
		signingAlgorithm: { name: algorithm.name, hash: 'SHA-256' },
	};
}
