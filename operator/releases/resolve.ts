/** From what a user wrote to a mesh with every question answered, or to everything that is wrong with it. Pure. */
import type { ParsedMeshInstallation, ParsedSpec } from '../../api/v1/index.ts';
import { type FindResult, findRelease } from './find-release.ts';
import { buildMeshConfig } from './mesh-config.ts';
import { checkMeshConfig, checkSettings } from './mesh-config-check.ts';
import type { ReleaseProblem } from './problem.ts';
import { profiles } from './profiles.ts';
import { canonicalResources } from './quantity.ts';
import type { ClassicRelease, Resources } from './release.ts';
import type { DisruptionBudget, Replicas, ResolvedImages, ResolvedMesh, ResolvedWorkload } from './resolved.ts';
import { checkPilot } from './workload-check.ts';

export type ResolveResult =
	| { readonly ok: true; readonly mesh: ResolvedMesh }
	| { readonly ok: false; readonly problems: readonly ReleaseProblem[] };

export interface ResolveOptions {
	/** Where images come from when the installation does not say: an air-gapped cluster's operator has its own answer. */
	readonly registry?: string;
}

/** Where Istio publishes its images. */
const upstreamRegistry = 'docker.io/istio';

/** Percent of requests that start a trace, as the charts of istio 1.0-1.4 have it. */
const defaultSampling = 1;

/** Percent of the CPU request that an autoscaler aims at, as the charts of istio 1.0-1.4 have it. */
const defaultUtilization = 80;

/** Resolves a parsed installation. All problems are reported, not the first alone. */
export function resolve(installation: ParsedMeshInstallation, options: ResolveOptions = {}): ResolveResult {
	const { spec, metadata } = installation;
	const search = findRelease(spec.version);
	if (search.found !== 'release') {
		return { ok: false, problems: [versionProblem(spec.version, search)] };
	}
	const { release } = search;
	const profile = profiles[spec.profile];
	const problems: readonly ReleaseProblem[] = [
		...(profile === undefined ? [profileProblem(spec.profile)] : []),
		...checkSettings(release, spec),
		...checkMeshConfig(release, spec.mesh?.config ?? {}),
		...checkPilot(release, spec.pilot),
	];
	if (profile === undefined || problems.length > 0) {
		return { ok: false, problems };
	}
	const trustDomain = spec.mesh?.trustDomain;
	return {
		ok: true,
		mesh: {
			line: 'classic',
			name: metadata.name,
			namespace: spec.namespace,
			release,
			images: resolveImages(release, spec, options.registry ?? upstreamRegistry),
			meshConfig: buildMeshConfig(release, spec),
			...(release.mesh.networks ? { meshNetworks: { networks: {} } } : {}),
			traceSampling: spec.mesh?.tracing?.sampling ?? defaultSampling,
			...(trustDomain === undefined ? {} : { trustDomain }),
			pilot: resolveWorkload(spec.pilot ?? {}, profile.pilot.replicas, release.pilot.resources),
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

function profileProblem(profile: string): ReleaseProblem {
	const known = Object.keys(profiles).join(', ');
	return {
		path: 'spec.profile',
		reason: 'NotSupportedYet',
		message: `spec.profile ${profile} is not supported yet`,
		remedy: `Use one of: ${known}.`,
	};
}

/** A component's settings with the profile's and the release's answers where the user gave none. */
function resolveWorkload(
	given: NonNullable<ParsedSpec['pilot']>,
	profileReplicas: Replicas,
	releaseResources: Resources,
): ResolvedWorkload {
	const replicas = resolveReplicas(given, profileReplicas);
	const disruptionBudget = resolveBudget(given.disruptionBudget, replicas);
	const { resources, priorityClassName } = given;
	return {
		replicas,
		...(disruptionBudget === undefined ? {} : { disruptionBudget }),
		resources: resources === undefined ? releaseResources : canonicalResources(resources),
		nodeSelector: given.nodeSelector ?? {},
		tolerations: given.tolerations ?? [],
		affinity: given.affinity ?? {},
		topologySpreadConstraints: given.topologySpreadConstraints ?? [],
		...(priorityClassName === undefined ? {} : { priorityClassName }),
		podAnnotations: given.podAnnotations ?? {},
		podLabels: given.podLabels ?? {},
		env: given.env ?? [],
		extraArgs: given.extraArgs ?? [],
	};
}

function resolveReplicas({ replicas, autoscaling }: NonNullable<ParsedSpec['pilot']>, otherwise: Replicas): Replicas {
	if (autoscaling !== undefined) {
		return {
			kind: 'autoscaled',
			min: autoscaling.minReplicas ?? 1,
			max: autoscaling.maxReplicas,
			targetCPUUtilization: autoscaling.targetCPUUtilization ?? defaultUtilization,
		};
	}
	return replicas === undefined ? otherwise : { kind: 'fixed', count: replicas };
}

/** One pod may go at a time; with one pod alone a budget would keep its node from ever being drained (istio#12602). */
function resolveBudget(
	given: NonNullable<ParsedSpec['pilot']>['disruptionBudget'],
	replicas: Replicas,
): DisruptionBudget | undefined {
	if (given?.minAvailable !== undefined) {
		return { minAvailable: given.minAvailable };
	}
	if (given?.maxUnavailable !== undefined) {
		return { maxUnavailable: given.maxUnavailable };
	}
	return (replicas.kind === 'fixed' ? replicas.count : replicas.min) >= 2 ? { minAvailable: 1 } : undefined;
}

function resolveImages(
	release: ClassicRelease,
	{ images = {}, version }: ParsedSpec,
	registry: string,
): ResolvedImages {
	const name = `${images.registry ?? registry}/${release.pilot.image}`;
	const digest = images.digests?.pilot;
	return {
		pilot: digest === undefined ? `${name}:${images.tag ?? version}` : `${name}@${digest}`,
		pullPolicy: images.pullPolicy ?? 'IfNotPresent',
		pullSecrets: (images.pullSecrets ?? []).map((secret) => secret.name),
	};
}
