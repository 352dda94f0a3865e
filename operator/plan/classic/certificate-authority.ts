/** The certificate authority of a classic mesh: Citadel signs. */
import type { AuthorityVerdict } from '../../certificates/index.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { selfSignedCaSecret } from '../../render/classic/citadel.ts';
import type { CertificateAuthorityObservation, Signer } from '../../status/certificate-authority.ts';
import { observeAuthority, problemForSigner } from '../certificate-authority.ts';
import type { SecretFacts } from '../secret-facts.ts';

/** It asks for signatures by RSA whatever its own key is (istio 1.0-1.4 `security/pkg/pki/util/generate_{cert,csr}.go`). */
export const citadelSigner: Signer = {
	name: 'Citadel',
	keyTypes: ['rsa'],
	renewal: 'Citadel since 1.2 renews its own by itself; before that, give it one by spec.citadel.caSecretName',
};

/** See `observeAuthority`. `none` without Citadel. */
export function observeCertificateAuthority(
	mesh: ResolvedClassicMesh,
	secret: (name: string) => SecretFacts | 'unknown' | undefined,
	now: Date,
): CertificateAuthorityObservation | 'none' {
	if (mesh.citadel === undefined) return 'none';
	const { caSecretName, workloadCertTTL } = mesh.citadel;
	const selfSignedSecret = selfSignedCaSecret;
	return observeAuthority({ signer: citadelSigner, caSecretName, selfSignedSecret, workloadCertTTL }, secret, now);
}

/** What keeps Citadel from using the authority in this Secret of the user's, and until when that is so. Pure. */
export function problemForCitadel(secret: SecretFacts, nowMs: number): AuthorityVerdict {
	return problemForSigner(citadelSigner, secret, nowMs);
}
