/**
 * Loaded before each test file (`ava.require` in package.json), since each is a thread that loads hundreds of modules:
 *
 * - Tests see of `@kubernetes/client-node` what is in the bundle, and not its generated models, some 700 files that half of the
 *   test files would load for nothing.
 * - In a run of all tests each package is one file (`libraries.ts`).
 * - A source names the next one by its whole relative path, so nobody has to ask the file system where and what it is.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url).href;
const at = (file) => new URL(`deploy/bundle/${file}`, root).href;
const client = at('kubernetes-client.js');
const models = at('generated-models.js');

const list = process.env.MESHWRIGHT_TEST_LIBRARIES ?? '';
/** Addresses of the files, by what is imported. */
const libraries = new Map(
	Object.entries(list === '' ? {} : JSON.parse(readFileSync(list, 'utf8'))).map(([specifier, file]) => [
		specifier,
		new URL(file, pathToFileURL(list)).href,
	]),
);

const namesSource = /^\.\.?\/.*\.ts$/;
const isOurs = (url) => url?.startsWith(root) && !url.includes('/node_modules/');

registerHooks({
	resolve(specifier, context, next) {
		const { parentURL } = context;
		if (namesSource.test(specifier) && isOurs(parentURL)) {
			return { url: new URL(specifier, parentURL).href, format: 'module-typescript', shortCircuit: true };
		}
		const library = isOurs(parentURL) || specifier === 'concordance' ? libraries.get(specifier) : undefined;
		if (library !== undefined) {
			return { url: library, format: library.endsWith('.cjs') ? 'commonjs' : 'module', shortCircuit: true };
		}
		if (specifier === '@kubernetes/client-node') return { url: client, format: 'module', shortCircuit: true };
		if (specifier === './gen/index.js' && parentURL?.includes('/@kubernetes/client-node/')) {
			return { url: models, format: 'module', shortCircuit: true };
		}
		return next(specifier, context);
	},
});
