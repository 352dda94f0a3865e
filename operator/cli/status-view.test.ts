import test from 'ava';
import type { KubeObject } from '../runtime/object.ts';
import { age, table } from './output.ts';
import { changedConditions, installationLines, isReady, objectTree, viewOf } from './status-view.ts';

const plain = (_style: unknown, text: string): string => text;
const now = Date.parse('2026-01-01T01:00:00Z');

function condition(type: string, status: string, reason: string, message = 'because'): object {
	return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:58:00Z' };
}

function installation(generation: number, status: object, metadata: object = {}): KubeObject {
	return {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default', generation, ...metadata },
		spec: { version: '1.4.10', profile: 'minimal', namespace: 'istio-system' },
		status,
	};
}

test('an installation is ready only when Ready is True, said about the spec as it is now, and it is not being deleted', (t) => {
	const ready = { observedGeneration: 2, conditions: [condition('Ready', 'True', 'Ready')] };
	t.true(isReady(viewOf(installation(2, ready))));
	t.false(isReady(viewOf(installation(3, ready))));
	t.false(isReady(viewOf(installation(2, { ...ready, conditions: [condition('Ready', 'False', 'X')] }))));
	t.false(isReady(viewOf(installation(2, {}))));
	t.false(isReady(viewOf(installation(2, ready, { deletionTimestamp: '2026-01-01T00:00:00Z' }))));
});

test('conditions, components and objects are shown below one line that says it all', (t) => {
	const status = {
		observedGeneration: 1,
		phase: 'Installing',
		ready: '1/2',
		version: '1.3.8',
		conditions: [
			condition('Ready', 'False', 'ComponentsNotReady', 'pilot has 1 of 2'),
			condition('Reconciling', 'True', 'Progressing', 'two\nlines'),
			condition('Valid', 'True', 'Valid', 'fine'),
		],
		components: [
			{ name: 'pilot', ready: 1, desired: 2, version: '1.3.8', image: 'istio/pilot:1.3.8', reason: 'Pending' },
			{ name: 'ingressgateway', ready: 2, desired: 2, addresses: ['203.0.113.7', 'edge.example.com'] },
		],
	};
	const objects = [
		{ kind: 'Deployment', metadata: { name: 'istio-pilot', namespace: 'istio-system' } },
		{ kind: 'ConfigMap', metadata: { name: 'istio', namespace: 'istio-system' } },
		{ kind: 'ClusterRole', metadata: { name: 'istio-pilot', deletionTimestamp: 'x' } },
	];
	t.deepEqual(installationLines(installation(1, status), objects, now, plain), [
		'default: Istio 1.4.10, 1.3.8 runs, profile minimal, namespace istio-system: Installing (1/2 ready)',
		'  ✘ Ready         False   ComponentsNotReady   2m   pilot has 1 of 2',
		'  … Reconciling   True    Progressing          2m   two lines',
		'  ✔ Valid         True    Valid                2m   fine',
		'',
		'  COMPONENT        READY   VERSION   IMAGE',
		'  pilot            1/2     1.3.8     istio/pilot:1.3.8   Pending',
		'  ingressgateway   2/2                                   203.0.113.7, edge.example.com',
		'',
		'  the cluster',
		'  └─ ClusterRole/istio-pilot (going)',
		'  namespace istio-system',
		'  ├─ ConfigMap/istio',
		'  └─ Deployment/istio-pilot',
	]);
});

test('an installation that nobody has looked at asks whether the operator runs', (t) => {
	const lines = installationLines(installation(1, { observedGeneration: -1 }), [], now, plain);
	t.regex(lines.join('\n'), /is the operator running\?/);
});

test('only conditions that say something else are told again, and those that are over', (t) => {
	const before = installation(1, {
		conditions: [
			condition('Ready', 'False', 'A'),
			condition('Valid', 'True', 'Valid'),
			condition('Reconciling', 'True', 'A'),
		],
	});
	const after = installation(1, {
		conditions: [condition('Ready', 'True', 'Ready'), condition('Valid', 'True', 'Valid')],
	});
	t.deepEqual(changedConditions(before, after, plain), ['✔ Ready=True Ready: because', '✔ Reconciling is over']);
	t.deepEqual(changedConditions(after, after, plain), []);
	t.is(changedConditions(undefined, after, plain).length, 2);
});

test('a tree without objects has no lines', (t) => {
	t.deepEqual(objectTree([], plain), []);
});

test('ages are as kubectl shows them', (t) => {
	const since = (seconds: number): string => age(new Date(now - seconds * 1000).toISOString(), now);
	t.deepEqual([0, 7, 65, 600, 3600, 3900, 40_000, 90_000, 900_000].map(since), [
		'0s',
		'7s',
		'1m5s',
		'10m',
		'1h',
		'1h5m',
		'11h',
		'1d1h',
		'10d',
	]);
	t.is(age(undefined, now), '');
});

test('columns are as wide as their widest cell, without trailing blanks', (t) => {
	t.is(
		table([
			['a', 'bb', ''],
			['ccc', 'd', 'e'],
		]),
		'a     bb\nccc   d    e',
	);
});
