/** What facts are, and what they are read from objects with. Each line of releases says of its objects what matters there. */
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
	/^(chart|heritage|release|helm\.sh\/.*|(install\.)?operator\.istio\.io\/.*|app\.kubernetes\.io\/.*|applyset\.kubernetes\.io\/.*|meshwright\.io\/.*)$/;

export type Fields = Readonly<Record<string, unknown>>;

/** What is said of one object, before it is sorted. */
export type Lines = readonly (readonly [aspect: string, value: unknown])[];

export function factsBy(aspectsOf: (object: KubeObject) => Lines, objects: readonly KubeObject[]): Facts {
	return Object.fromEntries(
		objects
			.map((object) => [`${object.kind} ${object.metadata.name}`, sorted(aspectsOf(object))] as const)
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

function sorted(lines: Lines): Aspects {
	return Object.fromEntries(
		lines.map(([aspect, value]) => [aspect, text(value)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

/** `--flag=value` and `--flag value` alike. */
export function args(all: readonly string[]): readonly (readonly [flag: string, value: string])[] {
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

export function isNothing(value: unknown): boolean {
	return value === null || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}

/** Labels or annotations. */
export function marks(what: string, values: unknown): Lines {
	return Object.entries(fields(values))
		.filter(([name]) => !ofTheInstaller.test(name))
		.map(([name, value]) => [`${what} ${name}`, value]);
}

export function quantities(what: string, values: unknown): Lines {
	return Object.entries(fields(values)).map(([name, value]) => [`${what} ${name}`, canonicalQuantity(text(value))]);
}

export function fields(value: unknown): Fields {
	return isObject(value) ? value : {};
}

export function list(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.map(fields) : [];
}

export function texts(value: unknown): readonly string[] {
	return Array.isArray(value) ? value.map(text) : [];
}

export function text(value: unknown): string {
	return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
