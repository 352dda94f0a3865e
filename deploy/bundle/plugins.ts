/**
 * The plugins that make esbuild write one small file: they replace modules, load some only when they are used, and put
 * files that the sources read into the bundle.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');

/**
 * Drops the client library's generated models. At run time only `KubeConfig` is used (everything else is `import type`),
 * and the models would cost 90 MB of memory and 0.3 s at each start.
 */
const slimKubernetesClient: Plugin = {
	name: 'slim-kubernetes-client',
	setup(build) {
		build.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({
			path: join(root, 'deploy/bundle/kubernetes-client.js'),
		}));
		build.onResolve({ filter: /^\.\/gen\/index\.js$/ }, (request) =>
			request.importer.includes('/@kubernetes/client-node/')
				? { path: join(root, 'deploy/bundle/generated-models.js') }
				: undefined,
		);
	},
};

/** How a package is split. */
interface Parts {
	/** Exports that are always needed, each with a lighter file of the package that has it alone. */
	readonly shortcuts?: Readonly<Record<string, string>>;
	/** What happens to all other exports: they load the whole package when first used, or are left out. */
	readonly rest: 'lazy' | 'left out';
}

/**
 * Packages whose code runs only when one of their exports is first used. Few kubeconfigs need them (for a SOCKS or HTTP
 * proxy, OpenID Connect, or the old Azure and Google helpers).
 *
 * What nothing in the product uses is left out, and using it throws. `gaxios` and `async` are left out because
 * `OperatorContract` overrides every method of its base class that would use them, and does not run its constructor.
 */
const lazyPackages: Readonly<Record<string, Parts>> = {
	'socks-proxy-agent': { rest: 'lazy' },
	socks: { rest: 'lazy' },
	hpagent: { rest: 'lazy' },
	'openid-client': { rest: 'lazy' },
	'jsonpath-plus': { rest: 'lazy' },
	gaxios: { rest: 'left out' },
	'@opentelemetry/api': { rest: 'left out' },
	async: { rest: 'left out' },
	undici: {
		shortcuts: {
			Agent: 'undici/lib/dispatcher/agent.js',
			Client: 'undici/lib/dispatcher/client.js',
			Pool: 'undici/lib/dispatcher/pool.js',
			Dispatcher: 'undici/lib/dispatcher/dispatcher.js',
			ProxyAgent: 'undici/lib/dispatcher/proxy-agent.js',
			errors: 'undici/lib/core/errors.js',
			buildConnector: 'undici/lib/core/connect.js',
		},
		rest: 'left out',
	},
};

/** Code that undici's index runs before anybody uses a dispatcher. */
const preludes: Readonly<Record<string, string>> = {
	undici: "Object.assign(require('undici/lib/dispatcher/dispatcher.js').prototype, require('undici/lib/api'));",
};

/** The names that a package exports. The package itself is asked, so that no name can be forgotten. */
async function exportedNames(name: string, from: string): Promise<string[]> {
	const loaded: object = await import(createRequire(from).resolve(name));
	return Object.keys(loaded).filter(
		(key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default' && key !== '__esModule',
	);
}

const lazyModules: Plugin = {
	name: 'lazy-modules',
	setup(build) {
		const filter = new RegExp(`^(${Object.keys(lazyPackages).join('|')})$`);
		build.onResolve({ filter }, (request) =>
			request.namespace === 'lazy'
				? undefined
				: { path: request.path, namespace: 'lazy', pluginData: { resolveDir: request.resolveDir } },
		);
		build.onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path, pluginData }) => {
			const { resolveDir } = pluginData as { readonly resolveDir: string };
			const { shortcuts = {}, rest } = lazyPackages[path] ?? { rest: 'lazy' };
			const getters = (await exportedNames(path, join(resolveDir, 'importer.js'))).map((name) => {
				const shortcut = shortcuts[name];
				if (shortcut !== undefined) {
					return `get ${name}() { return require(${JSON.stringify(shortcut)}); },`;
				}
				return rest === 'lazy'
					? `get ${name}() { return require(${JSON.stringify(path)}).${name}; },`
					: `get ${name}() { throw new Error(${JSON.stringify(`${name} of ${path} is left out of the bundle: see deploy/bundle/plugins.ts`)}); },`;
			});
			return {
				contents: `${preludes[path] ?? ''}\nmodule.exports = { __esModule: true,\n${getters.join('\n')}\n};\n`,
				resolveDir,
				loader: 'js',
			};
		});
	},
};

