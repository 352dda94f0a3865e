/**
 * How the policy says what an overlay may change: allowances are about the rendered object and the one that an overlay has
 * made of it, never about the words of a patch. Whatever no allowance names has to stay.
 */
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../../api/v1/index.ts';
import type { Forbidden } from '../overlay-limits.ts';

/**
 * Every difference at one place that is not allowed. Undefined stands for absent.
 * @param path for people: `spec.template.spec`
 */
export type Allowance = (before: unknown, after: unknown, path: string) => readonly Forbidden[];

type Fields = Readonly<Record<string, unknown>>;

export const anything: Allowance = () => [];

/** Nothing may differ. Names the deepest places that do. */
export const nothing: Allowance = (before, after, path) => {
	if (isDeepStrictEqual(before, after)) return [];
	if (isObject(before) && isObject(after)) {
		return keysOf(before, after).flatMap((key) => nothing(own(before, key), own(after, key), below(path, key)));
	}
	if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
		return before.flatMap((entry, index) => nothing(entry, after[index], `${path}[${nameOf(entry, index)}]`));
	}
	return [{ what: `change ${path}`, remedy: '' }];
};

/** Allows what `holds` allows, and then no further look. */
export function when(holds: (after: unknown, before: unknown) => boolean): Allowance {
	return (before, after, path) =>
		isDeepStrictEqual(before, after) || holds(after, before) ? [] : nothing(before, after, path);
}

/** An object in which these fields may change. One that comes or goes as a whole is one whose fields all come or go. */
export function fields(allowed: Readonly<Record<string, Allowance>>): Allowance {
	return keyed((key) => (Object.hasOwn(allowed, key) ? allowed[key] : undefined) ?? nothing);
}

/** A map in which the keys may change that `isAllowed` allows. */
export function keys(isAllowed: (key: string) => boolean): Allowance {
	return keyed((key) => (isAllowed(key) ? anything : nothing));
}

function keyed(of: (key: string) => Allowance): Allowance {
	return (before = {}, after = {}, path) =>
		isObject(before) && isObject(after)
			? keysOf(before, after).flatMap((key) => of(key)(own(before, key), own(after, key), below(path, key)))
			: nothing(before, after, path);
}

/**
 * A list whose entries are known by a key. `entry` is about those that were there, which all have to stay; `added` says
 * which others may come. The order does not matter.
 */
export function entries(
	key: string,
	{ entry, added = () => false }: { readonly entry: Allowance; readonly added?: (entry: Fields) => boolean },
): Allowance {
	return (before = [], after = [], path) => {
		const [old, now] = [byKey(before, key), byKey(after, key)];
		if (old === undefined || now === undefined) return nothing(before, after, path);
		const names = [...new Set([...old.keys(), ...now.keys()])];
		return names.flatMap((name) => {
			const [was, is] = [old.get(name), now.get(name)];
			const here = `${path}[${readable(name)}]`;
			if (was !== undefined && is !== undefined) return entry(was, is, here);
			if (is !== undefined && added(is)) return [];
			return [{ what: `${is === undefined ? 'take away' : 'add'} ${here}`, remedy: '' }];
		});
	};
}

/** The entries by their keys. Undefined when one has none, or two have the same. */
function byKey(list: unknown, key: string): ReadonlyMap<string, Fields> | undefined {
	if (!Array.isArray(list)) return undefined;
	const found = new Map<string, Fields>();
	for (const entry of list as readonly unknown[]) {
		const name = isObject(entry) ? own(entry, key) : undefined;
		if (!isObject(entry) || (typeof name !== 'string' && typeof name !== 'number') || found.has(String(name))) {
			return undefined;
		}
		found.set(String(name), entry);
	}
	return found;
}

function keysOf(before: Fields, after: Fields): readonly string[] {
	return [...new Set([...Object.keys(before), ...Object.keys(after)])];
}

export function own(parent: Fields, key: string): unknown {
	return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function nameOf(entry: unknown, index: number): string {
	const name = isObject(entry) ? own(entry, 'name') : undefined;
	return typeof name === 'string' ? readable(name) : String(index);
}

function below(path: string, key: string): string {
	if (!/^[A-Za-z][A-Za-z0-9]*$/.test(key)) return `${path}[${readable(key)}]`;
	return path === '' ? key : `${path}.${key}`;
}

/** A user's text as part of a sentence: short, and without characters that a terminal obeys. */
function readable(text: string): string {
	const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
	return short.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
}
