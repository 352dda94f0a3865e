/**
 * The fields of Istio's mesh configuration as the data file of the istiod line has them (`crds/istio/mesh-config.json`): those
 * of each release of the line, and since which one there is each. A small Go program reads them off `istio.io/api`, at the
 * versions that `modules/mesh-config` pins.
 */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { go } from '../control-plane/go.ts';
import { pinnedGo } from '../control-plane/go-module.ts';

const directory = fileURLToPath(new URL('modules/mesh-config/', import.meta.url));

/** Oldest first. Each has a file of modules. */
const minors = ['1.30', '1.31', '1.32'] as const;

const fields = z.strictObject({
	messages: z.record(z.string(), z.record(z.string(), z.string())),
	enums: z.record(z.string(), z.array(z.string())),
});

export type MeshConfigFields = z.infer<typeof fields>;

/** Makes the data, with Go. Throws where the modules can't be fetched. */
export async function meshConfigData(env: NodeJS.ProcessEnv = process.env): Promise<MeshConfigFields> {
	const all: (readonly [string, MeshConfigFields])[] = [];
	for (const minor of minors) {
		const lines = await go(['run', `-modfile=${minor}.mod`, '.'], directory, { ...env, ...pinnedGo });
		all.push([minor, fields.parse(JSON.parse(lines.find((line) => line.startsWith('{')) ?? ''))]);
	}
	return mergedFields(all);
}

/** One table of several releases, oldest first. What a later one brings says so; what is the same is there once. */
export function mergedFields(
	releases: readonly (readonly [minor: string, fields: MeshConfigFields])[],
): MeshConfigFields {
	const messages: Record<string, Record<string, string>> = {};
	const enums: Record<string, string[]> = {};
	for (const [index, [minor, of]] of releases.entries()) {
		for (const [message, given] of Object.entries(of.messages)) {
			messages[message] ??= {};
			const known = messages[message];
			for (const [name, type] of Object.entries(given)) {
				const before = known[name]?.split(' since ')[0];
				if (before !== undefined && before !== type)
					throw new Error(`${message}.${name} is ${before}, and in ${minor} ${type}`);
				known[name] ??= index === 0 ? type : `${type} since ${minor}`;
			}
		}
		for (const [name, values] of Object.entries(of.enums)) enums[name] = values;
	}
	return { messages: sorted(mapped(messages, sorted)), enums: sorted(enums) };
}

function sorted<T>(object: Readonly<Record<string, T>>): Record<string, T> {
	return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function mapped<T>(object: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
	return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
