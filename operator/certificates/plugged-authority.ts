/**
 * Checks a certificate authority that somebody gives to Citadel or istiod, before it gets it. Either ends at once with files
 * that it can't use (istio 1.0-1.4 and 1.30 `security/pkg/pki/ca/ca.go` NewPluggedCertIstioCAOptions, `security/pkg/pki/util/keycertbundle.go`
 * Verify, and what these call in Go's crypto/x509). Beyond that, what is taken here works for the workloads: they show each
 * other the certificate of the signer and `cert-chain.pem`, and trust `root-cert.pem`.
 */
import type { X509Certificate } from 'node:crypto';
import { timeText } from '../../api/v1/index.ts';
import { oneLine } from './certificate-authority.ts';
import { signingRightsOf } from './extensions.ts';
import { readCertificates } from './pem.ts';
import { type KeyFacts, publicKeyText } from './private-key.ts';

/** The files, by their names in the Secret. Undefined for one that is missing. */
export interface AuthorityFiles {
	readonly 'ca-cert.pem': string | undefined;
	readonly 'ca-key.pem': KeyFacts | undefined;
	readonly 'cert-chain.pem': string | undefined;
	readonly 'root-cert.pem': string | undefined;
}

export interface AuthorityProblem {
	readonly file: keyof AuthorityFiles;
	/** A clause whose subject is the file: `has no certificate`. */
	readonly reason: string;
}

export interface AuthorityVerdict {
	readonly problem: AuthorityProblem | undefined;
	/** Until this time the verdict is the same, in milliseconds since 1970: then a certificate begins or ends. */
	readonly untilMs: number;
}

/** Who gets the authority. */
export interface AuthorityUser {
	/** `Citadel` */
	readonly name: string;
	/** Types of keys with which it signs: `rsa`, `ec` … */
	readonly keyTypes: readonly string[];
}

/** Extended key usages that Go asks of every certificate of a chain, where any are named: serverAuth, or all. */
const serverUsages: readonly string[] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0'];

export function judgeAuthority(files: AuthorityFiles, now: Date, user: AuthorityUser): AuthorityVerdict {
	const read = {
		signing: readCertificates(files['ca-cert.pem'] ?? ''),
		chain: readCertificates(files['cert-chain.pem'] ?? ''),
		roots: readCertificates(files['root-cert.pem'] ?? ''),
	};
	const times = Object.values(read)
		.flatMap((certificates = []) => certificates)
		.flatMap(({ validFromDate, validToDate }) => [+validFromDate, +validToDate])
		.filter((time) => time >= now.getTime());
	return { problem: problemOf(files, read, now, user), untilMs: Math.min(...times, Number.MAX_SAFE_INTEGER) };
}

interface Read {
	/** Undefined when one of them can't be read. */
	readonly signing: readonly X509Certificate[] | undefined;
	readonly chain: readonly X509Certificate[] | undefined;
	readonly roots: readonly X509Certificate[] | undefined;
}

function problemOf(
	files: AuthorityFiles,
	{ signing, chain, roots }: Read,
	now: Date,
	user: AuthorityUser,
): AuthorityProblem | undefined {
	for (const file of ['ca-cert.pem', 'ca-key.pem', 'cert-chain.pem', 'root-cert.pem'] as const) {
		if (files[file] === undefined) return { file, reason: 'is missing' };
	}
	const unread = 'holds a certificate that can’t be read';
	if (signing === undefined) return { file: 'ca-cert.pem', reason: unread };
	if (chain === undefined) return { file: 'cert-chain.pem', reason: unread };
	if (roots === undefined) return { file: 'root-cert.pem', reason: unread };
	const [own] = signing;
	if (own === undefined) return { file: 'ca-cert.pem', reason: 'holds no certificate in PEM' };
	if (roots.length === 0) return { file: 'root-cert.pem', reason: 'holds no certificate in PEM' };
	const unfit = unfitness(own, 0, now);
	if (unfit !== undefined) return { file: 'ca-cert.pem', reason: unfit };
	return problemOfKey(own, files['ca-key.pem'], user) ?? problemOfChain(own, chain, roots, now);
}

function problemOfKey(
	own: X509Certificate,
	key: KeyFacts | undefined,
	{ name, keyTypes }: AuthorityUser,
): AuthorityProblem | undefined {
	const type = keyTypeOf(own);
	if (!keyTypes.includes(type)) {
		return {
			file: 'ca-cert.pem',
			reason: `has a key of type ${type}, and ${name} gives certificates with an ${keyTypes.map((one) => one.toUpperCase()).join(' or ')} key alone`,
		};
	}
	if (key?.is !== 'key') return { file: 'ca-key.pem', reason: key?.reason ?? 'is missing' };
	return key.publicKey === publicKeyText(own.publicKey)
		? undefined
		: { file: 'ca-key.pem', reason: 'is not the key of the certificate in ca-cert.pem' };
}

