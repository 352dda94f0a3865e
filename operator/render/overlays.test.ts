import test from 'ava';
import { reasons } from '../../api/v1/index.ts';
import { lines } from '../lines/index.ts';
import { render } from '../lines/testing.ts';
import { classicReleases } from '../releases/classic/index.ts';
import type { ResolvedOverlay } from '../releases/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { OverlayError } from './index.ts';
import { applyOverlays } from './overlays.ts';
import { at, meshOf, only } from './testing.ts';

type Patch = NonNullable<ResolvedOverlay['patch']>;

const version = '1.4.10';
const pilot = { kind: 'Deployment', name: 'istio-pilot' };
const rendered = render(meshOf({ version, pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } }));

/** The changed Deployment of Pilot. Throws when there are problems. */
function changed(overlay: Omit<ResolvedOverlay, 'target'>, target: ResolvedOverlay['target'] = pilot): KubeObject {
	const result = applyOverlays(rendered, [{ target, ...overlay }], 'unrestricted');
	if (!result.ok) {
		throw new Error(JSON.stringify(result.problems));
	}
	checkOthers(result.objects, target);
	return only(
		result.objects.filter(({ metadata }) => metadata.name === target.name),
		target.kind,
	);
}

/** Checks that nothing but the target is changed, and that everything is still in its place. */
function checkOthers(objects: readonly KubeObject[], { kind, name }: ResolvedOverlay['target']): void {
	for (const [index, object] of objects.entries()) {
		const isTarget = object.kind === kind && object.metadata.name === name;
		if (!isTarget && object !== rendered[index]) {
			throw new Error(`${objectKey(object)} is not the object that it was`);
		}
	}
}

function problems(...overlays: readonly ResolvedOverlay[]) {
	const result = applyOverlays(rendered, overlays, 'unrestricted');
	return result.ok ? [] : result.problems;
}

test('what an overlay gives is kept as it is given, also where it is empty', (t) => {
	const patch: Patch = [
		{
			op: 'add',
			path: '/spec/template/spec/dnsConfig',
			value: { nameservers: [], options: [{ name: 'ndots', value: '2' }] },
		},
		{ op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'cache', emptyDir: {} } },
		{ op: 'add', path: '/spec/template/spec/hostAliases', value: [] },
	];
	const spec = at(changed({ patch }), 'spec', 'template', 'spec');
	t.deepEqual(at(spec, 'dnsConfig'), { nameservers: [], options: [{ name: 'ndots', value: '2' }] });
	t.deepEqual(at(spec, 'volumes', 1), { emptyDir: {}, name: 'cache' });
	t.deepEqual(at(spec, 'hostAliases'), []);
	const merge = {
		spec: { template: { spec: { dnsConfig: { options: [] }, volumes: [{ name: 'x', emptyDir: {} }] } } },
	};
	const mergedSpec = at(changed({ mergePatch: merge }), 'spec', 'template', 'spec');
	t.deepEqual(at(mergedSpec, 'dnsConfig'), { options: [] });
	t.deepEqual(at(mergedSpec, 'volumes'), [{ emptyDir: {}, name: 'x' }]);
});

test('what a patch leaves empty behind it goes, as everything empty does', (t) => {
	const [key] = Object.keys(at(changed({ mergePatch: {} }), 'spec', 'template', 'metadata', 'annotations') as object);
	const pointer = `/spec/template/metadata/annotations/${String(key).replaceAll('/', '~1')}`;
	const template = at(changed({ patch: [{ op: 'remove', path: pointer }] }), 'spec', 'template', 'metadata');
	t.is(at(template, 'annotations'), undefined);
	t.truthy(at(template, 'labels'));
});

test('null takes a field away, in a merge patch and inside of any value', (t) => {
	const merge = { spec: { strategy: null, template: { spec: { hostUsers: false, dnsConfig: { searches: null } } } } };
	const object = changed({ mergePatch: merge });
	t.is(at(object, 'spec', 'strategy'), undefined);
	t.is(at(object, 'spec', 'template', 'spec', 'hostUsers'), false);
	t.is(at(object, 'spec', 'template', 'spec', 'dnsConfig'), undefined);
	const added = changed({ patch: [{ op: 'add', path: '/spec/paused', value: { a: null, b: 1 } }] });
	t.deepEqual(at(added, 'spec', 'paused'), { b: 1 });
});

test('an overlay that changes nothing gives the very same objects, in the same order', (t) => {
	for (const overlay of [
		{ mergePatch: {} },
		{ patch: [{ op: 'test' as const, path: '/kind', value: 'Deployment' }] },
	]) {
		const result = applyOverlays(rendered, [{ target: pilot, ...overlay }], 'unrestricted');
		t.deepEqual(result, { ok: true, objects: rendered });
	}
});

