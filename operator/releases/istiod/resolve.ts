/** Turns what a user wrote into a mesh of this line with every question answered, or into all of its problems. Pure. */
import { definedFields, type ParsedMeshInstallation, type ParsedSpec } from '../../../api/v1/index.ts';
import { resolveCapture } from '../capture.ts';
import type { Replicas } from '../mesh.ts';
import { checkNetworkNames, resolveMultiCluster } from '../multi-cluster.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { ResolveOptions, ResolveResult } from '../resolve-result.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { canonicalResources } from '../resources.ts';
import { checkWorkload } from '../workload-check.ts';
import { checkAdapters } from './adapters.ts';
import { proxyResources } from './gateways.ts';
import { buildMeshConfig } from './mesh-config.ts';
import { checkMeshConfig } from './mesh-config-check.ts';
import type { IstiodRelease } from './release.ts';
import { checkAuthority, checkIntermediates, resolveAuthority } from './resolve-authority.ts';
import { checkCni, resolveCni } from './resolve-cni.ts';
import { checkExposure, checkGateways, resolveGateways } from './resolve-gateways.ts';
import { pilotRules } from './resolve-pilot.ts';
import { checkRevisions, resolveRevisions } from './resolve-revisions.ts';
import type { ResolvedInjection, ResolvedIstiodImages, ResolvedIstiodMesh, ResolvedProxy } from './resolved.ts';
import { checkSettings } from './settings.ts';

/** Istio publishes its images here; its other registries are about to be switched off (istio.io, announcing 1.31). */
const upstreamRegistry = 'docker.io/istio';

/** Percent. The charts' value. */
const defaultSamplingPercent = 1;

/** The name of a cluster that has none, as the charts have it. In a list of networks only labels of DNS are names. */
const onlyCluster = 'Kubernetes';
const onlyClusterOfNetwork = 'kubernetes';

const onePod: Replicas = { kind: 'fixed', count: 1 };
/** Two pods, which no single node can take down, and up to five under load: the charts' upper bound with a safe minimum. */
const underLoad: Replicas = { kind: 'autoscaled', min: 2, max: 5, targetCPUUtilization: 80 };

/** Resolves a parsed installation. Reports all problems, not the first alone. */
export function resolveIstiod(
	release: IstiodRelease,
	installation: ParsedMeshInstallation,
	options: ResolveOptions,
): ResolveResult<ResolvedIstiodMesh> {
	const { spec, metadata } = installation;
	const injection = resolveInjection(spec);
	const problems: readonly ReleaseProblem[] = [
		...checkSettings(release.version, spec),
		...checkMeshConfig(release, spec.mesh?.config ?? {}),
		...checkAdapters(spec.mixer, spec.mesh?.statsd?.address),
		...checkWorkload(release, spec.pilot, pilotRules(release)),
		...checkGateways(release, spec, { injects: injection !== undefined }),
		...checkCni(release, spec),
		...checkRevisions(spec, options.revisions, injection !== undefined),
		...checkClusters(spec),
		...checkAuthority(release, spec),
		...checkIntermediates(release, spec),
		...checkExposure(spec),
	];
	if (problems.length > 0) return { ok: false, problems };
	const revisions = resolveRevisions(spec, options.revisions ?? []);
	const replicas = spec.profile === 'production' ? underLoad : onePod;
	const cni = resolveCni(release, spec);
	const trustDomain = spec.mesh?.trustDomain;
	const mutualTls = spec.mesh?.mtls?.mode;
	return {
		ok: true,
		mesh: {
			line: 'istiod',
			name: metadata.name,
			namespace: spec.namespace,
			release,
			images: resolveImages(spec, options.registry ?? upstreamRegistry),
			meshConfig: buildMeshConfig(spec, revisions.revision),
			location: resolveLocation(spec),
			...(trustDomain === undefined ? {} : { trustDomain }),
			traceSampling: spec.mesh?.tracing?.sampling ?? defaultSamplingPercent,
			pilot: resolveWorkload(spec.pilot ?? {}, replicas, release.pilot.resources),
			authority: resolveAuthority(spec),
			...revisions,
			...(injection === undefined ? {} : { injection }),
			proxy: resolveProxy(spec),
			...definedFields({ cni }),
			gateways: resolveGateways(spec, replicas, spec.multiCluster?.network),
			...(spec.multiCluster?.exposeControlPlane === true ? { exposesControlPlane: true } : {}),
			...(mutualTls === undefined ? {} : { mutualTls }),
			overlays: spec.overlays ?? [],
			multiCluster: resolveMultiCluster(installation),
			notes: registryNotes(spec),
		},
	};
}

