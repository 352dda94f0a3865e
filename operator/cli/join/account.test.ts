import test from 'ava';
import { objectKey } from '../../runtime/object.ts';
import { accountObjects, accountParts, isMadeByJoin, joinAccount, unmarked } from './account.ts';

test('in a mesh of istiod every cluster gives what that reads and serves takes', (t) => {
	t.deepEqual(accountParts('Remote', true, 'istiod'), ['base', 'istiod']);
	t.deepEqual(accountParts('Remote', false, 'istiod'), ['base', 'istiod']);
	t.deepEqual(accountParts('Primary', false, 'istiod'), ['base', 'primary', 'istiod']);
});

test('what a cluster gets follows from its role and data plane', (t) => {
	t.deepEqual(accountParts('Remote', true, 'classic'), ['base', 'data-plane']);
	t.deepEqual(accountParts('Remote', false, 'classic'), ['base']);
	t.deepEqual(accountParts('Primary', false, 'classic'), ['base', 'primary']);
});

test('for a mesh in another namespace nothing is left of the one that the manifests are written for', (t) => {
	for (const parts of [accountParts('Remote', true, 'classic'), accountParts('Primary', false, 'classic')]) {
		const objects = accountObjects(parts, 'shop');
		t.notRegex(JSON.stringify(objects), /istio-system/);
		t.true(objects.some(({ kind, metadata }) => kind === 'Namespace' && metadata.name === 'shop'));
		// Cluster-wide roles for two meshes must not collide.
		const inCluster = accountObjects(parts, 'istio-system')
			.filter(({ kind }) => kind.startsWith('Cluster'))
			.map(objectKey);
		for (const object of objects) t.false(inCluster.includes(objectKey(object)));
		const names = new Set(objects.map(objectKey));
		for (const object of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
			const { roleRef, subjects } = object as unknown as {
				readonly roleRef: { readonly kind: string; readonly name: string };
				readonly subjects: readonly object[];
			};
			const scope = roleRef.kind === 'Role' ? 'shop/' : '';
			t.true(names.has(`${roleRef.kind}.rbac.authorization.k8s.io ${scope}${roleRef.name}`));
			t.deepEqual(subjects, [{ kind: 'ServiceAccount', ...joinAccount }]);
		}
	}
});

test('everything but namespaces bears the mark by which leaving knows it, and nothing of it is left when it is taken off', (t) => {
	for (const object of accountObjects(accountParts('Remote', true, 'classic'), 'istio-system')) {
		t.is(isMadeByJoin(object), object.kind !== 'Namespace', objectKey(object));
		t.false(isMadeByJoin(unmarked(object)));
	}
});

test('namespaces come first, so that each object can be made after the other', (t) => {
	const kinds = accountObjects(accountParts('Remote', true, 'classic'), 'istio-system').map(({ kind }) => kind);
	t.is(kinds.lastIndexOf('Namespace'), kinds.filter((kind) => kind === 'Namespace').length - 1);
});
