/** Decides about Citadel, and about mutual TLS, which needs its certificates. */

import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload, type WorkloadRules } from '../workload-check.ts';
import { guardedCitadelFlags } from './guarded-flags.ts';
import { ofIstiodAlone } from './istiod-fields.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import type { MutualTls, ResolvedCitadel } from './resolved.ts';

/** Istio's own trust domain. */
const defaultTrustDomain = 'cluster.local';

/** The rules of `spec.citadel`. */
function citadelRules(release: ClassicRelease): WorkloadRules {
	return {
		path: 'spec.citadel',
		title: 'Citadel',
		flags: release.citadel.flags,
		shortFlags: {},
		guardedFlags: guardedCitadelFlags,
		ownedEnv: {
			// 1.0 also uses this variable as the namespace of the CA.
			NAMESPACE: `Add --${release.minor === '1.0' ? 'listened-namespace' : 'listened-namespaces'} to spec.citadel.extraArgs instead.`,
		},
		ownedFlags: [
			'append-dns-names',
			'cert-chain',
			'citadel-storage-namespace',
			'custom-dns-names',
			// With this flag Citadel would read namespaces, which it may not.
			'explicit-opt-in',
			'grpc-port',
			'kube-config',
			'max-workload-cert-ttl',
			'monitoring-port',
			'root-cert',
			// With this flag Citadel would review tokens, which it may not. Proxies have their certificates in files.
			'sds-enabled',
			'self-signed-ca',
			// With this flag nobody would get a certificate.
			'server-only',
			'signing-cert',
			'signing-key',
			'trust-domain',
			'workload-cert-ttl',
		],
	};
}

function checkIstiodFields(release: ClassicRelease, { citadel }: ParsedSpec): readonly ReleaseProblem[] {
	return [
		...(citadel?.external === undefined
			? []
			: [
					ofIstiodAlone(
						release,
						'spec.citadel.external',
						'nobody but Citadel gives workloads certificates',
						'Remove it.',
					),
				]),
		...(citadel?.intermediates === undefined
			? []
			: [
					ofIstiodAlone(
						release,
						'spec.citadel.intermediates',
						'the operator issues no authorities',
						'Make one for each cluster yourself, and name its Secret in spec.citadel.caSecretName.',
					),
				]),
	];
}

/** Whether Citadel runs. */
function isCitadelOn({ citadel }: ParsedSpec, profile: Profile): boolean {
	return citadel?.enabled ?? profile.citadel.enabled;
}

/** All problems of `spec.citadel` and `spec.mesh.mtls` that the schema can't see. */
export function checkSecurity(release: ClassicRelease, spec: ParsedSpec, profile: Profile): readonly ReleaseProblem[] {
	return [
		...checkIstiodFields(release, spec),
		...(isCitadelOn(spec, profile) ? checkTrustDomain(release, spec) : []),
		...checkWorkload(release, spec.citadel, citadelRules(release)),
	];
}

/**
 * Refuses a trust domain with a CA of the user's: `createCA` uses `--trust-domain` for a self-signed CA alone, so all
 * identities would be in `cluster.local`.
 */
function checkTrustDomain({ version }: ClassicRelease, { citadel, mesh }: ParsedSpec): readonly ReleaseProblem[] {
	const trustDomain = mesh?.trustDomain ?? defaultTrustDomain;
	return citadel?.caSecretName === undefined || trustDomain === defaultTrustDomain
		? []
		: [
				{
					path: 'spec.mesh.trustDomain',
					reason: 'FieldNotInRelease',
					message: `spec.mesh.trustDomain ${trustDomain} does not go with spec.citadel.caSecretName: under a CA of your own Citadel ${version} gives identities of ${defaultTrustDomain} alone`,
					remedy: 'Remove one of the two.',
				},
			];
}

export interface ResolvedSecurity {
	readonly citadel?: ResolvedCitadel;
	readonly mutualTls: MutualTls;
	readonly controlPlaneSecurity: boolean;
}

export function resolveSecurity(release: ClassicRelease, spec: ParsedSpec, profile: Profile): ResolvedSecurity {
	if (!isCitadelOn(spec, profile)) {
		return { mutualTls: 'DISABLED', controlPlaneSecurity: false };
	}
	const { citadel: given = {}, mesh } = spec;
	const { caSecretName, workloadCertTTL = '2160h' } = given;
	return {
		citadel: {
			// Never more than one pod: Citadels race for the CA and for the Secrets of workloads.
			...resolveWorkload(given, { kind: 'fixed', count: 1 }, release.citadel.resources),
			...(caSecretName === undefined ? {} : { caSecretName }),
			workloadCertTTL,
		},
		mutualTls: mesh?.mtls?.mode ?? 'PERMISSIVE',
		controlPlaneSecurity: mesh?.mtls?.controlPlane ?? false,
	};
}
