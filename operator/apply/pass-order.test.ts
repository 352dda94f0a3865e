/** The order of writes that differ in what is known of what stands. */
import test from 'ava';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { toChild } from './child.ts';
import { inOrder } from './pass-order.ts';
import type { Applied, Cause, Write } from './plan.ts';

const rbac = 'rbac.authorization.k8s.io/v1';

function write(kind: string, cause: Cause, fingerprint?: string): Write {
	const object: KubeObject = { apiVersion: kind.includes('Role') ? rbac : 'v1', kind, metadata: { name: 'a' } };
	const live = fingerprint === undefined ? undefined : { ...toChild(object), fingerprint };
	return { object, key: objectKey(object), cause, live };
}

function orderOf(writes: readonly Write[]): readonly (readonly string[])[] {
	const applied = new Map<string, Applied>(writes.map(({ key }) => [key, { bodyHash: '', fingerprint: 'ours' }]));
	return inOrder(writes, applied).map((wave) => wave.map(({ object }) => object.kind));
}

test('a binding goes together with its role when both stand as they were written, and before what runs with them', (t) => {
	const [role, binding] = [write('Role', 'outdated', 'ours'), write('RoleBinding', 'outdated', 'ours')];
	t.deepEqual(orderOf([role, binding, write('Deployment', 'outdated', 'ours')]), [
		['Role', 'RoleBinding'],
		['Deployment'],
	]);
});

test('a binding waits for its role when the role is new, gone, edited or not known', (t) => {
	const binding = write('RoleBinding', 'outdated', 'ours');
	const others = [
		write('Role', 'missing'),
		write('Role', 'deleted'),
		write('Role', 'drifted', 'theirs'),
		// Edited, and rendered otherwise as well.
		write('Role', 'outdated', 'theirs'),
	];
	for (const role of others) t.deepEqual(orderOf([role, binding]), [['Role'], ['RoleBinding']], role.cause);
	const [role, edited] = [write('Role', 'outdated', 'ours'), write('RoleBinding', 'outdated', 'theirs')];
	t.deepEqual(orderOf([role, edited]), [['Role'], ['RoleBinding']]);
	t.is(inOrder([role, binding], new Map()).length, 2);
});

test('a webhook that stands goes before all else, a new one after all else', (t) => {
	const webhook = 'MutatingWebhookConfiguration';
	const deployment = write('Deployment', 'outdated', 'ours');
	t.deepEqual(orderOf([deployment, write(webhook, 'outdated', 'ours')]), [[webhook], ['Deployment']]);
	t.deepEqual(orderOf([write(webhook, 'missing'), deployment]), [['Deployment'], [webhook]]);
});
