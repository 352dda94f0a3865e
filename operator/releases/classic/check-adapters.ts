/** Checks the backends of Mixer: against the services that feed them, against each other, and against what is measured. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import { child, type ReleaseProblem } from '../problem.ts';
import type { MixerServices } from './mesh-config-mixer.ts';
import { firstMinorOfMetric, type MixerMetric, mixerMetrics } from './mixer-metrics.ts';
import type { ClassicRelease } from './release.ts';
import { type CustomTemplate, customTemplates, type MixerService } from './resolved.ts';

/** One entry of `spec.mixer.adapters`: exactly one of its fields is set. */
export type GivenAdapter = NonNullable<NonNullable<ParsedSpec['mixer']>['adapters']>[number];

type GivenCustom = NonNullable<GivenAdapter['custom']>;
type GivenMetrics = NonNullable<NonNullable<GivenAdapter['statsd']>['metrics']>;

function invalid(path: string, message: string, remedy: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} ${message}`, remedy };
}

/**
 * All problems of `spec.mixer.adapters`.
 * @param namespace that of the mesh
 */
export function checkAdapters(
	release: ClassicRelease,
	namespace: string,
	adapters: readonly GivenAdapter[],
	services: MixerServices,
): readonly ReleaseProblem[] {
	return adapters.flatMap((adapter, index) => {
		const path = `spec.mixer.adapters[${index}]`;
		return [
			...checkTwin(adapter, adapters.slice(0, index), path),
			...(adapter.custom === undefined
				? checkFed(services, 'telemetry', path)
				: checkCustom(adapter.custom, services, `${path}.custom`)),
			...checkMetrics(release, namespace, adapter.statsd?.metrics ?? {}, `${path}.statsd.metrics`),
		];
	});
}

/**
 * Each backend becomes objects with fixed names. So there can be one backend of a kind, and one adapter outside of Mixer of
 * a name.
 */
function checkTwin(adapter: GivenAdapter, before: readonly GivenAdapter[], path: string): readonly ReleaseProblem[] {
	const { custom } = adapter;
	if (custom !== undefined) {
		return before.some((other) => other.custom?.name === custom.name)
			? [
					invalid(
						`${path}.custom.name`,
						`is ${custom.name} for a second time: adapters are told apart by their names`,
						'Give it another name, or remove one of the two.',
					),
				]
			: [];
	}
	return (['prometheus', 'stdio', 'statsd'] as const)
		.filter((kind) => adapter[kind] !== undefined && before.some((other) => other[kind] !== undefined))
		.map((kind) =>
			invalid(`${path}.${kind}`, `is the second ${kind} of the list, and there can be one`, 'Keep one of the two.'),
		);
}

function checkFed(services: MixerServices, service: MixerService, path: string): readonly ReleaseProblem[] {
	return services[service]
		? []
		: [
				invalid(
					path,
					`would get nothing: istio-${service} does not run`,
					`Remove it, or set spec.mixer.${service}.enabled to true.`,
				),
			];
}

/**
 * The service that calls an adapter with instances of a template (`TEMPLATE_VARIETY_CHECK` or `_REPORT` of the template).
 */
const callers: Readonly<Record<CustomTemplate, MixerService>> = {
	checknothing: 'policy',
	logentry: 'telemetry',
	metric: 'telemetry',
	reportnothing: 'telemetry',
};

function isCustomTemplate(template: string): template is CustomTemplate {
	return (customTemplates as readonly string[]).includes(template);
}

function checkCustom({ templates }: GivenCustom, services: MixerServices, path: string): readonly ReleaseProblem[] {
	return templates.flatMap((template, index) => {
		const here = `${path}.templates[${index}]`;
		return isCustomTemplate(template)
			? checkFed(services, callers[template], here)
			: [
					invalid(
						here,
						`is ${template}; instances can be made without further words of ${customTemplates.join(', ')}`,
						'Remove it, and write handler, instance and rule as objects of your own: they are never touched.',
					),
				];
	});
}

/** Checks which metrics statsd gets, and under which names. */
function checkMetrics(
	release: ClassicRelease,
	namespace: string,
	given: GivenMetrics,
	path: string,
): readonly ReleaseProblem[] {
	const metrics = mixerMetrics(release.minor);
	return Object.entries(given).flatMap(([key, { type, nameTemplate }]) => {
		const here = child(path, key);
		const metric = metrics.find(({ name }) => name === key);
		if (metric !== undefined) {
			return [
				...(type !== undefined && metric.isDuration !== (type === 'DISTRIBUTION')
					? [wrongType(metric, `${here}.type`, type)]
					: []),
				...unknownDimensions(metric, nameTemplate ?? '').map((dimension) =>
					invalid(
						`${here}.nameTemplate`,
						`names ${dimension}, which ${key} of Istio ${release.version} does not have`,
						`Use some of ${Object.keys(metric.dimensions).join(', ')}.`,
					),
				),
			];
		}
		return checkOwnMetric(release, namespace, key, here);
	});
}

/** The adapter counts whole numbers and measures durations. It drops anything else, with an error for every value. */
function wrongType({ name, isDuration }: MixerMetric, path: string, type: string): ReleaseProblem {
	const measured = isDuration
		? 'a length of time, which is a DISTRIBUTION'
		: 'a whole number, which is a COUNTER or GAUGE';
	return invalid(path, `must not be ${type}: ${name} is ${measured}`, 'Correct it, or leave it out.');
}

function unknownDimensions({ dimensions }: MixerMetric, nameTemplate: string): readonly string[] {
	return [...nameTemplate.matchAll(/\{\{\.([^}]+)\}\}/g)]
		.map(([, dimension = '']) => dimension)
		.filter((dimension) => !Object.hasOwn(dimensions, dimension));
}

/** Checks a metric that is no default metric of this release: it has to be the full name of a user's own instance. */
function checkOwnMetric(
	release: ClassicRelease,
	namespace: string,
	key: string,
	path: string,
): readonly ReleaseProblem[] {
	const names = mixerMetrics(release.minor).map(({ name }) => name);
	const first = firstMinorOfMetric(key);
	if (first !== undefined) {
		return [
			{
				path,
				reason: 'FieldNotInRelease',
				message: `${path} came with Istio ${first}; ${release.version} does not measure it`,
				remedy: `Leave it out, or install Istio ${first} or newer.`,
			},
		];
	}
	const kind = release.mixer.config.instances === 'typed' ? 'metric' : 'instance';
	const [name = '', ofKind, where, ...rest] = key.split('.');
	if (ofKind !== kind || where === undefined || rest.length > 0) {
		return [
			invalid(
				path,
				`is neither a metric of Istio ${release.version} nor the full name of an instance`,
				`Use one of ${names.join(', ')}, or <name>.${kind}.<namespace> of an instance of your own.`,
			),
		];
	}
	return where === namespace && names.includes(name)
		? [invalid(path, `is the default metric ${name}`, `Write ${name}.`)]
		: [];
}