/**
 * Packages that are one function, by which few commands do their work. Their code runs when the function is first called:
 * string-width has regular expressions of all emoji, for which each start would take 25 ms longer.
 */
const lazyFunctions = ['string-width'] as const;

const lazyFunctionModules: Plugin = {
	name: 'lazy-functions',
	setup(build) {
		build.onResolve({ filter: new RegExp(`^(${lazyFunctions.join('|')})$`) }, (request) =>
			request.namespace === 'lazy-function'
				? undefined
				: { path: request.path, namespace: 'lazy-function', pluginData: { resolveDir: request.resolveDir } },
		);
		build.onLoad({ filter: /.*/, namespace: 'lazy-function' }, ({ path, pluginData }) => ({
			contents: `let loaded;\nexport default (...args) => (loaded ??= require(${JSON.stringify(path)}).default)(...args);\n`,
			resolveDir: (pluginData as { readonly resolveDir: string }).resolveDir,
			loader: 'js',
		}));
	},
};

/** Keeps only English of zod's translated messages. The others are half a megabyte that nobody reads. */
const englishOnly: Plugin = {
	name: 'english-only',
	setup(build) {
		build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, ({ path }) => ({
			contents: "export { default as en } from './en.js';",
			resolveDir: dirname(path),
		}));
	},
};

/**
 * Loads `node:http` by `require` and not by `import`. An import reads every export of a built-in module once, and
 * `http.WebSocket` is a getter that loads Node's own copy of undici: 14 MB of memory for a class that nobody uses (Node
 * 24.21).
 */
const requiredHttp: Plugin = {
	name: 'required-http',
	setup(build) {
		build.onResolve({ filter: /^(node:)?http$/ }, ({ kind }) =>
			kind === 'import-statement' ? { path: 'node:http', namespace: 'required-http' } : undefined,
		);
		build.onLoad({ filter: /.*/, namespace: 'required-http' }, () => ({
			contents: "module.exports = require('node:http');",
			loader: 'js',
		}));
	},
};

const besideItself = /readFileSync\(\s*new URL\(\s*'([^']+)',\s*import\.meta\.url\s*\),\s*'utf8',?\s*\)/g;

/**
 * Replaces `readFileSync(new URL('../x.yaml', import.meta.url), 'utf8')`, by which the sources read data files, with the
 * text of the file. Any other use of `import.meta.url` would name a file that is not shipped, so the build refuses it.
 */
const embeddedFiles: Plugin = {
	name: 'embedded-files',
	setup(build) {
		build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
			if (path.includes('/node_modules/')) {
				return undefined;
			}
			const source = await readFile(path, 'utf8');
			if (!/import\.meta\.(url|dirname|filename)/.test(source)) {
				return undefined;
			}
			const watchFiles: string[] = [];
			const texts = new Map<string, string>();
			for (const [, relative] of source.matchAll(besideItself)) {
				const file = resolve(dirname(path), relative ?? '');
				watchFiles.push(file);
				texts.set(relative ?? '', await readFile(file, 'utf8'));
			}
			const contents = source.replaceAll(besideItself, (_, relative: string) => JSON.stringify(texts.get(relative)));
			const left = contents.split('\n').findIndex((line) => /import\.meta\.(url|dirname|filename)/.test(line));
			if (left !== -1) {
				return {
					errors: [
						{
							text: "read data files as readFileSync(new URL('…', import.meta.url), 'utf8'), so that they can be embedded",
							location: { file: path, line: left + 1 },
						},
					],
				};
			}
			return { contents, loader: 'ts', watchFiles };
		});
	},
};

/** All plugins. Their order does not matter. */
export const plugins: readonly Plugin[] = [
	slimKubernetesClient,
	lazyModules,
	lazyFunctionModules,
	englishOnly,
	requiredHttp,
	embeddedFiles,
];
