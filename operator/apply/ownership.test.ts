import test from 'ava';
import type { ObjectMeta } from '../runtime/object.ts';
import { adoptAnnotation, ownerReference } from './identity.ts';
import { ownershipOf } from './ownership.ts';
import { configMap, labels, ownEntry, owned, owner, partOf } from './testing.ts';

const entry = ownEntry(configMap('istio'));
const reference = ownerReference(owner);
const foreignEntry = { manager: 'kubectl-client-side-apply', operation: 'Update', fieldsV1: { 'f:data': {} } } as const;

function of(metadata: Partial<ObjectMeta>) {
	return ownershipOf({ name: 'istio', ...metadata }, partOf, owner.uid);
}

test('an object of which we own fields, in this set or in none, is ours', (t) => {
	t.deepEqual(of({ managedFields: [foreignEntry, entry], labels }), { kind: 'ours' });
	t.deepEqual(of({ managedFields: [entry], labels: {} }), { kind: 'ours' });
	t.deepEqual(of({ managedFields: [entry] }), { kind: 'ours' });
});

test('an object that names this installation as its controller is ours although its managedFields are gone', (t) => {
	t.deepEqual(of({ labels, ownerReferences: [reference] }), { kind: 'ours' });
	t.deepEqual(of({ labels, ownerReferences: [{ ...reference, controller: false }] }), {
		kind: 'foreign',
		owner: 'MeshInstallation default',
	});
	t.deepEqual(ownershipOf(owned(configMap('istio')).metadata, partOf), {
		kind: 'foreign',
		owner: 'MeshInstallation default',
	});
});

test('an object in the set of another installation is foreign, by the name of its owner', (t) => {
	const others = {
		managedFields: [entry],
		labels: { ...labels, 'app.kubernetes.io/instance': 'other', 'applyset.kubernetes.io/part-of': 'applyset-x-v1' },
	};
	t.deepEqual(of(others), { kind: 'foreign', owner: 'MeshInstallation other' });
	const controlled = { ...others, ownerReferences: [{ ...reference, name: 'third', uid: 'another' }] };
	t.deepEqual(of(controlled), { kind: 'foreign', owner: 'MeshInstallation third' });
});

test('an object that carries our labels but was written by others is foreign', (t) => {
	t.deepEqual(of({ labels, managedFields: [foreignEntry] }), { kind: 'foreign', owner: 'MeshInstallation default' });
});

test('the adopt annotation, with the value true and no other, gives an object away', (t) => {
	t.deepEqual(of({ annotations: { [adoptAnnotation]: 'true' }, managedFields: [foreignEntry] }), { kind: 'adoptable' });
	for (const value of ['', 'false', 'True', 'yes']) {
		t.is(of({ annotations: { [adoptAnnotation]: value }, managedFields: [foreignEntry] }).kind, 'foreign');
	}
});

test('a foreign owner is named by its controller, else its manager label, else who wrote it', (t) => {
	const managers = [foreignEntry, foreignEntry, { manager: 'kube-controller-manager' }, {}];
	const controller = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'u', controller: true };
	const helm = { 'app.kubernetes.io/managed-by': 'Helm' };
	const nameOf = (metadata: Partial<ObjectMeta>) => {
		const ownership = of(metadata);
		return ownership.kind === 'foreign' ? ownership.owner : ownership.kind;
	};
	t.is(nameOf({ ownerReferences: [controller], labels: helm, managedFields: managers }), 'ReplicaSet web');
	t.is(nameOf({ ownerReferences: [{ ...controller, controller: false }], labels: helm }), 'Helm');
	t.is(nameOf({ managedFields: managers }), 'kubectl-client-side-apply, kube-controller-manager, unknown');
	t.is(nameOf({}), 'an unknown writer');
});

test('in a shared object only our own fields make it ours: it is in no set', (t) => {
	t.deepEqual(ownershipOf({ name: 'gateways', managedFields: [entry] }, ''), { kind: 'ours' });
	t.is(ownershipOf({ name: 'gateways', managedFields: [foreignEntry] }, '').kind, 'foreign');
});
