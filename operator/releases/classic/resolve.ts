/** Turns what a user wrote into a mesh with every question answered, or into all of its problems. Pure. */
import type { ParsedMeshInstallation, ParsedSpec } from '../../../api/v1/index.ts';
import { resolveMultiCluster } from '../multi-cluster.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { ResolveOptions, ResolveResult } from '../resolve-result.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload } from '../workload-check.ts';
import { checkUpgrade } from './check-upgrade.ts';
import { ofIstiodAlone } from './istiod-fields.ts';
import { buildMeshConfig } from './mesh-config.ts';
import { checkMeshConfig, checkSettings } from './mesh-config-check.ts';
import { profiles } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import { checkGateways, resolveGateways } from './resolve-gateways.ts';
import { checkImages, resolveImages } from './resolve-images.ts';
import { checkInjection, resolveInjector, resolveSidecar } from './resolve-injector.ts';
import { checkMixer, mixerServices, resolveMixer } from './resolve-mixer.ts';
import { checkMultiCluster, resolveNetworks } from './resolve-multi-cluster.ts';
import { pilotRules } from './resolve-pilot.ts';
import { checkSecurity, resolveSecurity } from './resolve-security.ts';
import type { ResolvedClassicMesh } from './resolved.ts';

/** Istio publishes its images here. */
const upstreamRegistry = 'docker.io/istio';

/** The charts' value (istio 1.0-1.4). */
const defaultSamplingPercent = 1;

/** Resolves a parsed installation. Reports all problems, not the first alone. */
export function resolveClassic(
	release: ClassicRelease,
	installation: ParsedMeshInstallation,
	options: ResolveOptions,
): ResolveResult<ResolvedClassicMesh> {
	const { spec, metadata } = installation;
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
		...checkNodes(release, spec),
		...checkUpgrade(release, spec),
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
			sidecar: resolveSidecar(spec, release),
			gateways,
			multiCluster,
			...resolveNetworks(release, spec, multiCluster, gateways),
			overlays: spec.overlays ?? [],
		},
	};
}

/** What runs on each node is of releases of istiod. */
function checkNodes(release: ClassicRelease, { cni, images }: ParsedSpec): readonly ReleaseProblem[] {
	const problem = (path: string, remedy: string) =>
		ofIstiodAlone(release, path, 'each pod redirects its traffic itself, by its init container', remedy);
	return [
		...(cni === undefined || cni.enabled === false
			? []
			: [problem('spec.cni', 'Remove it, or set spec.cni.enabled to false.')]),
		...(images?.digests?.cni === undefined ? [] : [problem('spec.images.digests.cni', 'Remove it.')]),
	];
}
