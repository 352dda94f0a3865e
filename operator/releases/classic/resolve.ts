/** Turns what a user wrote into a mesh with every question answered, or into all of its problems. Pure. */
import type { ParsedMeshInstallation } from '../../../api/v1/index.ts';
import { type FindResult, findRelease } from '../find-release.ts';
import { resolveMultiCluster } from '../multi-cluster.ts';
import type { ReleaseProblem } from '../problem.ts';
import { buildMeshConfig } from './mesh-config.ts';
import { checkMeshConfig, checkSettings } from './mesh-config-check.ts';
import { profiles } from './profiles.ts';
import { checkGateways, resolveGateways } from './resolve-gateways.ts';
import { checkImages, resolveImages } from './resolve-images.ts';
import { checkInjection, resolveInjector, resolveSidecar } from './resolve-injector.ts';
import { checkMixer, mixerServices, resolveMixer } from './resolve-mixer.ts';
import { checkMultiCluster, resolveNetworks } from './resolve-multi-cluster.ts';
import { checkSecurity, resolveSecurity } from './resolve-security.ts';
import { resolveWorkload } from './resolve-workload.ts';
import type { ResolvedMesh } from './resolved.ts';
import { checkWorkload, pilotRules } from './workload-check.ts';

export type ResolveResult =
	| { readonly ok: true; readonly mesh: ResolvedMesh }
	| { readonly ok: false; readonly problems: readonly ReleaseProblem[] };

export interface ResolveOptions {
	/** Registry of the images when the installation names none. The operator of an air-gapped cluster has its own. */
	readonly registry?: string;
}

/** Istio publishes its images here. */
const upstreamRegistry = 'docker.io/istio';

/** The charts' value (istio 1.0-1.4). */
const defaultSamplingPercent = 1;

/** Resolves a parsed installation. Reports all problems, not the first alone. */
export function resolve(installation: ParsedMeshInstallation, options: ResolveOptions = {}): ResolveResult {
	const { spec, metadata } = installation;
	const search = findRelease(spec.version);
	if (search.found !== 'release') {
		return { ok: false, problems: [versionProblem(spec.version, search)] };
	}
	const { release } = search;
	const profile = profiles[spec.profile];
	const problems: readonly ReleaseProblem[] = [
		...checkSettings(release, spec),
		...checkMeshConfig(release, spec.mesh?.config ?? {}),
		...checkWorkload(release, spec.pilot, pilotRules(release)),
		...checkMixer(release, spec, profile),
		...checkSecurity(release, spec, profile),
		...checkInjection(release, spec, profile),
		...checkGateways(release, spec, profile),
		...checkMultiCluster(release, spec),
		...checkImages(release, spec),
	];
	if (problems.length > 0) {
		return { ok: false, problems };
	}
	const injector = resolveInjector(release, spec, profile);
	const trustDomain = spec.mesh?.trustDomain;
	const gateways = resolveGateways(release, spec, profile);
	const multiCluster = resolveMultiCluster(installation);
	return {
		ok: true,
		mesh: {
			line: 'classic',
			name: metadata.name,
			namespace: spec.namespace,
			release,
			images: resolveImages(release, spec, options.registry ?? upstreamRegistry),
			meshConfig: buildMeshConfig(release, spec, mixerServices(spec, profile)),
			traceSampling: spec.mesh?.tracing?.sampling ?? defaultSamplingPercent,
			...(trustDomain === undefined ? {} : { trustDomain }),
			pilot: resolveWorkload(spec.pilot ?? {}, profile.pilot.replicas, release.pilot.resources),
			mixer: resolveMixer(release, spec, profile),
			...resolveSecurity(release, spec, profile),
			...(injector === undefined ? {} : { injector }),
			sidecar: resolveSidecar(spec),
			gateways,
			multiCluster,
			...resolveNetworks(release, spec, multiCluster, gateways),
			overlays: spec.overlays ?? [],
		},
	};
}

function versionProblem(version: string, search: Exclude<FindResult, { readonly found: 'release' }>): ReleaseProblem {
	const path = 'spec.version';
	if (search.found === 'endOfLine') {
		return {
			path,
			reason: 'EndOfLife',
			message: `${path} ${version} is at its end of life and is installed no more`,
			remedy: search.ended.remedy,
		};
	}
	const { nearest, supported } = search;
	return {
		path,
		reason: 'UnsupportedVersion',
		message: `${path} ${version} is not a release that this operator knows; it knows ${supported.join(', ')}`,
		remedy: nearest === undefined ? `Use one of ${supported.join(', ')}.` : `Use ${nearest}.`,
	};
}
