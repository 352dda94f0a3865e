import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { testLibraries } from './libraries.ts';

/** Finds packages as one of them does, for which nothing stands in. */
const amongPackages = createRequire(new URL('../../node_modules/ava/package.json', import.meta.url));

/** What tells how a module is to be imported, and is no part of it. */
const isOfCommonJs: ReadonlySet<string> = new Set(['module.exports', '__esModule']);

/** Packages of either kind of module. */
const some = ['commander', 'semver', 'undici', 'yaml', 'zod'] as const;

test('a library has what its package has, by the same names', async (t) => {
	const list = await testLibraries((line) => t.log(line));
	const files: Readonly<Record<string, string>> = JSON.parse(await readFile(list, 'utf8'));
	for (const name of some) {
		const original: object = await import(pathToFileURL(amongPackages.resolve(name)).href);
		const library: object = await import(pathToFileURL(path.join(path.dirname(list), files[name] ?? '')).href);
		const names = Object.keys(original).filter((name) => !isOfCommonJs.has(name));
		t.deepEqual(Object.keys(library).sort(), names.sort(), name);
	}
});
