/**
 * Says what a set of objects is made of, as lines that can be compared: labels, annotations, arguments, environment, ports,
 * resources, strategies and the mesh configuration. The charts' own facts (`facts/<version>.json`) have the same form.
 */
import { parse } from 'yaml';
import { isObject } from '../../api/v1/index.ts';
import { canonicalQuantity } from '../../api/v1/quantity.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';

/** What is said of one object: from an aspect (`label app`, `discovery argument --domain`) to its value. */
export type Aspects = Readonly<Record<string, string>>;

/** The objects of an installation by kind and name: `Deployment istio-pilot`. */
export type Facts = Readonly<Record<string, Aspects>>;

/**
 * What tells only who installed an object: Helm's labels and hooks, and ours instead of them. They differ on every object, so
 * the page has a line of its own for them.
 */
const ofTheInstaller =
	/^(chart|heritage|release|helm\.sh\/.*|app\.kubernetes\.io\/.*|applyset\.kubernetes\.io\/.*|meshwright\.io\/.*)$/;

type Fields = Readonly<Record<string, unknown>>;

export function factsOf(objects: readonly KubeObject[]): Facts {
	return Object.fromEntries(
		objects
			.map((object) => [`${object.kind} ${object.metadata.name}`, aspectsOf(object)] as const)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

function aspectsOf(object: KubeObject): Aspects {
	const { labels, annotations } = object.metadata;
	return Object.fromEntries(
		[
			...marks('label', labels),
			...marks('annotation', annotations),
			...(object.kind === 'Deployment' ? deployment(fields(object.spec)) : []),
			...(object.kind === 'Service' ? servicePorts(fields(object.spec)) : []),
			...(object.kind === 'Endpoints' ? endpointPorts(object) : []),
			...(object.kind === 'ConfigMap' && object.metadata.name === 'istio' ? meshConfig(fields(object.data)) : []),
			...(object.metadata.name === 'istio-sidecar-injector' ? templateParts(fields(object.data)) : []),
		]
			.map(([aspect, value]) => [aspect, text(value)] as const)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

type Lines = readonly (readonly [aspect: string, value: unknown])[];

function deployment(spec: Fields): Lines {
	const template = fields(spec.template);
	const metadata = fields(template.metadata);
	const pod = fields(template.spec);
	const strategy = fields(spec.strategy);
	const rolling = fields(strategy.rollingUpdate);
	return [
		[
			'strategy',
			strategy.type === 'Recreate'
				? 'Recreate'
				: `${text(rolling.maxSurge ?? 'default')} more, ${text(rolling.maxUnavailable ?? 'default')} fewer`,
		],
		...marks('pod label', metadata.labels),
		...marks('pod annotation', metadata.annotations),
		...list(pod.containers).flatMap(container),
	];
}

function container(container: Fields): Lines {
	const name = text(container.name);
	const { requests, limits } = fields(container.resources);
	return [
		...args(texts(container.args)).map(([flag, value]) => [`${name} argument ${flag}`, value] as const),
		...list(container.env).map(
			({ name: variable, value, valueFrom }) =>
				[
					`${name} environment ${text(variable)}`,
					value ?? text(fields(fields(valueFrom).fieldRef).fieldPath ?? ''),
				] as const,
		),
		...list(container.ports).map(({ containerPort }) => [`${name} port ${text(containerPort)}`, 'yes'] as const),
		...quantities(`${name} request of`, requests),
		...quantities(`${name} limit of`, limits),
	];
}

/** `--flag=value` and `--flag value` alike. */
function args(all: readonly string[]): readonly (readonly [flag: string, value: string])[] {
	return all.flatMap((arg, index) => {
		const next = all[index + 1];
		if (!arg.startsWith('-')) return index > 0 && isBareFlag(all[index - 1]) ? [] : [[arg, 'yes'] as const];
		const [flag = arg, ...value] = arg.split('=');
		if (arg.includes('=')) return [[flag, value.join('=')] as const];
		return [[flag, next === undefined || next.startsWith('-') ? 'yes' : next] as const];
	});
}

function isBareFlag(arg = ''): boolean {
	return arg.startsWith('-') && !arg.includes('=');
}

function servicePorts({ ports }: Fields): Lines {
	return list(ports).map(({ port, name }) => [`port ${text(port)}`, text(name)]);
}

function endpointPorts({ subsets }: Fields): Lines {
	return list(subsets).flatMap(({ ports }) => servicePorts({ ports }));
}

/** Nothing and an empty object mean the same: Istio's own default. */
function meshConfig({ mesh }: Fields): Lines {
	const { defaultConfig, ...config } = fields(parse(text(mesh), { version: '1.1' }));
	const lines = (prefix: string, values: Fields): Lines =>
		Object.entries(values)
			.filter(([, value]) => !isNothing(value))
			.map(([name, value]) => [`${prefix}${name}`, value]);
	return [...lines('mesh ', config), ...lines('mesh defaultConfig.', fields(defaultConfig))];
}

/** The parts of a pod that the injector's template writes, whatever is in them. */
function templateParts({ config }: Fields): Lines {
	if (config === undefined) return [];
	const template = text(fields(parse(text(config), { version: '1.1' })).template);
	return [...template.matchAll(/^([A-Za-z]+):/gm)].map(([, part = '']) => [`template part ${part}`, 'yes']);
}

function isNothing(value: unknown): boolean {
	return value === null || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}

/** Labels or annotations. */
function marks(what: string, values: unknown): Lines {
	return Object.entries(fields(values))
		.filter(([name]) => !ofTheInstaller.test(name))
		.map(([name, value]) => [`${what} ${name}`, value]);
}

function quantities(what: string, values: unknown): Lines {
	return Object.entries(fields(values)).map(([name, value]) => [`${what} ${name}`, canonicalQuantity(text(value))]);
}

function fields(value: unknown): Fields {
	return isObject(value) ? value : {};
}

function list(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.map(fields) : [];
}

function texts(value: unknown): readonly string[] {
	return Array.isArray(value) ? value.map(text) : [];
}

function text(value: unknown): string {
	return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
