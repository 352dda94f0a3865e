/**
 * The facts of upstream's charts as they are checked in. A file has only what is not as in another one: a rendering of the
 * newest line differs from that line's default, one of an older line from the same rendering of the newest.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { formattedJson } from '../../real-istio/formatted-json.ts';
import type { IstioPins } from '../../real-istio/pins.ts';
import { istioPins } from '../../real-istio/pins.ts';
import type { Facts } from '../aspects.ts';
import type { Rendering } from './renderings.ts';

/** What makes other facts of some: null for what is not there any more. */
export type Changes = Readonly<Record<string, Readonly<Record<string, string | null>> | null>>;

type Line = IstioPins['line'];

/** Those that have little in common with the default: all names differ, or most objects are missing. */
const whole: readonly Rendering[] = ['default', 'revision', 'remote'];

export async function keptFacts(line: Line, name: Rendering): Promise<Facts> {
	const changes = JSON.parse(await readFile(fileOf(line, name), 'utf8')) as Changes;
	return changed(await baseOf(line, name), changes);
}

/** Keep the newest line first: older ones refer to it, and other renderings to the default. */
export async function keepFacts(line: Line, name: Rendering, facts: Facts): Promise<void> {
	const file = fileOf(line, name);
	await mkdir(new URL('.', file), { recursive: true });
	await writeFile(file, await formattedJson(changesOf(await baseOf(line, name), facts)));
}

function fileOf(line: Line, name: Rendering): URL {
	return new URL(`facts/${line}/${name}.json`, import.meta.url);
}

async function baseOf(line: Line, name: Rendering): Promise<Facts> {
	const newest = istioPins.at(-1)?.line ?? line;
	if (line !== newest) return keptFacts(newest, name);
	return whole.includes(name) ? {} : keptFacts(line, 'default');
}

export function changesOf(base: Facts, facts: Facts): Changes {
	const changes: Record<string, Record<string, string | null> | null> = {};
	for (const object of keysOf(base, facts)) {
		const [was, is] = [base[object], facts[object]];
		if (is === undefined) {
			changes[object] = null;
			continue;
		}
		const aspects = keysOf(was ?? {}, is).filter((aspect) => was?.[aspect] !== is[aspect]);
		if (was === undefined || aspects.length > 0) {
			changes[object] = Object.fromEntries(aspects.map((aspect) => [aspect, is[aspect] ?? null]));
		}
	}
	return changes;
}

export function changed(base: Facts, changes: Changes): Facts {
	const facts: Record<string, Readonly<Record<string, string>>> = { ...base };
	for (const [object, aspects] of Object.entries(changes)) {
		if (aspects === null) {
			delete facts[object];
			continue;
		}
		const entries = Object.entries({ ...facts[object], ...aspects });
		facts[object] = Object.fromEntries(
			entries.filter((entry): entry is [string, string] => entry[1] !== null).sort(([a], [b]) => (a < b ? -1 : 1)),
		);
	}
	return Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function keysOf(a: object, b: object): readonly string[] {
	return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}
