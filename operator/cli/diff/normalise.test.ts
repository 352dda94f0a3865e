import test from 'ava';
import { comparable, withoutReplicas } from './normalise.ts';

test('what the server keeps for itself is no difference', (t) => {
	const object = {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'x', namespace: 'y', labels: { b: '1', a: '2' } },
		data: { b: 'x', a: 'y' },
	};
	const live = {
		...object,
		metadata: {
			...object.metadata,
			uid: 'u',
			resourceVersion: '1',
			generation: 3,
			creationTimestamp: 't',
			managedFields: [],
			ownerReferences: [],
		},
		status: { any: 'thing' },
	};
	t.deepEqual(comparable(live), comparable(object));
	t.deepEqual(Object.keys(comparable(object)), ['apiVersion', 'kind', 'metadata', 'data']);
	t.deepEqual(Object.keys(comparable(object).data as object), ['a', 'b']);
});

test('the data of a Secret is never shown', (t) => {
	const secret = {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'x' },
		data: { token: 'c2VjcmV0' },
		stringData: { password: 'secret' },
	};
	const text = JSON.stringify(comparable(secret));
	t.false(text.includes('c2VjcmV0'));
	t.false(text.includes('"secret"'));
	t.true(text.includes('(8 characters)'));
});

test('replicas are left out where an autoscaler holds them', (t) => {
	const deployment = {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'x' },
		spec: { replicas: 3, paused: false },
	};
	t.deepEqual(withoutReplicas(deployment).spec, { paused: false });
	t.is(deployment.spec.replicas, 3);
});
