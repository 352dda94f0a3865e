/**
 * The packages that sources and tests import, each as one file: a thread of tests loads a third of the modules then. What
 * makes the shipped bundle of them makes these files too. `module-hooks.js` puts them in the place of the packages.
 */
import { createHash } from 'node:crypto';
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { plugins } from '../../deploy/bundle/plugins.ts';
import { buildOnce } from '../control-plane/build-once.ts';

/** Names the file that lists the libraries. Where it is not set each package is loaded from its own files. */
export const librariesVariable = 'MESHWRIGHT_TEST_LIBRARIES';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rooms = ['api', 'operator', 'deploy', 'e2e'] as const;
const list = 'libraries.json';

/** Packages that stay as they are: ava is one with what runs it, the others are tools that few tests need. */
const apart: ReadonlySet<string> = new Set(['ava', 'esbuild', 'json-schema-to-typescript']);
/** Packages in whose place the bundle has a module of this repository. */
const replaced: Readonly<Record<string, string>> = {
	'@kubernetes/client-node': path.join(root, 'deploy/bundle/kubernetes-client.js'),
};
/** What ava compares and shows values with, which it requires when it first does. */
const comparison = 'concordance';

/** The packages, and files of packages, that modules of this repository load, sorted. Of some there are types alone. */
async function importedSpecifiers(): Promise<readonly string[]> {
	// Loaded when first needed.
	const found = new Set(Object.keys(replaced));
	for await (const file of glob(
		rooms.map((room) => `${room}/**/*.ts`),
		{ cwd: root },
	)) {
		const text = await readFile(path.join(root, file), 'utf8');
		for (const [, name = ''] of text.matchAll(/^(?:import(?! type)|\}) (?:.* )??(?:from )?'([^'.][^']*)';$/gm)) {
			if (!name.startsWith('node:') && !apart.has(name)) found.add(name);
		}
	}
	return [...found].sort();
}

/** A module with all that a package exports, by name: of one that is no ES module a bundler does not know the names. */
async function entryOf(specifier: string): Promise<string> {
	const names = Object.keys(await import(replaced[specifier] ?? specifier));
	const exported = names.filter((name) => /^[A-Za-z_$][\w$]*$/.test(name)).join(', ');
	return `import '${specifier}';\nexport { ${exported} } from '${specifier}';\n`;
}

/** The bundle has of undici what the product uses; tests use more. */
const wholeUndici: Plugin = {
	name: 'whole-undici',
	setup(build) {
		const path = createRequire(import.meta.url).resolve('undici');
		build.onResolve({ filter: /^undici$/ }, () => ({ path }));
	},
};

async function bundle(specifiers: readonly string[], directory: string): Promise<void> {
	// Not before it is needed: it is a program of its own.
	const { build } = await import('esbuild');
	// Some ask for it when they are loaded.
	await import('reflect-metadata');
	const sources = path.join(directory, 'entries');
	await mkdir(sources);
	const files = new Map(specifiers.map((specifier) => [specifier, `${specifier.replaceAll('/', '+')}.mjs`]));
	const entries: string[] = [];
	// One after the other: a package that requires a module while that is being imported fails.
	for (const [specifier, file] of files) {
		const entry = path.join(sources, file);
		await writeFile(entry, await entryOf(specifier));
		entries.push(entry);
	}
	const options = {
		absWorkingDir: root,
		bundle: true,
		platform: 'node',
		target: 'node22.19',
		logLevel: 'warning',
	} as const;
	await build({
		...options,
		entryPoints: entries,
		outdir: directory,
		outExtension: { '.js': '.mjs' },
		format: 'esm',
		// What two packages have in common is there once.
		splitting: true,
		// CommonJS packages call `require` for Node's own modules.
		banner: {
			js: "import { createRequire as $createRequire } from 'node:module';const require = $createRequire(import.meta.url);",
		},
		plugins: [wholeUndici, ...plugins],
	});
	await build({
		...options,
		entryPoints: [comparison],
		outfile: path.join(directory, `${comparison}.cjs`),
		format: 'cjs',
	});
	const listed = { ...Object.fromEntries(files), [comparison]: `${comparison}.cjs` };
	await writeFile(path.join(directory, list), JSON.stringify(listed));
}

/** Path of the list of libraries, which are made once for each set of packages and of imports. */
export async function testLibraries(say: (line: string) => void): Promise<string> {
	const specifiers = await importedSpecifiers();
	const inputs = await Promise.all(
		['package-lock.json', 'deploy/bundle/plugins.ts', 'e2e/support/libraries.ts'].map((file) =>
			readFile(path.join(root, file), 'utf8'),
		),
	);
	const hash = createHash('sha256')
		.update(JSON.stringify([specifiers, inputs]))
		.digest('hex')
		.slice(0, 12);
	const directory = path.join(root, 'node_modules', '.cache', 'meshwright-libraries', hash);
	await buildOnce({
		directory,
		product: list,
		onWait: () => say('another run makes the libraries of tests: waiting for it'),
		compile: (temporary) => bundle(specifiers, temporary),
	});
	return path.join(directory, list);
}
