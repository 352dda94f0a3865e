/**
 * Loaded before each test file (`ava.require` in package.json): tests see of `@kubernetes/client-node` what is in the bundle, and
 * not its generated models, some 700 files that half of the test files would load for nothing.
 */
import { registerHooks } from 'node:module';

const at = (file) => new URL(`../../deploy/bundle/${file}`, import.meta.url).href;
const client = at('kubernetes-client.js');
const models = at('generated-models.js');

registerHooks({
	resolve(specifier, context, next) {
		if (specifier === '@kubernetes/client-node') return { url: client, format: 'module', shortCircuit: true };
		if (specifier === './gen/index.js' && context.parentURL?.includes('/@kubernetes/client-node/')) {
			return { url: models, format: 'module', shortCircuit: true };
		}
		return next(specifier, context);
	},
});
