/** Who signs the certificates of workloads and of istiod: istiod itself, or an authority outside. */
import { definedFields, type ParsedSpec, parseDuration } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { IstiodRelease } from './release.ts';
import type { ResolvedIstiodMesh } from './resolved.ts';

/** The name under which istiod of each cluster finds an authority that is plugged in (istio 1.30 `pilot/pkg/bootstrap/istio_ca.go`). */
const issuedSecret = 'cacerts';

const defaultIntermediateLifetime = '2160h';
/** Of istiod (istio 1.30 `pilot/pkg/features/security.go`, `DefaultWorkloadCertTTL`). */
export const defaultWorkloadTtl = '24h';

/** An intermediate is renewed when a third of its life is left, and what it has signed must not outlast it. */
export function checkIntermediates({ version }: IstiodRelease, { citadel }: ParsedSpec): readonly ReleaseProblem[] {
	if (citadel?.intermediates === undefined) return [];
	const { lifetime = defaultIntermediateLifetime } = citadel.intermediates;
	const ttl = citadel.workloadCertTTL ?? defaultWorkloadTtl;
	const path = 'spec.citadel.intermediates.lifetime';
	return parseDuration(lifetime) >= 3 * parseDuration(ttl)
		? []
		: [
				{
					path,
					reason: 'Invalid',
					message: `${path} ${lifetime} must be three times spec.citadel.workloadCertTTL (${ttl}) at least: an authority is renewed when a third of its life is left, and certificates of workloads must not outlast it (Istio ${version})`,
					remedy: 'Lengthen it, or shorten spec.citadel.workloadCertTTL.',
				},
			];
}

/** Somebody has to sign the certificates of workloads and of istiod. */
export function checkAuthority({ version }: IstiodRelease, { citadel }: ParsedSpec): readonly ReleaseProblem[] {
	if (citadel?.enabled !== false) return [];
	const problem = (path: string, message: string, remedy: string): ReleaseProblem => ({
		path,
		reason: 'Invalid',
		message: `${path} ${message} (Istio ${version})`,
		remedy,
	});
	return [
		...(citadel.external === undefined
			? [
					problem(
						'spec.citadel.external',
						'must be set where spec.citadel.enabled is false: nobody would sign the certificates of workloads',
						'Name an authority outside, such as istio-csr of cert-manager, in spec.citadel.external.address; or remove spec.citadel.enabled.',
					),
				]
			: []),
		...(citadel.caSecretName === undefined
			? []
			: [
					problem(
						'spec.citadel.caSecretName',
						'has no effect where spec.citadel.enabled is false: istiod signs nothing',
						'Remove it.',
					),
				]),
	];
}

export function resolveAuthority({ citadel = {} }: Pick<ParsedSpec, 'citadel'>): ResolvedIstiodMesh['authority'] {
	const { caSecretName, external, intermediates, workloadCertTTL } = citadel;
	return {
		...definedFields({ external: external?.address, caSecretName, workloadCertTTL }),
		...(intermediates === undefined
			? {}
			: {
					caSecretName: issuedSecret,
					intermediates: {
						rootSecret: intermediates.rootSecret,
						lifetimeMs: parseDuration(intermediates.lifetime ?? defaultIntermediateLifetime),
					},
				}),
	};
}
