/** Which differences are those of another version of the operator, what is held of them, and what is recorded. Pure. */
import test from 'ava';
import type { ParsedStatus } from '../../../api/v1/index.ts';
import { readBodies, recordBodies } from '../../apply/body-record.ts';
import { toChild } from '../../apply/child.ts';
import { bodyHash } from '../../apply/fingerprint.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { MeshView } from '../view.ts';
import { findOperatorChanges, operatorUpgradeOf } from './changes.ts';
import { holdChanges, inventoryOf, isHeldBack, operatorUpgradeStatus } from './hold.ts';

function object(kind: string, name: string, data = '1'): KubeObject {
	const apiVersion = kind === 'MutatingWebhookConfiguration' ? 'admissionregistration.k8s.io/v1' : 'v1';
	return { apiVersion, kind, metadata: { name, namespace: 'mesh' }, data: { data } };
}

function inventory(objects: readonly KubeObject[]): NonNullable<ParsedStatus['inventory']> {
	const bodies = recordBodies(objects.map((one) => [objectKey(one), { bodyHash: bodyHash(one) }]));
	return { objects: objects.length, hash: 'h', settings: 's', version: '1.4.10', operator: '0.1.0', bodies };
}

const before = [object('ConfigMap', 'a'), object('ConfigMap', 'b'), object('Secret', 's'), object('Service', 'old')];
const present = {
	operator: '0.2.0',
	version: '1.4.10',
	settings: 's',
	children: [
		object('ConfigMap', 'a', '2'),
		before[1] as KubeObject,
		object('Secret', 's', '2'),
		object('Service', 'new'),
	],
	standing: before,
};

test('a record tells same, other and unknown bodies, and nothing of a text that is none', (t) => {
	const record = readBodies(inventory(before).bodies);
	const hash = (one: KubeObject) => [objectKey(one), bodyHash(one)] as const;
	t.is(record?.size, 4);
	t.is(record?.compare(...hash(object('ConfigMap', 'a'))), 'same');
	t.is(record?.compare(...hash(object('ConfigMap', 'a', '2'))), 'other');
	t.is(record?.compare(...hash(object('ConfigMap', 'c'))), 'unknown');
	t.is(recordBodies([]), '');
	t.is(readBodies('abc'), undefined);
	t.is(readBodies(undefined), undefined);
});

test('with the same settings and version another body is the operator’s own change; certificates are none', (t) => {
	const changes = findOperatorChanges(inventory(before), present);
	t.deepEqual(changes?.changed.map(objectKey), ['ConfigMap mesh/a', 'Service mesh/new']);
	t.deepEqual(changes?.gone.map(objectKey), ['Service mesh/old']);
	t.false(changes?.isMixed);
	t.true(findOperatorChanges(inventory(before), { ...present, settings: 'other' })?.isMixed);
});

test('nothing is the operator’s change that it rendered itself, that another version of Istio needs, or that nobody recorded', (t) => {
	t.is(findOperatorChanges(inventory(before), { ...present, operator: '0.1.0' }), undefined);
	t.is(findOperatorChanges(inventory(before), { ...present, version: '1.3.8' }), undefined);
	const { bodies: _, ...rest } = inventory(before);
	t.is(findOperatorChanges(rest, present), undefined);
	t.is(findOperatorChanges(undefined, present), undefined);
});

test('held is what its owner wants to approve and has not, for this version', (t) => {
	t.false(isHeldBack({}, '0.2.0'));
	t.true(isHeldBack({ upgrade: { holdOperatorChanges: true } }, '0.2.0'));
	t.true(isHeldBack({ upgrade: { holdOperatorChanges: true, approved: { operator: '0.1.9' } } }, '0.2.0'));
	t.false(isHeldBack({ upgrade: { holdOperatorChanges: true, approved: { operator: '0.2.0' } } }, '0.2.0'));
});

test('what is held is observed and not written, is not pruned, and is the same list while nothing changes; what is gone is made anew', (t) => {
	const changes = findOperatorChanges(inventory(before), present);
	if (changes === undefined) return t.fail();
	const children = new Map(before.map((one) => [objectKey(one), toChild(one)]));
	const live = { get: (key: string) => children.get(key), isBehind: () => false };
	const view = {
		objects: present.children,
		held: new Map(),
		kept: new Map(),
		delayed: new Map(),
		gates: [],
		againInMs: undefined,
	} satisfies MeshView;
	const memory = {};
	const held = holdChanges(view, changes, live, memory);
	// The new Service is not there, so there is nothing to hold.
	t.deepEqual(held.written.map(objectKey), ['ConfigMap mesh/b', 'Secret mesh/s', 'Service mesh/new']);
	t.deepEqual([...held.kept.keys()], ['ConfigMap mesh/a', 'Service mesh/old']);
	t.is(held.objects, view.objects);
	t.is(holdChanges(view, changes, live, memory).written, held.written);
	children.delete('ConfigMap mesh/a');
	t.is(holdChanges(view, changes, live, memory).written.length, 4);
});

test('while something is held the inventory goes on saying what the version before made; while nothing differs it stays as it is', (t) => {
	const previous = inventory(before);
	const applied = new Map(before.map((one) => [objectKey(one), { bodyHash: bodyHash(one) }]));
	const by = { operator: '0.2.0', version: '1.4.10', settings: 's', spec: undefined };
	t.deepEqual(inventoryOf({ objects: 3, hash: 'h2', applied }, by, previous, true), { ...previous, hash: 'h2' });
	t.deepEqual(inventoryOf({ objects: 4, hash: 'h', applied }, by, previous, false), previous);
	t.is(inventoryOf({ objects: 4, hash: 'h2', applied }, by, previous, false).operator, '0.2.0');
});

test('the status counts and names what differs, and goes on telling what was changed', (t) => {
	const changes = findOperatorChanges(inventory(before), present);
	if (changes === undefined) return t.fail();
	const held = operatorUpgradeStatus(changes, true, false, undefined);
	t.like(held, { from: '0.1.0', to: '0.2.0', objects: 3, state: 'Held' });
	const { message } = operatorUpgradeOf(changes, 'Held');
	t.regex(
		message,
		/^3 objects differ .*: ConfigMap mesh\/a, Service mesh\/new, Service mesh\/old\. They stay .* not repaired, until spec\.upgrade\.approved\.operator is "0\.2\.0"/,
	);
	t.regex(operatorUpgradeOf({ ...changes, isMixed: true }, 'Held').message, /The change of the spec waits with them/);
	const applied = operatorUpgradeStatus(changes, false, true, undefined);
	t.like(applied, { state: 'Applied' });
	t.is(operatorUpgradeStatus(undefined, false, true, applied === 'none' ? undefined : applied), applied);
	t.is(operatorUpgradeStatus(undefined, false, true, held === 'none' ? undefined : held), 'none');
});
