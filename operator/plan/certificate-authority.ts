/** Finds what the status tells about the certificate authority of a mesh, from the Secret that holds it. All lines share it. */
import { timeText } from '../../api/v1/index.ts';
import {
	type AuthorityVerdict,
	type CertificateAuthority,
	describeTimeLeft,
	judgeAuthority,
	readCertificateAuthority,
	shareLeft,
} from '../certificates/index.ts';
import type {
	CertificateAuthorityObservation,
	CertificateAuthoritySight,
	Signer,
} from '../status/certificate-authority.ts';
import type { SecretFacts } from './secret-facts.ts';

/** Which authority a mesh has. */
export interface OwnAuthority {
	readonly signer: Signer;
	/** Secret with an authority of the user's. Undefined for a self-signed one. */
	readonly caSecretName: string | undefined;
	/** Secret in which the signer keeps one that it made itself. */
	readonly selfSignedSecret: string;
	/** How long the certificates of workloads last: `2160h`. */
	readonly workloadCertTTL: string;
}

/**
 * Observes the authority. Pure.
 * @param secret what is known about a Secret in the namespace of the mesh, by its name; undefined when there is none
 */
export function observeAuthority(
	{ signer, caSecretName, selfSignedSecret, workloadCertTTL }: OwnAuthority,
	secret: (name: string) => SecretFacts | 'unknown' | undefined,
	now: Date,
): CertificateAuthorityObservation {
	const secretName = caSecretName ?? selfSignedSecret;
	const source = caSecretName === undefined ? 'SelfSigned' : 'Provided';
	const found = secret(secretName);
	const shared = { signer, source, secretName } as const;
	const sight = sightOf(found, now, workloadCertTTL);
	if (source === 'SelfSigned' || found === undefined || found === 'unknown') return { ...shared, ...sight };
	const { problem } = problemForSigner(signer, found, now.getTime());
	// The end of an authority and the type of its key have conditions of their own.
	const isToldAnyway =
		sight.found === 'certificate' && (sight.shareLeft <= 0 || !signer.keyTypes.includes(sight.keyType));
	return problem === undefined || isToldAnyway
		? { ...shared, ...sight }
		: { ...shared, found: 'unusable', file: problem.file, reason: problem.reason };
}

function sightOf(
	secret: SecretFacts | 'unknown' | undefined,
	now: Date,
	workloadCertTTL: string,
): CertificateAuthoritySight {
	if (secret === 'unknown') return { found: 'unknown' };
	if (secret === undefined) return { found: 'missing' };
	const authority = authorityOf(secret);
	return authority === undefined
		? { found: 'unreadable' }
		: {
				found: 'certificate',
				subject: authority.subject,
				notAfter: timeText(authority.notAfter.getTime()),
				timeLeft: describeTimeLeft(authority.notAfter, now),
				timeLeftMs: authority.notAfter.getTime() - now.getTime(),
				shareLeft: shareLeft(authority, now),
				keyType: authority.keyType,
				workloadCertTTL,
			};
}

/** Authorities that were read before: every pass asks for one several times. */
const authorities = new WeakMap<SecretFacts, { readonly authority: CertificateAuthority | undefined }>();

function authorityOf(secret: SecretFacts): CertificateAuthority | undefined {
	const known = authorities.get(secret);
	if (known !== undefined) return known.authority;
	const authority = readAuthority(secret);
	authorities.set(secret, { authority });
	return authority;
}

function readAuthority({ certificates }: SecretFacts): CertificateAuthority | undefined {
	const {
		'ca-cert.pem': signing,
		'cert-chain.pem': chain = '',
		'root-cert.pem': roots = '',
	}: Readonly<Partial<Record<string, string>>> = certificates;
	return signing === undefined ? undefined : readCertificateAuthority([signing, chain, roots].join('\n'));
}

/** Verdicts that were found before, by Secret, for one signer. */
const verdicts = new WeakMap<
	SecretFacts,
	{ readonly by: string; readonly fromMs: number; readonly verdict: AuthorityVerdict }
>();

/** What keeps a signer from using the authority in this Secret of the user's, and until when that is so. Pure. */
export function problemForSigner(signer: Signer, secret: SecretFacts, nowMs: number): AuthorityVerdict {
	const known = verdicts.get(secret);
	if (known !== undefined && known.by === signer.name && known.fromMs <= nowMs && nowMs < known.verdict.untilMs)
		return known.verdict;
	const { certificates, files, authorityKey } = secret;
	const text = (file: string): string | undefined => certificates[file] ?? (files.includes(file) ? '' : undefined);
	const verdict = judgeAuthority(
		{
			'ca-cert.pem': text('ca-cert.pem'),
			'ca-key.pem': authorityKey,
			'cert-chain.pem': text('cert-chain.pem'),
			'root-cert.pem': text('root-cert.pem'),
		},
		new Date(nowMs),
		signer,
	);
	verdicts.set(secret, { by: signer.name, fromMs: nowMs, verdict });
	return verdict;
}
