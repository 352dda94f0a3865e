/** Finds what the status tells about the certificate authority of a mesh, from the Secret that holds it. */
import {
	type CertificateAuthority,
	describeTimeLeft,
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
	return { source, secretName, ...sightOf(secret(secretName), now) };
}

function sightOf(secret: SecretFacts | 'unknown' | undefined, now: Date): CertificateAuthoritySight {
	if (secret === 'unknown') return { found: 'unknown' };
	if (secret === undefined) return { found: 'missing' };
	const authority = authorityOf(secret);
	return authority === undefined
		? { found: 'unreadable' }
		: {
				found: 'certificate',
				subject: authority.subject,
				notAfter: `${authority.notAfter.toISOString().slice(0, 19)}Z`,
				timeLeft: describeTimeLeft(authority.notAfter, now),
				shareLeft: shareLeft(authority, now),
				keyType: authority.keyType,
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

/**
 * What Citadel lacks with this Secret, for a sentence that begins with "waiting for". Undefined when nothing is missing.
 * Pure. Citadel asks for signatures by RSA whatever its own key is. With another key it gets none, and gives no
 * certificates (istio 1.0-1.4 `security/pkg/pki/util/generate_cert.go`, `genCertTemplateFromCSR`; `generate_csr.go`).
 */
export function missingForCitadel(secret: SecretFacts, where: string): string | undefined {
	const authority = authorityOf(secret);
	if (authority === undefined) return `a certificate authority that can be read in Secret ${where}`;
	return authority.keyType === signingKeyType
		? undefined
		: `a certificate authority with an RSA key in Secret ${where}: Citadel signs with no other`;
}
