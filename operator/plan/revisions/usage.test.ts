import test from 'ava';
import { askedByNamespace, askedByPod, usageOf } from './usage.ts';

type Labels = Readonly<Record<string, string>>;

const byNamespace: readonly (readonly [Labels, string | undefined])[] = [
	[{}, undefined],
	[{ 'istio-injection': 'enabled' }, 'default'],
	[{ 'istio.io/rev': 'x' }, 'x'],
	[{ 'istio-injection': 'enabled', 'istio.io/rev': 'x' }, 'default'],
	[{ 'istio-injection': 'disabled', 'istio.io/rev': 'x' }, undefined],
];

const byPod: readonly (readonly [Labels, string | undefined])[] = [
	[{}, undefined],
	[{ 'sidecar.istio.io/inject': 'false' }, undefined],
	[{ 'sidecar.istio.io/inject': 'false', 'istio.io/rev': 'x' }, undefined],
	[{ 'sidecar.istio.io/inject': 'true' }, 'default'],
	[{ 'istio.io/rev': 'x' }, 'x'],
	[{ 'sidecar.istio.io/inject': 'true', 'istio.io/rev': 'x' }, 'x'],
];

test('which revision a namespace asks for', (t) => {
	for (const [labels, asked] of byNamespace) t.is(askedByNamespace(labels), asked, JSON.stringify(labels));
});

test('which revision a pod asks for', (t) => {
	for (const [labels, asked] of byPod) t.is(askedByPod(labels), asked, JSON.stringify(labels));
});

test('namespaces count where their label or tag leads, proxies where they were made', (t) => {
	const usage = usageOf({
		revisions: ['default', '1-31-4'],
		tags: new Map([
			['default', '1-31-4'],
			['prod', 'default'],
		]),
		namespaces: [
			{ 'istio-injection': 'enabled' },
			{ 'istio.io/rev': 'prod' },
			{ 'istio.io/rev': '1-31-4' },
			{ 'istio.io/rev': 'of-somebody-else' },
			{},
		],
		// Made by the revision without a name, although that is no longer the default one.
		proxies: [{ revision: 'default', count: 3 }, { revision: 'prod' }, { revision: '1-31-4' }, {}],
	});
	t.deepEqual(usage.get('default'), { namespaces: 1, proxies: 5 });
	t.deepEqual(usage.get('1-31-4'), { namespaces: 2, proxies: 1 });
});
