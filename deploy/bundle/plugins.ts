/**
 * What esbuild needs to be told to make one small file: which modules are replaced, which are loaded only when they are
 * used, and that files which the sources read beside themselves become part of the bundle.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '../..');

/**
 * The client library without its generated models: `KubeConfig` alone is used at run time (everything else is
 * `import type`), and the models it would drag in cost 90 MB of memory and 0.3 s at each start.
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

/** How a package is taken apart. */
interface Parts {
	/** Exports that are needed always, and the lighter file of the package that has each of them alone. */
	readonly shortcuts?: Readonly<Record<string, string>>;
	/** What becomes of all other exports: loaded with the whole package when first touched, or left out. */
	readonly rest: 'lazy' | 'left out';
}

/**
 * Packages whose code runs only when one of their exports is first touched: somebody's kubeconfig needs them (a SOCKS or
 * HTTP proxy, OpenID Connect, the old Azure and Google helpers), and few at every start.
 *
 * What nothing in the product uses is left out: a touch of it throws. Of `gaxios` and `async` that is so because
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

/** The names that a package exports, asked of the package itself, so that no name can be forgotten here. */
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

/** Of zod's translations of its messages, English: the others are half a megabyte that nobody reads. */
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
 * `node:http` by `require`, not by `import`. An import reads every export of a built-in module once, and `http.WebSocket`
 * is a getter that loads Node's own copy of undici: 14 MB of memory for a class that nobody uses (Node 24.21).
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
 * The sources read data files as `readFileSync(new URL('../x.yaml', import.meta.url), 'utf8')`. In the bundle the text itself
 * stands there. Any other use of `import.meta.url` would name a file that is not shipped: the build refuses it.
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

/** All of them; they do not depend on each other's order. */
export const plugins: readonly Plugin[] = [slimKubernetesClient, lazyModules, englishOnly, requiredHttp, embeddedFiles];
