import test from 'ava';
import fc from 'fast-check';
import { kinds } from '../runtime/kinds.ts';
import { orderedKinds, waveOf, waves } from './waves.ts';

/** Kinds that are only read, or written outside of an installation's set. They need no wave. */
const neverRendered = [
	'Node',
	'Pod',
	'EndpointSlice',
	'ServiceCIDR',
	'Lease',
	'Event',
	'MeshInstallation',
	'MutatingAdmissionPolicy',
	'LimitRange',
	// Users' own, which are restarted.
	'StatefulSet',
];

test('every kind that can be rendered has its place, and nothing else', (t) => {
	const rendered = Object.entries(kinds)
		.filter(([kind, { apiVersion }]) => !neverRendered.includes(kind) && !apiVersion.includes('.istio.io/'))
		.map(([kind]) => kind);
	t.deepEqual(orderedKinds(), rendered.sort());
});

test('what others need comes first, configuration before its readers, MeshPolicy after them, webhooks last', (t) => {
	const order = [
		'CustomResourceDefinition',
		'Namespace',
		'ClusterRole',
		'ClusterRoleBinding',
		'Deployment',
		'MeshPolicy',
		'MutatingWebhookConfiguration',
	];
	t.deepEqual(
		waves(order.toReversed(), (kind) => waveOf({ kind })),
		order.map((kind) => [kind]),
	);
	t.is(waveOf({ kind: 'ServiceAccount' }), waveOf({ kind: 'ClusterRole' }));
	t.is(waveOf({ kind: 'ConfigMap' }), waveOf({ kind: 'rule' }));
	t.is(waveOf({ kind: 'ClusterRole' }), waveOf({ kind: 'ConfigMap' }));
	t.is(waveOf({ kind: 'Service' }), waveOf({ kind: 'Secret' }));
	t.is(waveOf({ kind: 'Deployment' }), waveOf({ kind: 'HorizontalPodAutoscaler' }));
	t.is(waveOf({ kind: 'ValidatingWebhookConfiguration' }), waveOf({ kind: 'MutatingWebhookConfiguration' }));
});

test('a workload that is not there yet is stored together with its bindings, after what it reads', (t) => {
	t.is(waveOf({ kind: 'Deployment' }, { isNew: true }), waveOf({ kind: 'ClusterRoleBinding' }));
	t.is(waveOf({ kind: 'HorizontalPodAutoscaler' }, { isNew: true }), waveOf({ kind: 'RoleBinding' }));
	for (const kind of ['ConfigMap', 'MeshPolicy', 'ClusterRoleBinding', 'MutatingWebhookConfiguration', 'handler'])
		t.is(waveOf({ kind }, { isNew: true }), waveOf({ kind }), kind);
});

test('no wave is empty, and nothing is lost or doubled', (t) => {
	fc.assert(
		fc.property(fc.array(fc.constantFrom(...orderedKinds(), 'rule', 'handler', 'MeshPolicy')), (items) => {
			const split = waves(items, (kind) => waveOf({ kind }));
			t.true(split.every((wave) => wave.length > 0));
			t.deepEqual(split.flat().toSorted(), items.toSorted());
			const numbers = split.map((wave) => [...new Set(wave.map((kind) => waveOf({ kind })))]);
			t.true(numbers.every(({ length }) => length === 1));
			t.deepEqual(
				numbers.flat(),
				numbers.flat().toSorted((a, b) => a - b),
			);
		}),
	);
});