test('the rendered objects are not touched, and the result can not be changed', (t) => {
	const before = JSON.stringify(rendered);
	const object = changed({ patch: [{ op: 'add', path: '/spec/minReadySeconds', value: 5 }] });
	t.is(JSON.stringify(rendered), before);
	t.true(Object.isFrozen(object) && Object.isFrozen(at(object, 'spec', 'template', 'spec', 'containers', 0)));
});

test('several overlays of one object follow each other', (t) => {
	const first = { target: pilot, patch: [{ op: 'add' as const, path: '/spec/minReadySeconds', value: 5 }] };
	const second = { target: pilot, patch: [{ op: 'replace' as const, path: '/spec/minReadySeconds', value: 6 }] };
	const result = applyOverlays(rendered, [first, second], 'unrestricted');
	t.is(result.ok && at(only(result.objects, 'Deployment'), 'spec', 'minReadySeconds'), 6);
	t.like(problems(second, first)[0], { path: 'spec.overlays[0].patch[0]', reason: 'OverlayNotApplicable' });
});

test('a target that does not exist is told what exists of its kind', (t) => {
	const [problem] = problems({ target: { kind: 'Service', name: 'istio-pilto' }, mergePatch: {} });
	t.like(problem, { path: 'spec.overlays[0].target', reason: 'OverlayTargetNotFound' });
	t.regex(problem?.message ?? '', /Service istio-pilto is not part of this installation: there is istio-pilot$/);
});

test('a kind that does not exist is told which kinds there are', (t) => {
	const [problem] = problems({ target: { kind: 'DaemonSet', name: 'istio-pilot' }, mergePatch: {} });
	t.regex(
		problem?.message ?? '',
		/there is no DaemonSet at all, but ClusterRole, ClusterRoleBinding, ConfigMap, Deployment/,
	);
});

test('Secrets and definitions are no targets, whether they exist or not', (t) => {
	for (const kind of ['Secret', 'CustomResourceDefinition']) {
		t.like(problems({ target: { kind, name: 'x' }, mergePatch: {} })[0], {
			path: 'spec.overlays[0].target.kind',
			reason: 'Invalid',
		});
	}
});

test('every problem of every overlay is named by its place', (t) => {
	const found = problems(
		{ target: { kind: 'Service', name: 'no' }, mergePatch: {} },
		{ target: pilot, mergePatch: { metadata: { labels: { team: 'mesh' } } } },
		{
			target: pilot,
			patch: [
				{ op: 'test', path: '/kind', value: 'Deployment' },
				{ op: 'test', path: '/kind', value: 'StatefulSet' },
			],
		},
		{ target: pilot, mergePatch: { metadata: { name: 'other', namespace: 'other' } } },
	);
	t.deepEqual(
		found.map(({ path, reason }) => `${path} ${reason}`),
		[
			'spec.overlays[0].target OverlayTargetNotFound',
			'spec.overlays[2].patch[1] OverlayNotApplicable',
			'spec.overlays[3] Invalid',
			'spec.overlays[3] Invalid',
		],
	);
	for (const { path, message, remedy, reason } of found) {
		t.true(message.startsWith(path), message);
		t.regex(remedy, /\.$/);
		t.is(reasons[reason].condition, 'Valid');
	}
});

