import test from 'ava';
import type { KubeObject, ManagedFieldsEntry } from '../runtime/object.ts';
import { Comparison, describePath, nearness } from './foreign-fields.ts';

const ours: ManagedFieldsEntry = {
	manager: 'meshwright',
	operation: 'Apply',
	fieldsV1: {
		'f:metadata': { 'f:labels': { 'f:app': {} } },
		'f:spec': {
			'f:selector': {},
			'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:name': {} } },
		},
	},
};
const theirs: ManagedFieldsEntry = {
	manager: 'kubectl-edit',
	operation: 'Update',
	fieldsV1: {
		'f:metadata': { 'f:annotations': { '.': {}, 'f:note': {} }, 'f:finalizers': { '.': {}, 'v:"a.example/hold"': {} } },
		'f:spec': {
			'f:externalName': {},
			'f:ports': { 'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
		},
	},
};
const service = (metadata: object, spec: object): KubeObject => ({
	apiVersion: 'v1',
	kind: 'Service',
	metadata: { name: 'a', ...metadata },
	spec,
});
const rendered = service({ labels: { app: 'a' } }, { selector: { app: 'a' }, ports: [{ port: 80, name: 'http' }] });
const live = service(
	{
		labels: { app: 'a' },
		annotations: { note: 'x' },
		finalizers: ['a.example/hold'],
		managedFields: [ours, theirs],
	},
	{
		selector: { app: 'b', more: 'c' },
		externalName: 'x',
		sessionAffinity: 'None',
		ports: [
			{ port: 81, protocol: 'TCP' },
			{ port: 80, protocol: 'TCP', name: 'old' },
		],
	},
);
const comparison = new Comparison(live, rendered, ({ manager }) => manager === 'meshwright');

test('what is not rendered is extra, each at its top, with those who own it; what is owned as a whole is not looked into', (t) => {
	const extra = comparison.extraFields().map(({ path, managers }) => [describePath(path), managers.join()]);
	t.deepEqual(extra.sort(), [
		['metadata.annotations', 'kubectl-edit'],
		['metadata.finalizers', 'kubectl-edit'],
		['spec.externalName', 'kubectl-edit'],
		['spec.ports[port=80,protocol=TCP].protocol', ''],
		['spec.ports[port=81,protocol=TCP]', 'kubectl-edit'],
		['spec.sessionAffinity', ''],
	]);
});

test('what is rendered and not so is a difference', (t) => {
	t.deepEqual(comparison.differences().map(describePath), ['spec.selector', 'spec.ports[port=80,protocol=TCP].name']);
});

test('a patch makes it as rendered, keeps what is extra, and takes away what it is told to', (t) => {
	const port = comparison.extraFields().find(({ path }) => describePath(path).includes('81'));
	t.deepEqual(comparison.patch(port === undefined ? [] : [port.path]), [
		{
			op: 'add',
			path: '/spec',
			value: {
				selector: { app: 'a' },
				externalName: 'x',
				sessionAffinity: 'None',
				ports: [{ port: 80, protocol: 'TCP', name: 'http' }],
			},
		},
	]);
	const finalizers = ['f:metadata', 'f:finalizers'];
	t.deepEqual(comparison.patch([finalizers], comparison.differences()), [
		{ op: 'remove', path: '/metadata/finalizers' },
	]);
});

const places: readonly [cause: string, path: readonly string[], expected: number][] = [
	['spec', ['f:spec', 'f:maxUnavailable'], 1],
	['spec.a[0].b[3].c', ['f:spec', 'f:a', 'k:{"name":"x"}', 'f:b', 'k:{"name":"y"}', 'f:d'], 3],
	['spec.a[0].b', ['f:spec', 'f:z'], 1],
	['', ['f:spec'], 0],
	['metadata.annotations[a.b/c]', ['f:metadata', 'f:annotations', 'f:a.b/c'], 2],
];
for (const [cause, path, expected] of places) {
	test(`${describePath(path)} shares ${expected} steps with ${cause === '' ? 'no field' : cause}`, (t) => {
		t.is(nearness(path, cause), expected);
	});
}
