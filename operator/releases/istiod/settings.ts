/**
 * What becomes of each setting of a MeshInstallation in this line: it is honoured, it becomes something else, or it is
 * refused. A path stands for everything below it, as far as no longer path does. docs/istiod.md has the same table.
 */
import { isObject, type ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';

export type Fate =
	| { readonly is: 'honoured' }
	/** `as` says what it becomes. */
	| { readonly is: 'translated'; readonly as: string }
	/** `why` completes "<path> …". `but` is the one value that does no harm. */
	| { readonly is: 'refused'; readonly why: string; readonly remedy: string; readonly but?: unknown };

const honoured: Fate = { is: 'honoured' };

function becomes(as: string): Fate {
	return { is: 'translated', as };
}

function refused(why: string, remedy: string, but?: unknown): Fate {
	return { is: 'refused', why, remedy, ...(but === undefined ? {} : { but }) };
}

const oneProcess = 'istiod is one process, whose pods spec.pilot describes';
const noMixer = 'there is no Mixer: proxies check and report by themselves';
const noImage = (image: string) =>
	refused(`is for the image of ${image}, which this release does not have`, 'Remove it.');

/** Fields of a component that istiod has taken over. Its pods are those of `spec.pilot`. */
function mergedInto(component: string, kept: Readonly<Record<string, Fate>>): Readonly<Record<string, Fate>> {
	const rest = refused(`has no pods of its own: ${oneProcess}`, 'Set the same field of spec.pilot.');
	return {
		[component]: rest,
		...Object.fromEntries(Object.entries(kept).map(([name, fate]) => [`${component}.${name}`, fate])),
	};
}

export const settings: Readonly<Record<string, Fate>> = {
	'spec.version': honoured,
	'spec.profile': honoured,
	'spec.namespace': honoured,
	'spec.paused': honoured,
	'spec.overlays': honoured,
	'spec.deletion': honoured,
	'spec.upgrade': honoured,
	'spec.images': honoured,
	'spec.images.digests.mixer': noImage('Mixer'),
	'spec.images.digests.citadel': noImage('Citadel'),
	'spec.images.digests.sidecarInjector': noImage('the sidecar injector'),
	'spec.images.digests.proxyInit': refused(
		'is for an image that this release does not have: istio-init runs the image of the proxy',
		'Remove it; spec.images.digests.proxy is used.',
	),

	'spec.mesh.tracing.enabled': honoured,
	'spec.mesh.tracing.sampling': becomes('PILOT_TRACE_SAMPLING of istiod'),
	'spec.mesh.tracing.zipkin': becomes('defaultConfig.tracing.zipkin.address'),
	'spec.mesh.statsd': becomes('defaultConfig.statsdUdpAddress'),
	'spec.mesh.accessLog': honoured,
	'spec.mesh.outboundTraffic': honoured,
	'spec.mesh.mtls.mode': becomes('PeerAuthentication default of the namespace of the mesh'),
	'spec.mesh.mtls.controlPlane': refused(
		'must not be false: proxies ask istiod by TLS alone',
		'Remove it, or set it to true.',
		true,
	),
	'spec.mesh.trustDomain': honoured,
	'spec.mesh.config': honoured,

	'spec.proxy.interceptionMode': honoured,
	'spec.proxy.includeIPRanges': honoured,
	'spec.proxy.excludeIPRanges': honoured,
	'spec.proxy.includeInboundPorts': honoured,
	'spec.proxy.excludeInboundPorts': honoured,
	'spec.proxy.uid': refused(
		'must be 1337: istiod knows the traffic of its proxies by this user alone',
		'Remove it.',
		1337,
	),
	'spec.proxy.concurrency': honoured,
	'spec.proxy.adminPort': honoured,
	'spec.proxy.drainDuration': honoured,
	'spec.proxy.parentShutdownDuration': refused(
		'has no effect: Envoy is not restarted beside itself any more',
		'Remove it. spec.mesh.config.defaultConfig.terminationDrainDuration is how long a proxy waits before it ends.',
	),
	'spec.proxy.discoveryRefreshDelay': refused('has no effect: proxies do not poll', 'Remove it.'),
	'spec.proxy.connectTimeout': becomes('connectTimeout of the mesh configuration'),
	'spec.proxy.serviceCluster': honoured,
	'spec.proxy.resources': honoured,
	'spec.proxy.initResources': honoured,

	'spec.pilot': honoured,
	'spec.pilot.kubeconfigSecret': refused(
		'is not supported in this line: an istiod outside of the cluster that it serves. istiod serves its own cluster and those that join it',
		'Remove it. List that cluster in spec.multiCluster.clusters with role Remote: istiod of this cluster injects and signs there.',
	),

	'spec.mixer': refused(`has no effect: ${noMixer}`, 'Remove it.'),
	'spec.mixer.policy.enabled': refused(
		`must not be true: ${noMixer}`,
		'Write an AuthorizationPolicy; with action CUSTOM it asks a service of your own, which spec.mesh.config.extensionProviders names (envoyExtAuthzGrpc, envoyExtAuthzHttp). Limits of rates: an EnvoyFilter with Envoy’s local or global rate limit.',
		false,
	),
	'spec.mixer.policy.failOpen': refused(
		`has no effect: ${noMixer}`,
		'Set failOpen of the extension provider that an AuthorizationPolicy asks.',
		false,
	),
	'spec.mixer.telemetry.enabled': becomes('metrics of the proxies themselves, or none'),
	'spec.mixer.telemetry.reportBatch': refused('has no effect: proxies do not report to Mixer', 'Remove it.'),
	'spec.mixer.adapters': becomes('metrics, access log and statsd of the proxies themselves'),

	...mergedInto('spec.citadel', {
		enabled: honoured,
		external: honoured,
		caSecretName: honoured,
		intermediates: honoured,
		workloadCertTTL: honoured,
	}),
	...mergedInto('spec.sidecarInjector', {
		enabled: honoured,
		policy: honoured,
		namespaces: honoured,
		neverInject: honoured,
		alwaysInject: honoured,
	}),

	'spec.gateways': honoured,
	'spec.cni': honoured,

	'spec.multiCluster.clusterName': honoured,
	'spec.multiCluster.network': honoured,
	'spec.multiCluster.exposeControlPlane': honoured,
	'spec.multiCluster.podCIDRs': honoured,
	'spec.multiCluster.serviceCIDRs': honoured,
	'spec.multiCluster.server': honoured,
	'spec.multiCluster.credentials': honoured,
	'spec.multiCluster.clusters': honoured,
};

/** The fate of a setting. Undefined for a path that nobody decided about, which a test does not let pass. */
export function fateOf(path: string): Fate | undefined {
	for (let known = path; known.includes('.'); known = known.slice(0, known.lastIndexOf('.'))) {
		const fate = settings[known];
		if (fate !== undefined) return fate;
	}
	return undefined;
}

/** All settings of a spec that are refused. */
export function checkSettings(version: string, spec: ParsedSpec): readonly ReleaseProblem[] {
	return refusedBelow(version, 'spec', spec);
}

function refusedBelow(version: string, path: string, value: unknown): readonly ReleaseProblem[] {
	const fate = settings[path];
	const hasDecidedBelow = Object.keys(settings).some((known) => known.startsWith(`${path}.`));
	if (isObject(value) && hasDecidedBelow) {
		return Object.entries(value).flatMap(([name, entry]) => refusedBelow(version, `${path}.${name}`, entry));
	}
	const decided = fate ?? fateOf(path);
	if (value === undefined || decided?.is !== 'refused' || ('but' in decided && decided.but === value)) return [];
	return [
		{
			path,
			reason: 'FieldNotInRelease',
			message: `${path} ${decided.why} (Istio ${version})`,
			remedy: decided.remedy,
		},
	];
}
