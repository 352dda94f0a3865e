/** What is the pod's own under a name of Istio's is neither replaced nor removed. */
import test from 'ava';
import { classicReleases } from '../releases/classic/index.ts';
import { meshOf } from '../render/testing.ts';
import { injectPod } from './inject.ts';
import type { Injection, Pod } from './pod.ts';
import { annotatedShop, shop } from './testing.ts';
import { uninjectPod } from './uninject.ts';

const own = { image: 'own' };
const taken: Readonly<Record<string, Pod['spec']>> = {
	'spec.containers[istio-proxy]': { containers: [...(shop.spec.containers ?? []), { name: 'istio-proxy', ...own }] },
	'spec.containers[istio-init]': { containers: [...(shop.spec.containers ?? []), { name: 'istio-init', ...own }] },
	'spec.initContainers[istio-init]': { ...shop.spec, initContainers: [{ name: 'istio-init', ...own }] },
	'spec.initContainers[istio-proxy]': { ...shop.spec, initContainers: [{ name: 'istio-proxy', ...own }] },
	'spec.initContainers[enable-core-dump]': { ...shop.spec, initContainers: [{ name: 'enable-core-dump', ...own }] },
	'spec.volumes[istio-envoy]': { ...shop.spec, volumes: [{ name: 'istio-envoy', hostPath: { path: '/data' } }] },
	'spec.volumes[istio-certs]': { ...shop.spec, volumes: [{ name: 'istio-certs', hostPath: { path: '/data' } }] },
};

function problemsOf(injection: Injection | ReturnType<typeof uninjectPod>): readonly string[] {
	return injection.kind === 'refused' ? injection.problems.map(({ path }) => path) : [injection.kind];
}

for (const { version } of classicReleases) {
	const mesh = meshOf({ version });

	test(`${version}: a pod's own container or volume with a name of Istio's is refused by name`, (t) => {
		for (const [path, spec] of Object.entries(taken)) {
			const injection = injectPod(mesh, { ...shop, spec });
			t.deepEqual(problemsOf(injection), [path]);
			if (injection.kind !== 'refused') continue;
			t.regex(
				injection.problems[0]?.message ?? '',
				/of the pod's own with a name that is Istio's: the pod has no annotation/,
			);
			t.regex(injection.problems[0]?.remedy ?? '', /^give the (init container|container|volume) another name/);
		}
	});

	test(`${version}: so is one that the annotation does not show to be injected, by whatever it says instead`, (t) => {
		for (const [path, spec] of Object.entries(taken)) {
			for (const text of ['', 'x', '{}', '[]', 'null', '{"containers":[]}', '{"containers":null}']) {
				const { metadata } = annotatedShop({ 'sidecar.istio.io/status': text });
				t.deepEqual(problemsOf(injectPod(mesh, { metadata, spec })), [path], text);
				t.deepEqual(problemsOf(uninjectPod(metadata, spec)), [path], text);
			}
		}
	});

	test(`${version}: one that was added beside what was injected is refused, and kept when that is removed`, (t) => {
		const injected = injectPod(mesh, shop);
		if (injected.kind !== 'injected') return t.fail();
		const { metadata, spec } = injected;
		for (const mine of [{ volumes: [{ name: 'istio-certs', emptyDir: {} }, ...(spec.volumes ?? [])] }]) {
			t.deepEqual(problemsOf(injectPod(mesh, { metadata, spec: { ...spec, ...mine } })), ['spec.volumes[istio-certs]']);
			const back = uninjectPod(metadata, { ...spec, ...mine });
			t.deepEqual(back.kind === 'uninjected' ? back.spec.volumes : back, [{ name: 'istio-certs', emptyDir: {} }]);
		}
		t.is(injectPod(mesh, { metadata, spec }).kind, 'injected', 'what the annotation names is replaced');
	});
}

test('a volume with the name of one that an annotation asks for is refused', (t) => {
	const { metadata } = annotatedShop({ 'sidecar.istio.io/userVolume': '{"data":{"emptyDir":{}}}' });
	const spec = { ...shop.spec, volumes: [{ name: 'data', hostPath: { path: '/data' } }] };
	t.deepEqual(problemsOf(injectPod(meshOf({ version: '1.4.10' }), { metadata, spec })), ['spec.volumes[data]']);
});

test('an annotation that names nothing is removed where nothing can be lost', (t) => {
	const { metadata } = annotatedShop({ 'sidecar.istio.io/status': '{}' });
	t.deepEqual(uninjectPod(metadata, shop.spec), { kind: 'uninjected', metadata: shop.metadata, spec: shop.spec });
});
