/** The certificate authority of a mesh of istiod, which signs itself. */
import type { AuthorityVerdict } from '../../certificates/index.ts';
import { defaultWorkloadTtl, type ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { selfSignedSecret } from '../../render/istiod/index.ts';
import type { CertificateAuthorityObservation, Signer } from '../../status/certificate-authority.ts';
import { observeAuthority, problemForSigner } from '../certificate-authority.ts';
import type { SecretFacts } from '../secret-facts.ts';

/** It signs with what its key is (istio 1.30 `security/pkg/pki/util/generate_cert.go`, `GenCertFromCSR`). */
const istiodSigner: Signer = {
	name: 'istiod',
	keyTypes: ['rsa', 'ec'],
	renewal: 'istiod renews its own by itself',
};

/** See `observeAuthority`. */
export function observeIstiodAuthority(
	{ authority: { caSecretName, external, workloadCertTTL = defaultWorkloadTtl } }: ResolvedIstiodMesh,
	secret: (name: string) => SecretFacts | 'unknown' | undefined,
	now: Date,
): CertificateAuthorityObservation | 'none' {
	if (external !== undefined) return 'none';
	return observeAuthority({ signer: istiodSigner, caSecretName, selfSignedSecret, workloadCertTTL }, secret, now);
}

/** What keeps istiod from using the authority in this Secret of the user's, and until when that is so. Pure. */
export function problemForIstiod(secret: SecretFacts, nowMs: number): AuthorityVerdict {
	return problemForSigner(istiodSigner, secret, nowMs);
}
