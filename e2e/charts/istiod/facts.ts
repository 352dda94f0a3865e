/**
 * Says what a set of objects of the istiod line is made of. Everything in an object counts, but for what only its installer
 * writes: one line for each value, with the names of what it belongs to (`containers discovery env REVISION value`). Of the
 * injector's templates only the parts that they write are told: what they make is compared by what they put into pods.
 */

import { parse } from 'yaml';
import { isObject } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../../operator/runtime/object.ts';
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
	text,
	texts,
} from '../aspects.ts';

export function istiodFactsOf(objects: readonly KubeObject[]): Facts {
	return factsBy(aspectsOf, objects);
}

function aspectsOf({ apiVersion, kind, metadata, ...content }: KubeObject): Lines {
	// Definitions are data of their own (crds/istio/istiod.json).
	if (kind === 'CustomResourceDefinition') return [];
	return [
		['version', apiVersion],
		...marks('label', metadata.labels),
		...marks('annotation', metadata.annotations).filter(([aspect]) => aspect !== `annotation ${forPeople}`),
		...Object.entries(content).flatMap(([name, value]): Lines => {
			if (kind === 'ConfigMap' && name === 'data') return configuration(fields(value));
			if (name === 'rules' && isRole(kind)) return rules(value);
			// What lies below has names of its own.
			return lines(name === 'spec' ? '' : name, value);
		}),
	];
}

/** A sentence for people. */
const forPeople = 'kubernetes.io/description';

function isRole(kind: string): boolean {
	return kind === 'Role' || kind === 'ClusterRole';
}

/** A line for each resource, however the rules are grouped. */
function rules(value: unknown): Lines {
	const granted = list(value).flatMap((rule) =>
		texts(rule.apiGroups).flatMap((group) =>
			texts(rule.resources).flatMap((resource) => {
				const names = rule.resourceNames === undefined ? [''] : texts(rule.resourceNames).map((name) => ` ${name}`);
				return names.map((name) => ({
					what: `${resource}${group === '' ? '' : `.${group}`}${name}`,
					verbs: texts(rule.verbs),
				}));
			}),
		),
	);
	return [...Map.groupBy(granted, ({ what }) => what)].map(([what, all]) => [
		`may ${what}`,
		[...new Set(all.flatMap(({ verbs }) => verbs))].sort().join(', '),
	]);
}

/** The files of a ConfigMap. Those that are YAML or JSON are told value by value. */
function configuration(data: Readonly<Record<string, unknown>>): Lines {
	return Object.entries(data).flatMap(([key, value]): Lines => {
		// What Helm was given, for people to read.
		if (key === 'original-values' || key === 'merged-values') return [[key, 'there']];
		const content: unknown = parse(text(value));
		if (key !== 'config' || !isObject(content)) return lines(key, content);
		const { templates, ...rest } = content;
		return [
			...lines(key, rest),
			...Object.entries(fields(templates)).flatMap(([name, template]) => parts(name, text(template))),
		];
	});
}

/** The fields of a pod that a template writes, whatever is in them. */
function parts(name: string, template: string): Lines {
	const found = [...template.matchAll(/^( {0,2})([A-Za-z]+):/gm)].map(
		([, indent = '', part = '']) => `${indent === '' ? '' : '.'}${part}`,
	);
	return [...new Set(found)].map((part) => [`template ${name} ${part}`, 'yes']);
}

/** Every value, with the path to it. */
function lines(path: string, value: unknown): Lines {
	if (value === null) return [];
	// Some fields say by being there that something is so.
	if (isNothing(value)) return [[path, 'empty']];
	if (Array.isArray(value)) {
		if (path.endsWith(' args')) return args(texts(value)).map(([flag, of]) => [`${path} ${flag}`, of] as const);
		if (!value.every(isObject)) return [[path, texts(value).join(', ')]];
		const name = nameIn(value);
		return value.flatMap((each, index) =>
			lines(`${path} ${name === undefined ? index : text(each[name])}`, without(each, name)),
		);
	}
	if (!isObject(value)) return [[path, value]];
	return Object.entries(value).flatMap(([key, each]) => {
		if (key === 'labels' || key === 'annotations')
			return marks(`${path} ${key === 'labels' ? 'label' : 'annotation'}`.trim(), each);
		return lines(`${path} ${key}`.trim(), each);
	});
}

/** By which field all entries of a list are told apart. Without one they are counted. */
function nameIn(entries: readonly Fields[]): string | undefined {
	return ['name', 'key', 'mountPath', 'port'].find((field) => {
		const values = entries.map((entry) => entry[field]).filter((value) => value !== undefined);
		return new Set(values).size === entries.length;
	});
}

function without(entry: Fields, name: string | undefined): unknown {
	const rest = Object.fromEntries(Object.entries(entry).filter(([key]) => key !== name));
	return Object.keys(rest).length === 0 ? 'there' : rest;
}
