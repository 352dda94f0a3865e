/** Finds what the status tells about the certificate authority of a mesh, from the Secret that holds it. */
import { timeText } from '../../../api/v1/index.ts';
import {
	type AuthorityVerdict,
	type CertificateAuthority,
	describeTimeLeft,
	judgeAuthority,
	readCertificateAuthority,
	shareLeft,
} from '../../certificates/index.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { selfSignedCaSecret } from '../../render/classic/citadel.ts';
import {
	type CertificateAuthorityObservation,
	type CertificateAuthoritySight,
	signingKeyType,
} from '../../status/certificate-authority.ts';
import type { SecretFacts } from '../secret-facts.ts';

/**
 * Observes the authority. Pure.
 * @param secret what is known about a Secret in the namespace of the mesh, by its name; undefined when there is none
 */
export function observeCertificateAuthority(
	mesh: ResolvedClassicMesh,
	secret: (name: string) => SecretFacts | 'unknown' | undefined,
	now: Date,
): CertificateAuthorityObservation | 'none' {
	if (mesh.citadel === undefined) return 'none';
	const { caSecretName } = mesh.citadel;
	const secretName = caSecretName ?? selfSignedCaSecret;
	const source = caSecretName === undefined ? 'SelfSigned' : 'Provided';
	const found = secret(secretName);
	const shared = { source, secretName } as const;
	const sight = sightOf(found, now, mesh.citadel.workloadCertTTL);
	if (source === 'SelfSigned' || found === undefined || found === 'unknown') return { ...shared, ...sight };
	const { problem } = problemForCitadel(found, now.getTime());
	// The end of an authority and the type of its key have conditions of their own.
	const isToldAnyway = sight.found === 'certificate' && (sight.shareLeft <= 0 || sight.keyType !== signingKeyType);
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

/** Verdicts that were found before, by Secret. */
const verdicts = new WeakMap<SecretFacts, { readonly fromMs: number; readonly verdict: AuthorityVerdict }>();

/** What keeps Citadel from using the authority in this Secret of the user's, and until when that is so. Pure. */
export function problemForCitadel(secret: SecretFacts, nowMs: number): AuthorityVerdict {
	const known = verdicts.get(secret);
	if (known !== undefined && known.fromMs <= nowMs && nowMs < known.verdict.untilMs) return known.verdict;
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
	);
	verdicts.set(secret, { fromMs: nowMs, verdict });
	return verdict;
}
