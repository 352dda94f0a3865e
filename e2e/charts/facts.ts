/**
 * Says what a set of objects of the classic line is made of, as lines that can be compared: labels, annotations, arguments,
 * environment, ports, resources, strategies and the mesh configuration. The charts' own facts (`facts/<version>.json`) have the
 * same form.
 */
import { parse } from 'yaml';
import type { KubeObject } from '../../operator/runtime/object.ts';
import {
	args,
	type Facts,
	type Fields,
	factsBy,
	fields,
	isNothing,
	type Lines,
	list,
	marks,
	quantities,
	text,
	texts,
} from './aspects.ts';

export type { Aspects, Facts } from './aspects.ts';

export function factsOf(objects: readonly KubeObject[]): Facts {
	return factsBy(aspectsOf, objects);
}

function aspectsOf(object: KubeObject): Lines {
	const { labels, annotations } = object.metadata;
	return [
		...marks('label', labels),
		...marks('annotation', annotations),
		...(object.kind === 'Deployment' ? deployment(fields(object.spec)) : []),
		...(object.kind === 'Service' ? servicePorts(fields(object.spec)) : []),
		...(object.kind === 'Endpoints' ? endpointPorts(object) : []),
		...(object.kind === 'ConfigMap' && object.metadata.name === 'istio' ? meshConfig(fields(object.data)) : []),
		...(object.metadata.name === 'istio-sidecar-injector' ? templateParts(fields(object.data)) : []),
	];
}

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
