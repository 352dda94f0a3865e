import test from 'ava';
import { ProxyTally, tallyOf } from './tally.ts';

const mesh = { namespace: 'istio-system', version: '1.3.8', pilot: '1.3.8', images: ['own'], isAlone: true };
const proxy = (image: string, more = {}) => ({
	namespace: 'shop',
	image,
	controlPlane: undefined,
	owner: undefined,
	...more,
});

test('proxies of a mesh are summed up by version, with an example of each; those of other meshes are not', (t) => {
	const owner = { kind: 'Deployment', name: 'web' };
	const seen = tallyOf(
		[
			proxy('own', { owner }),
			proxy('istio/proxyv2:1.3.8', { count: 4 }),
			proxy('istio/proxyv2:1.1.17', { count: 2 }),
			proxy('istio/proxyv2:1.0.9', { controlPlane: 'another' }),
			proxy('mine:latest'),
			proxy('istio/proxyv2:1.2.10', { namespace: '' }),
		],
		mesh,
		' in cluster west',
	);
	t.deepEqual(seen, [
		{ version: '1.3.8', count: 5, example: 'those of Deployment shop/web in cluster west' },
		{ version: '1.1.17', count: 2, example: 'those of namespace shop in cluster west' },
		{ version: undefined, count: 1, example: 'those of namespace shop in cluster west' },
		{ version: '1.2.10', count: 1, example: 'those in cluster west' },
	]);
});

test('whoever makes pods can not fill the memory with versions', (t) => {
	const tally = new ProxyTally(mesh);
	for (let patch = 0; patch < 1_000; patch++) tally.add(proxy(`istio/proxyv2:1.2.${patch}`), 'shop/web');
	t.true(tally.seen.length <= 65);
	t.is(
		tally.seen.reduce((sum, { count }) => sum + count, 0),
		1_000,
	);
});