function resolveLocation({ multiCluster = {} }: ParsedSpec): ResolvedIstiodMesh['location'] {
	const { clusterName, network } = multiCluster;
	return network === undefined
		? { clusterId: clusterName ?? onlyCluster }
		: { clusterId: clusterName ?? onlyClusterOfNetwork, network };
}

/** istiod ignores the Secret of a cluster that has its own name (istio 1.30 `pkg/kube/multicluster/secretcontroller.go`). */
function checkClusters(spec: ParsedSpec): readonly ReleaseProblem[] {
	const { clusters = [] } = spec.multiCluster ?? {};
	const { clusterId } = resolveLocation(spec);
	return [
		...checkNetworkNames(spec.multiCluster ?? {}),
		...clusters.flatMap(({ name }, index): readonly ReleaseProblem[] => {
			const path = `spec.multiCluster.clusters[${index}].name`;
			return name === clusterId
				? [
						{
							path,
							reason: 'Invalid',
							message: `${path} is ${name}, the name of this cluster itself, and istiod reads no other cluster of that name`,
							remedy: 'Give the entry another name, or this cluster one of its own by spec.multiCluster.clusterName.',
						},
					]
				: [];
		}),
	];
}

/** Nothing is published there any more, and Istio is about to switch them off (istio.io, announcing 1.31). */
const endingRegistries = ['gcr.io/istio-release', 'registry.istio.io'];

function registryNotes({ images: { registry } = {} }: ParsedSpec): readonly string[] {
	const ending = endingRegistries.some((name) => registry === name || registry?.startsWith(`${name}/`));
	return ending
		? [`spec.images.registry is ${registry}, which Istio switches off: images are in ${upstreamRegistry}`]
		: [];
}

/** @param registry used when the installation names none */
function resolveImages({ images = {}, version }: ParsedSpec, registry: string): ResolvedIstiodImages {
	const reference = (image: string, digest: string | undefined): string => {
		const name = `${images.registry ?? registry}/${image}`;
		return digest === undefined ? `${name}:${images.tag ?? version}` : `${name}@${digest}`;
	};
	return {
		pilot: reference('pilot', images.digests?.pilot),
		proxy: reference('proxyv2', images.digests?.proxy),
		cni: reference('install-cni', images.digests?.cni),
		pullPolicy: images.pullPolicy ?? 'IfNotPresent',
		pullSecrets: (images.pullSecrets ?? []).map(({ name }) => name),
	};
}

/** Undefined when the injector is switched off. Profile minimal has none. */
function resolveInjection({ sidecarInjector: given = {}, profile }: ParsedSpec): ResolvedInjection | undefined {
	if (!(given.enabled ?? profile !== 'minimal')) return undefined;
	return {
		policy: given.policy ?? 'enabled',
		namespaces: given.namespaces ?? [],
		neverInject: given.neverInject ?? [],
		alwaysInject: given.alwaysInject ?? [],
	};
}

/** istio-init has the resources of the proxy: it runs the proxy's agent. */
function resolveProxy(spec: ParsedSpec): ResolvedProxy {
	const { proxy = {} } = spec;
	const resources = proxy.resources === undefined ? proxyResources : canonicalResources(proxy.resources);
	return {
		...resolveCapture(spec),
		resources,
		initResources: proxy.initResources === undefined ? resources : canonicalResources(proxy.initResources),
	};
}
