/**
 * Makes the certificate authority of one cluster, signed by a root. The root's key signs and goes nowhere: what is made has a
 * key of its own. It may sign certificates of workloads, and no further authority.
 *
 * Keys are ECDSA with P-256, with which istiod signs, and Envoy and Go verify.
 */
import { KeyObject, webcrypto } from 'node:crypto';
import { clockSkewMs, loadLibrary, pemText, serialNumber, wholeSeconds } from './library.ts';
import { type RootAuthority, signingKeyOf } from './root-authority.ts';

/** An authority without the roots that are to be trusted, all in PEM. */
export interface Intermediate {
	readonly certificate: string;
	/** PKCS #8. */
	readonly key: string;
	readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** Only so many characters fit into a common name (RFC 5280, appendix A.1). */
const longestCommonName = 64;

/**
 * @param cluster name of the cluster that gets it, for people who read the certificate
 * @param lifetimeMs it never outlasts its root
 */
export async function issueIntermediate(
	root: RootAuthority,
	{
		cluster,
		trustDomain,
		lifetimeMs,
		now,
	}: { readonly cluster: string; readonly trustDomain: string; readonly lifetimeMs: number; readonly now: Date },
): Promise<Intermediate> {
	const {
		AuthorityKeyIdentifierExtension,
		BasicConstraintsExtension,
		KeyUsageFlags,
		KeyUsagesExtension,
		SubjectKeyIdentifierExtension,
		X509Certificate,
		X509CertificateGenerator,
	} = await loadLibrary();
	const issuer = new X509Certificate(root.certificate);
	const { publicKey, privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
	const notAfter = wholeSeconds(Math.min(now.getTime() + lifetimeMs, root.notAfter.getTime()));
	const certificate = await X509CertificateGenerator.create({
		serialNumber: serialNumber(),
		subject: [{ O: [trustDomain.slice(0, longestCommonName)] }, { CN: [cluster.slice(0, longestCommonName)] }],
		// The name of the root as it is, byte for byte, since clients compare bytes.
		issuer: issuer.subjectName,
		notBefore: wholeSeconds(now.getTime() - clockSkewMs),
		notAfter,
		publicKey,
		...(await signingKeyOf(root)),
		extensions: [
			new BasicConstraintsExtension(true, 0, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
			await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
			await SubjectKeyIdentifierExtension.create(publicKey),
		],
	});
	return {
		certificate: pemText(certificate.toString('pem')),
		key: pemText(KeyObject.from(privateKey).export({ format: 'pem', type: 'pkcs8' }).toString()),
		notAfter,
	};
}
