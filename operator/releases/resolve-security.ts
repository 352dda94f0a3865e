/** Citadel, and the mutual TLS that needs its certificates. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { ReleaseProblem } from './problem.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import { resolveWorkload } from './resolve-workload.ts';
import type { MutualTls, ResolvedCitadel } from './resolved.ts';

/** All problems of `spec.citadel` and `spec.mesh.mtls` that the schema can not see. */
export function checkSecurity(
	_release: ClassicRelease,
	_spec: ParsedSpec,
	_profile: Profile,
): readonly ReleaseProblem[] {
	return [];
}

export interface ResolvedSecurity {
	readonly citadel?: ResolvedCitadel;
	readonly mutualTls: MutualTls;
	readonly controlPlaneSecurity: boolean;
}

export function resolveSecurity(
	release: ClassicRelease,
	{ citadel: given = {}, mesh }: ParsedSpec,
	profile: Profile,
): ResolvedSecurity {
	if (!(given.enabled ?? profile.citadel.enabled)) {
		return { mutualTls: 'DISABLED', controlPlaneSecurity: false };
	}
	const { caSecretName, workloadCertTTL = '2160h' } = given;
	return {
		citadel: {
			// Never more than one: Citadels race for the CA and for the Secrets of workloads.
			...resolveWorkload(given, { kind: 'fixed', count: 1 }, release.citadel.resources),
			...(caSecretName === undefined ? {} : { caSecretName }),
			workloadCertTTL,
		},
		mutualTls: mesh?.mtls?.mode ?? 'PERMISSIVE',
		controlPlaneSecurity: mesh?.mtls?.controlPlane ?? false,
	};
}
