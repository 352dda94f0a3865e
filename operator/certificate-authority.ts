/** What the status tells about the certificate authority of a mesh, from the Secret that holds it. */
import { describeTimeLeft, readCertificateAuthority, shareLeft } from './certificates/index.ts';
import type { ResolvedMesh } from './releases/index.ts';
import { selfSignedCaSecret } from './render/citadel.ts';
import type { SecretFacts } from './secret-facts.ts';
import type { CertificateAuthorityObservation, CertificateAuthoritySight } from './status/certificate-authority.ts';

/**
 * Pure.
 * @param secret what is known of the Secret, by its name in the namespace of the mesh; undefined where there is none
 */
export function observeCertificateAuthority(
	mesh: ResolvedMesh,
	secret: (name: string) => SecretFacts | 'unknown' | undefined,
	now: Date,
): CertificateAuthorityObservation | 'none' {
	if (mesh.citadel === undefined) return 'none';
	const { caSecretName } = mesh.citadel;
	const secretName = caSecretName ?? selfSignedCaSecret;
	const source = caSecretName === undefined ? 'SelfSigned' : 'Provided';
	return { source, secretName, ...sightOf(secret(secretName), now) };
}

function sightOf(secret: SecretFacts | 'unknown' | undefined, now: Date): CertificateAuthoritySight {
	if (secret === 'unknown') return { found: 'unknown' };
	if (secret === undefined) return { found: 'missing' };
	const {
		'ca-cert.pem': signing,
		'cert-chain.pem': chain = '',
		'root-cert.pem': roots = '',
	}: Readonly<Partial<Record<string, string>>> = secret.certificates;
	const authority = signing === undefined ? undefined : readCertificateAuthority([signing, chain, roots].join('\n'));
	return authority === undefined
		? { found: 'unreadable' }
		: {
				found: 'certificate',
				subject: authority.subject,
				notAfter: `${authority.notAfter.toISOString().slice(0, 19)}Z`,
				timeLeft: describeTimeLeft(authority.notAfter, now),
				shareLeft: shareLeft(authority, now),
			};
}
