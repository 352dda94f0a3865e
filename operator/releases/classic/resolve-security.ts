/** Citadel, and the mutual TLS that needs its certificates. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import { resolveWorkload } from './resolve-workload.ts';
import type { MutualTls, ResolvedCitadel } from './resolved.ts';
import { checkWorkload, type WorkloadRules } from './workload-check.ts';

/** The trust domain of Istio itself. */
const defaultTrustDomain = 'cluster.local';

/** The rules of `spec.citadel`. */
export function citadelRules(release: ClassicRelease): WorkloadRules {
	return {
		path: 'spec.citadel',
		title: 'Citadel',
		flags: release.citadel.flags,
		shortFlags: {},
		ownedEnv: {
			// 1.0 also takes it for the namespace of the CA.
			NAMESPACE: `Add --${release.minor === '1.0' ? 'listened-namespace' : 'listened-namespaces'} to spec.citadel.extraArgs instead.`,
		},
		ownedFlags: [
			'append-dns-names',
			'cert-chain',
			'citadel-storage-namespace',
			'custom-dns-names',
			// It would read namespaces, which this Citadel may not.
			'explicit-opt-in',
			'grpc-port',
			'kube-config',
			'max-workload-cert-ttl',
			'monitoring-port',
			'root-cert',
			// It would review tokens, which this Citadel may not: proxies have their certificates in files.
			'sds-enabled',
			'self-signed-ca',
			// Nobody would get a certificate.
			'server-only',
			'signing-cert',
			'signing-key',
			'trust-domain',
			'workload-cert-ttl',
		],
	};
}

/** Whether Citadel runs. */
function isCitadelOn({ citadel }: ParsedSpec, profile: Profile): boolean {
	return citadel?.enabled ?? profile.citadel.enabled;
}

/** All problems of `spec.citadel` and `spec.mesh.mtls` that the schema can not see. */
export function checkSecurity(release: ClassicRelease, spec: ParsedSpec, profile: Profile): readonly ReleaseProblem[] {
	return [
		...(isCitadelOn(spec, profile) ? checkTrustDomain(release, spec) : []),
		...checkWorkload(release, spec.citadel, citadelRules(release)),
	];
}

/** `createCA` takes `--trust-domain` for a self-signed CA alone: under another one all identities are of `cluster.local`. */
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
			// Never more than one: Citadels race for the CA and for the Secrets of workloads.
			...resolveWorkload(given, { kind: 'fixed', count: 1 }, release.citadel.resources),
			...(caSecretName === undefined ? {} : { caSecretName }),
			workloadCertTTL,
		},
		mutualTls: mesh?.mtls?.mode ?? 'PERMISSIVE',
		controlPlaneSecurity: mesh?.mtls?.controlPlane ?? false,
	};
}
