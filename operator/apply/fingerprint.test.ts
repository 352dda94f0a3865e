import test from 'ava';
import fc from 'fast-check';
import type { ManagedFieldsEntry } from '../runtime/object.ts';
import { bodyHash, fingerprint, inventoryHash, lastForeignManager } from './fingerprint.ts';
import { configMap, ownEntry } from './testing.ts';

const own = ownEntry(configMap('istio'));
const of = (...managedFields: ManagedFieldsEntry[]) => fingerprint({ managedFields });
const plain = of(own);

const others: readonly ManagedFieldsEntry[] = [
	{ manager: 'kubectl', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:mesh': {} } } },
	{ manager: 'kubectl', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:mesh': {} } } },
	{ manager: 'meshwright', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:metadata': { 'f:finalizers': {} } } },
	{ manager: 'meshwright', operation: 'Apply', subresource: 'status', apiVersion: 'v1', fieldsV1: { 'f:status': {} } },
	{
		manager: 'meshwright-handover',
		operation: 'Apply',
		apiVersion: 'v1',
		fieldsV1: { 'f:spec': { 'f:replicas': {} } },
	},
];

test('the time of our entry is no part of the fingerprint', (t) => {
	t.is(of({ ...own, time: '2030-12-31T23:59:59Z' }), plain);
	const { time: _, ...timeless } = own;
	t.is(of(timeless), plain);
});

test('the order in which the API server writes our fields does not matter: it is another one after a scale', (t) => {
	const ports = (...keys: readonly number[]) => ({
		...own,
		fieldsV1: { 'f:ports': Object.fromEntries(keys.map((port) => [`k:{"port":${port}}`, { 'f:name': {} }])) },
	});
	t.is(of(ports(8080, 15010)), of(ports(15010, 8080)));
	t.not(of(ports(8080, 15010)), of(ports(15010)));
});

test('entries of other managers, operations and subresources do not matter, in whatever order', (t) => {
	fc.assert(
		fc.property(fc.shuffledSubarray([...others, own], { minLength: 1 }), (entries) => {
			t.is(of(...entries), entries.includes(own) ? plain : undefined);
		}),
	);
});

test('an object in which we own nothing has no fingerprint', (t) => {
	t.is(fingerprint({}), undefined);
	t.is(of(), undefined);
	t.is(of(...others), undefined);
	t.is(of({ manager: 'meshwright', operation: 'Apply' }), undefined);
});

test('a field that comes or goes, and another API version, change the fingerprint', (t) => {
	t.not(of({ ...own, fieldsV1: { ...own.fieldsV1, 'f:spec': {} } }), plain);
	t.not(of({ ...own, fieldsV1: {} }), plain);
	t.not(of({ ...own, apiVersion: 'v2' }), plain);
});

test('an empty subresource is none', (t) => {
	t.is(of({ ...own, subresource: '' }), plain);
});

/** Rebuilds a value with the keys of every object in another order. */
function reversed(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(reversed);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.toReversed()
			.map(([key, field]) => [key, reversed(field)]),
	);
}

test('the hash of a body depends on its values, not on the order of its fields nor on fields that are undefined', (t) => {
	fc.assert(
		fc.property(fc.jsonValue(), fc.jsonValue(), (spec, other) => {
			const body = { ...configMap('istio'), spec };
			const again = { spec: reversed(spec), extra: undefined, ...configMap('istio') };
			t.is(bodyHash(body), bodyHash(again));
			// Compared as JSON, where -0 is 0.
			const isSame = JSON.stringify(reversed(spec)) === JSON.stringify(reversed(other));
			if (!isSame && bodyHash(body) === bodyHash({ ...body, spec: other })) {
				t.deepEqual(JSON.parse(JSON.stringify(spec)), JSON.parse(JSON.stringify(other)));
			}
		}),
	);
});

test('the order of a list is part of the hash of a body', (t) => {
	const body = { ...configMap('istio'), args: ['a', 'b'] };
	t.not(bodyHash(body), bodyHash({ ...body, args: ['b', 'a'] }));
});

test('who wrote last, but us and but status, is who an event about drift names', (t) => {
	const at = (manager: string, time: string, subresource?: string): ManagedFieldsEntry => ({
		manager,
		time,
		operation: 'Update',
		...(subresource === undefined ? {} : { subresource }),
	});
	const managedFields = [
		at('kubectl-edit', '2026-01-02T00:00:00Z'),
		at('helm', '2026-01-01T00:00:00Z'),
		at('kubelet', '2026-01-09T00:00:00Z', 'status'),
		at('meshwright', '2026-01-08T00:00:00Z'),
		at('meshwright-handover', '2026-01-08T00:00:00Z'),
		{ time: '2026-01-09T00:00:00Z' },
	];
	t.is(lastForeignManager({ managedFields }), 'kubectl-edit');
	const scaled = at('kubectl-scale', '2026-01-03T00:00:00Z', 'scale');
	t.is(lastForeignManager({ managedFields: [...managedFields, scaled] }), 'kubectl-scale');
	t.is(lastForeignManager({ managedFields: [own] }), undefined);
	t.is(lastForeignManager({}), undefined);
});

test('an inventory hash has 22 characters that need no quoting anywhere', (t) => {
	t.regex(inventoryHash(['a b c']), /^[A-Za-z0-9_-]{22}$/);
	t.is(inventoryHash(['a', 'b']), inventoryHash(new Set(['b', 'a'])));
	t.not(inventoryHash(['a', 'b']), inventoryHash(['a b']));
});