const applySet = 'applyset.kubernetes.io/part-of';
const forbidden: readonly (readonly [title: string, merge: Record<string, unknown>, what: RegExp])[] = [
	['the kind', { kind: 'StatefulSet' }, /change kind/],
	['the version of the API', { apiVersion: 'apps/v2' }, /change apiVersion/],
	['the name', { metadata: { name: 'pilot' } }, /change metadata\.name/],
	['the namespace', { metadata: { namespace: 'kube-system' } }, /change metadata\.namespace/],
	['owners', { metadata: { ownerReferences: [] } }, /change metadata\.ownerReferences/],
	['finalizers', { metadata: { finalizers: ['a/b'] } }, /change metadata\.finalizers/],
	['a uid', { metadata: { uid: 'x' } }, /change metadata\.uid/],
	['all metadata', { metadata: null }, /take away metadata/],
	['metadata that is a text', { metadata: 'x' }, /take away metadata/],
	['all labels', { metadata: { labels: null } }, /labels\[app.kubernetes.io\/component\]/],
	['labels that are a list', { metadata: { labels: [] } }, /map of texts/],
	['a label that is a number', { metadata: { labels: { a: 1 } } }, /map of texts/],
	['the set', { metadata: { labels: { [applySet]: 'x' } } }, /labels\[applyset/],
	['the manager', { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }, /managed-by/],
	['the instance', { metadata: { labels: { 'app.kubernetes.io/instance': 'x' } } }, /instance/],
	[
		'an annotation of the operator',
		{ metadata: { annotations: { 'meshwright.io/adopt': 'true' } } },
		/meshwright\.io\/adopt/,
	],
	['the spec', { spec: null }, /form of spec/],
	['a spec that is a list', { spec: [] }, /form of spec/],
	['the status', { status: { replicas: 1 } }, /set the status/],
	['the selector', { spec: { selector: { matchLabels: { a: 'b' } } } }, /change spec\.selector/],
	['the number of pods', { spec: { replicas: 1 } }, /change spec\.replicas/],
	[
		'a label of the selector on the pods',
		{ spec: { template: { metadata: { labels: { istio: null } } } } },
		/label istio/,
	],
	['all labels of the pods', { spec: { template: { metadata: null } } }, /label istio/],
	['the pods', { spec: { template: null } }, /containers/],
	['the containers', { spec: { template: { spec: { containers: [] } } } }, /containers/],
	['a container without image', { spec: { template: { spec: { containers: [{ name: 'x' }] } } } }, /containers/],
	['containers that are none', { spec: { template: { spec: { containers: [null] } } } }, /containers/],
];

for (const [title, mergePatch, what] of forbidden) {
	test(`an overlay can not change: ${title}`, (t) => {
		const found = problems({ target: pilot, mergePatch });
		t.true(found.length > 0);
		t.true(
			found.every(({ reason }) => reason === 'Invalid'),
			JSON.stringify(found),
		);
		t.true(
			found.some(({ message }) => what.test(message)),
			JSON.stringify(found),
		);
	});
}

test('an autoscaler keeps what it scales', (t) => {
	const target = { kind: 'HorizontalPodAutoscaler', name: 'istio-pilot' };
	t.is(problems({ target, mergePatch: { spec: { scaleTargetRef: { name: 'other' } } } }).length, 1);
	t.deepEqual(at(changed({ mergePatch: { spec: { behavior: { scaleUp: {} } } } }, target), 'spec', 'behavior'), {
		scaleUp: {},
	});
});

test('labels and annotations of the user’s own can be set', (t) => {
	const { metadata } = changed({
		mergePatch: { metadata: { labels: { team: 'mesh' }, annotations: { 'a.b/c': '' } } },
	});
	t.is(metadata.labels?.team, 'mesh');
	t.deepEqual(metadata.annotations, { 'a.b/c': '' });
});

test('an object that grows beyond what can be stored is refused', (t) => {
	const [problem] = problems({
		target: pilot,
		mergePatch: { metadata: { annotations: { a: 'x'.repeat(256 * 1024) } } },
	});
	t.regex(problem?.message ?? '', /larger than/);
});

test('overlays that are too much to look at are not looked at', (t) => {
	const overlay = { target: pilot, mergePatch: { spec: { x: 'x'.repeat(600_000) } } };
	t.deepEqual(
		problems(overlay, overlay).map(({ path, reason }) => `${path} ${reason}`),
		['spec.overlays Invalid'],
	);
});

test('hostile patches leave nothing behind', (t) => {
	const found = problems(
		{ target: pilot, mergePatch: JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown> },
		{ target: pilot, patch: [{ op: 'add', path: '/__proto__/polluted', value: 1 }] },
		{ target: pilot, patch: [{ op: 'add', path: '/constructor/prototype/polluted', value: 1 }] },
	);
	t.is(found.length, 3);
	t.is(({} as Record<string, unknown>).polluted, undefined);
});

for (const release of classicReleases) {
	test(`${release.version}: overlays are the last step of rendering, and problems show before it`, (t) => {
		const overlay = (name: string) => ({
			version: release.version,
			overlays: [{ target: { kind: 'Service', name }, mergePatch: { spec: { internalTrafficPolicy: 'Local' } } }],
		});
		const good = meshOf(overlay('istio-pilot'));
		t.deepEqual(lines.checkOverlays(good), []);
		t.is(at(only(render(good), 'Service'), 'spec', 'internalTrafficPolicy'), 'Local');
		const bad = meshOf(overlay('istio-nobody'));
		t.is(lines.checkOverlays(bad).length, 1);
		t.throws(() => render(bad), { instanceOf: OverlayError, message: /istio-nobody/ });
	});
}
