/** Decides which of Mixer's two services run, and its backends. */

import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import { type GivenWorkload, resolveWorkload } from '../resolve-workload.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import { checkAdapters, type GivenAdapter } from './check-adapters.ts';
import { guardedMixerFlags } from './guarded-flags.ts';
import { checkMixerMeshConfig, knowsReportBatch, type MixerServices } from './mesh-config-mixer.ts';
import { mixerMetrics } from './mixer-metrics.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import type { CustomTemplate, MixerService, ResolvedAdapter, ResolvedMixer, StatsdMetric } from './resolved.ts';

/** The services of Mixer that an installation runs. */
export function mixerServices({ mixer = {} }: ParsedSpec, profile: Profile): MixerServices {
	return {
		policy: mixer.policy?.enabled ?? profile.policy.enabled,
		telemetry: mixer.telemetry?.enabled ?? profile.telemetry.enabled,
	};
}

/**
 * What an installation can't set for the pods of one of Mixer's services. Short forms are from
 * `mixer/cmd/mixs/cmd/server.go`.
 */
export function mixerRules(release: ClassicRelease, service: MixerService): WorkloadRules {
	return {
		path: `spec.mixer.${service}`,
		title: 'Mixer',
		flags: release.mixer.flags,
		shortFlags: { p: 'port' },
		guardedFlags: guardedMixerFlags,
		ownedEnv: { ...podEnv, KUBECONFIG: 'Set spec.pilot.kubeconfigSecret instead: Mixer serves the same cluster.' },
		ownedFlags: [
			'address',
			'configDefaultNamespace',
			'configStoreURL',
			'configWaitTimeout',
			'monitoringPort',
			'port',
			'trace_zipkin_url',
			'useAdapterCRDs',
			'useTemplateCRDs',
			...(service === 'policy' ? ['numCheckCacheEntries'] : []),
		],
	};
}

/** All problems of `spec.mixer`, and of `spec.mesh.config` about Mixer, that the schema can't see. */
export function checkMixer(release: ClassicRelease, spec: ParsedSpec, profile: Profile): readonly ReleaseProblem[] {
	const { policy, telemetry, adapters } = spec.mixer ?? {};
	const services = mixerServices(spec, profile);
	return [
		...checkWorkload(release, policy, mixerRules(release, 'policy')),
		...checkWorkload(release, telemetry, mixerRules(release, 'telemetry')),
		...checkUnused('policy', policy, 'failOpen', services),
		...checkUnused('telemetry', telemetry, 'reportBatch', services),
		...(telemetry?.reportBatch === undefined ? [] : checkReportBatch(release)),
		...checkAdapters(release, spec.namespace, adapters ?? [], services),
		...checkMixerMeshConfig(spec, services),
	];
}

/**
 * Refuses settings of a service that does not run, unless somebody switched it off explicitly. Then settings of its pods
 * stay for the day when it is switched on again. Settings of what proxies do (`ofProxies`) are refused even then.
 */
function checkUnused(
	service: MixerService,
	given: (GivenWorkload & { readonly enabled?: boolean }) | undefined,
	ofProxies: string,
	services: MixerServices,
): readonly ReleaseProblem[] {
	if (services[service] || given === undefined) {
		return [];
	}
	const path = `spec.mixer.${service}`;
	const fields = Object.keys(given).filter((name) => name !== 'enabled');
	if (given.enabled === undefined && fields.length > 0) {
		return [
			{
				path: `${path}.enabled`,
				reason: 'Invalid',
				message: `${path}.enabled is not set and istio-${service} does not run: ${fields.join(', ')} would have no effect`,
				remedy: `Set ${path}.enabled to true, or to false to keep the settings for later.`,
			},
		];
	}
	return fields.includes(ofProxies)
		? [
				{
					path: `${path}.${ofProxies}`,
					reason: 'Invalid',
					message: `${path}.${ofProxies} has no effect: istio-${service} is switched off`,
					remedy: `Remove it, or set ${path}.enabled to true.`,
				},
			]
		: [];
}

function checkReportBatch(release: ClassicRelease): readonly ReleaseProblem[] {
	const path = 'spec.mixer.telemetry.reportBatch';
	return knowsReportBatch(release)
		? []
		: [
				{
					path,
					reason: 'FieldNotInRelease',
					message: `${path} came with Istio 1.3; proxies of ${release.version} gather reports as they were built to`,
					remedy: 'Leave it out, or install Istio 1.3 or newer.',
				},
			];
}

/** The charts' only backend, used when the installation names none. */
const defaultAdapters: readonly GivenAdapter[] = [{ prometheus: {} }];

export function resolveMixer(release: ClassicRelease, spec: ParsedSpec, profile: Profile): ResolvedMixer {
	const { policy = {}, telemetry = {}, adapters } = spec.mixer ?? {};
	const services = mixerServices(spec, profile);
	const { enabled = false, zipkin } = spec.mesh?.tracing ?? {};
	return {
		...(services.policy ? { policy: resolveWorkload(policy, profile.policy.replicas, release.mixer.resources) } : {}),
		...(services.telemetry
			? { telemetry: resolveWorkload(telemetry, profile.telemetry.replicas, release.mixer.telemetryResources) }
			: {}),
		adapters: (adapters ?? (services.telemetry ? defaultAdapters : [])).map((adapter) =>
			resolveAdapter(release, adapter),
		),
		...(enabled && zipkin !== undefined ? { zipkinUrl: `http://${zipkin.address}/api/v1/spans` } : {}),
	};
}

function resolveAdapter(release: ClassicRelease, { prometheus, stdio, statsd, custom }: GivenAdapter): ResolvedAdapter {
	if (stdio !== undefined) {
		return { kind: 'stdio', json: stdio.json ?? true };
	}
	if (statsd !== undefined) {
		const { address, prefix = '', flushDuration = '300ms', flushBytes = 512, samplingRate = 1, metrics } = statsd;
		return {
			kind: 'statsd',
			address,
			prefix: prefix.replace(/\.$/, ''),
			flushDuration,
			flushBytes,
			samplingRate,
			metrics: statsdMetrics(release, metrics),
		};
	}
	if (custom !== undefined) {
		const { name, address, templates, params = {} } = custom;
		// `checkAdapters` has refused others.
		return { kind: 'custom', name, address, templates: templates as readonly CustomTemplate[], params };
	}
	return { kind: 'prometheus', metricsExpiry: prometheus?.metricsExpiry ?? '10m' };
}

/** The default metrics, each with the user's settings if there are any, and then the user's own metrics. */
function statsdMetrics(
	release: ClassicRelease,
	given: Readonly<Record<string, Partial<StatsdMetric>>> = {},
): Readonly<Record<string, StatsdMetric>> {
	const defaults = mixerMetrics(release.minor).map(({ name, isDuration }): [string, StatsdMetric] => [
		name,
		{
			type: isDuration ? 'DISTRIBUTION' : 'COUNTER',
			nameTemplate: `{{.reporter}}.{{.destination_service_namespace}}.{{.destination_service_name}}.${name}`,
			...given[name],
		},
	]);
	const own = Object.entries(given)
		.filter(([key]) => key.includes('.'))
		.map(([key, metric]): [string, StatsdMetric] => [key, { type: 'COUNTER', nameTemplate: key, ...metric }]);
	return Object.fromEntries([...defaults, ...own]);
}
