import { join } from 'node:path';
import test from 'ava';
import { locateControlPlane } from './locate.ts';

const nowhere = join(import.meta.dirname, 'no-such-folder');

test('a directory of programs that is not there is told by the name of its setting', async (t) => {
	await t.throwsAsync(
		locateControlPlane('api-server', t.fail, { KUBEBUILDER_ASSETS: nowhere, MESHWRIGHT_CACHE: nowhere }),
		{ message: /^KUBEBUILDER_ASSETS=\S+no-such-folder is not a directory .* unset it$/ },
	);
});

test('a minor that is not in the table is told by the name of its setting', async (t) => {
	await t.throwsAsync(locateControlPlane('api-server', t.fail, { MESHWRIGHT_KUBERNETES_VERSION: '1.20' }), {
		message: /^MESHWRIGHT_KUBERNETES_VERSION=1\.20: choose one of 1\.36/,
	});
});

test('KUBECONFIG, the one of the person at the keyboard, is never looked at', async (t) => {
	const located = await locateControlPlane('api-server', t.fail, {
		KUBECONFIG: nowhere,
		MESHWRIGHT_TEST_KUBECONFIG: '/tmp/throw-away.kubeconfig',
	});
	t.deepEqual(located, { kind: 'kubeconfig', file: '/tmp/throw-away.kubeconfig' });
});
