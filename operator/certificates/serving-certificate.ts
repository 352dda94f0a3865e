/**
 * Makes the certificate that a webhook serves with. Each gets a certificate authority of its own, whose key is dropped as
 * soon as it has signed. Whoever steals the Secret gets one certificate, and no authority to make others with.
 *
 * The keys are ECDSA with P-256 and SHA-256: Go 1.10, which built the oldest injectors, can serve them, and today's API
 * servers accept them. All names are in the subject alternative name, because Go since 1.15 reads them only there.
 */
import { KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { clockSkewMs, loadLibrary, pemText, serialNumber, wholeSeconds } from './library.ts';
import { readCertificates } from './pem.ts';

/** What a server and its clients need, all in PEM. */
export interface ServingCertificate {
	readonly certChain: string;
	/** PKCS #8. */
	readonly key: string;
	/** The roots for clients, that of `certChain` first. */
	readonly roots: string;
}

export interface IssueOptions {
	/** The names by which clients call the server; at least one. */
	readonly dnsNames: readonly string[];
	readonly now: Date;
	readonly lifetimeMs: number;
	/**
	 * The roots that clients have trusted so far, in PEM. Those that are still valid stay, so that no client refuses the old
	 * certificate while it is in use.
	 */
	readonly previousRoots: string;
}

export interface IssuedCertificate extends ServingCertificate {
	readonly notAfter: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** At most this many old roots are kept beside the new one. With renewal in time there is one. */
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
	// Each root has a name of its own, so that no client confuses an old root with the new one.
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
		certChain: pemText(leaf.toString('pem')),
		key: KeyObject.from(server.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString(),
		roots: [pemText(root.toString('pem')), ...stillValid(previousRoots, now)].join(''),
		notAfter: validity.notAfter,
	};
}

function stillValid(roots: string, now: Date): readonly string[] {
	const valid = (readCertificates(roots) ?? []).filter(({ ca, validToDate }) => ca && validToDate > now);
	return [...new Set(valid.map((root) => pemText(root.toString())))].slice(0, mostPreviousRoots);
}