function keyTypeOf(certificate: X509Certificate): string {
	try {
		return certificate.publicKey.asymmetricKeyType ?? 'unknown';
	} catch {
		// OpenSSL does not know this kind of key.
		return 'unknown';
	}
}

function problemOfChain(
	own: X509Certificate,
	chain: readonly X509Certificate[],
	roots: readonly X509Certificate[],
	now: Date,
): AuthorityProblem | undefined {
	if (holds(roots, own)) return undefined;
	const problem = wayToRoot(own, { chain, roots, now, tried: new Set([own.fingerprint256]), below: 1 });
	if (problem !== undefined) return problem;
	return holds(chain, own)
		? undefined
		: {
				file: 'cert-chain.pem',
				reason: 'lacks the certificate of ca-cert.pem, which workloads have to show to each other',
			};
}

function holds(certificates: readonly X509Certificate[], { fingerprint256 }: X509Certificate): boolean {
	return certificates.some((one) => one.fingerprint256 === fingerprint256);
}

interface Search {
	readonly chain: readonly X509Certificate[];
	readonly roots: readonly X509Certificate[];
	readonly now: Date;
	/** Fingerprints of what was tried, so that the search ends. */
	readonly tried: Set<string>;
	/** How many authorities are below the one that is looked for. */
	readonly below: number;
}

/** Undefined when there is a way. Otherwise what is wrong with the first that was tried. */
function wayToRoot(child: X509Certificate, search: Search): AuthorityProblem | undefined {
	const { chain, roots, now, tried, below } = search;
	let first: AuthorityProblem | undefined;
	const parents = [
		...roots.map((one) => ({ one, file: 'root-cert.pem' as const })),
		...chain.map((one) => ({ one, file: 'cert-chain.pem' as const })),
	];
	for (const { one, file } of parents) {
		if (tried.has(one.fingerprint256) || !hasSigned(one, child)) continue;
		tried.add(one.fingerprint256);
		const unfit = unfitness(one, below, now);
		if (unfit !== undefined) {
			first ??= { file, reason: `${unfit} (${nameOf(one)})` };
			continue;
		}
		if (file === 'root-cert.pem') return undefined;
		const further = wayToRoot(one, { ...search, below: below + 1 });
		if (further === undefined) return undefined;
		first ??= further;
	}
	return (
		first ?? {
			file: 'root-cert.pem',
			reason: `has no root to which cert-chain.pem leads: nothing in either has signed ${nameOf(child)}`,
		}
	);
}

/** By name and signature alone, so that what else is wrong with the parent can be told. */
function hasSigned(parent: X509Certificate, child: X509Certificate): boolean {
	try {
		return parent.subject === child.issuer && child.verify(parent.publicKey);
	} catch {
		// OpenSSL does not know this kind of key.
		return false;
	}
}

/** Why a certificate can't be an authority, as a clause. Undefined when it can. */
function unfitness(certificate: X509Certificate, below: number, now: Date): string | undefined {
	const { validFromDate, validToDate, keyUsage = [] } = certificate;
	const { version, isAuthority, pathLength, maySignCertificates } = signingRightsOf(certificate);
	// Go takes an old root above the certificate that signs, and not as that certificate.
	const isOldRoot = version < 3 && below > 0 && certificate.subject === certificate.issuer;
	if (!isAuthority && !isOldRoot) return 'holds a certificate that is no authority: its basic constraints lack CA:TRUE';
	if (maySignCertificates === false) return 'holds a certificate whose key usage lacks keyCertSign';
	if (keyUsage.length > 0 && !keyUsage.some((usage) => serverUsages.includes(usage))) {
		return 'holds a certificate whose extended key usage lacks serverAuth';
	}
	if (pathLength !== undefined && pathLength < below) {
		return `holds a certificate whose path length is ${pathLength}, with ${below} ${below === 1 ? 'authority' : 'authorities'} below it`;
	}
	if (validFromDate > now) return `holds a certificate that is valid only from ${timeText(validFromDate.getTime())} on`;
	return validToDate <= now ? `holds a certificate that ended at ${timeText(validToDate.getTime())}` : undefined;
}

function nameOf({ subject }: X509Certificate): string {
	return oneLine(subject) || 'a certificate without a name';
}
