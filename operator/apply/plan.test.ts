import test from 'ava';
import fc from 'fast-check';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { toChild } from './child.ts';
import { bodyHash, fingerprint } from './fingerprint.ts';
import { type Applied, type Cause, hashInventory, planChildren, recallInventory } from './plan.ts';
import { configMap, crd, LiveMap, namespace, partOf, stored } from './testing.ts';

function appliedAs(body: KubeObject, live: KubeObject): Applied {
	return { bodyHash: bodyHash(body), fingerprint: fingerprint(live.metadata) ?? '' };
}

/**
 * @param body what was applied before
 * @param live the live object, undefined when there is none
 * @param known what this process remembers of applying it
 */
function causeFor(body: KubeObject, live: KubeObject | undefined, known: Applied | undefined): Cause | undefined {
	const cache = new LiveMap();
	if (live !== undefined) cache.observe(live);
	const applied = new Map(known === undefined ? [] : [[objectKey(body), known]]);
	return planChildren([body], cache, applied, partOf).writes[0]?.cause;
}

const body = configMap('istio');
const live = stored(body);
const known = appliedAs(body, live);
const [ours] = live.metadata.managedFields ?? [];

test('what stands as it was applied is not written', (t) => {
	t.is(causeFor(body, live, known), undefined);
});

test('what is in no cache and was never applied is missing; what was applied is deleted', (t) => {
	t.is(causeFor(body, undefined, undefined), 'missing');
	t.is(causeFor(body, undefined, known), 'deleted');
});

test('another fingerprint, or none, is drift', (t) => {
	const changed = stored(body, { managedFields: [{ ...ours, fieldsV1: { 'f:data': {} } }] });
	t.is(causeFor(body, changed, known), 'drifted');
	t.is(causeFor(body, stored(body, { managedFields: [] }), known), 'drifted');
});

test('another body, or one of which this process knows nothing, is outdated', (t) => {
	t.is(causeFor(configMap('istio', { mesh: 'b' }), live, known), 'outdated');
	t.is(causeFor(body, live, undefined), 'outdated');
});

test('another body is outdated also where somebody changed our fields', (t) => {
	const changed = stored(body, { managedFields: [] });
	t.is(causeFor(configMap('istio', { mesh: 'b' }), changed, known), 'outdated');
});

test('what is being deleted is left until it is gone', (t) => {
	const going = stored(body, { deletionTimestamp: '2026-01-01T00:00:00Z', managedFields: [] });
	t.is(causeFor(body, going, known), undefined);
	const cache = new LiveMap();
	cache.observe(going);
	t.deepEqual(planChildren([], cache, new Map(), partOf).prune, []);
});

test('an object of that name that another installation made counts as missing: its owner is asked for first', (t) => {
	const others = stored(body, {
		labels: {
			...body.metadata.labels,
			'app.kubernetes.io/instance': 'other',
			'applyset.kubernetes.io/part-of': 'applyset-other-v1',
		},
	});
	t.is(causeFor(body, others, undefined), 'missing');
	t.is(causeFor(body, others, known), 'missing');
});

test('ours whose set label somebody changed is drift', (t) => {
	const relabelled = stored(body, {
		labels: { ...body.metadata.labels, 'applyset.kubernetes.io/part-of': 'applyset-other-v1' },
		managedFields: [{ ...ours, fieldsV1: { 'f:data': {} } }],
	});
	t.is(causeFor(body, relabelled, known), 'drifted');
});

test('what is no longer rendered is pruned: ours, of this set, and nothing else', (t) => {
	const gone = configMap('gone');
	const cache = new LiveMap();
	cache.observe(live);
	cache.observe(stored(gone));
	cache.observe(stored(configMap('copied-by-hand'), { managedFields: [] }));
	cache.observe(
		stored(configMap('of-another'), {
			labels: { ...body.metadata.labels, 'applyset.kubernetes.io/part-of': 'applyset-other-v1' },
		}),
	);
	cache.observe(stored(configMap('without-set'), { labels: { 'app.kubernetes.io/managed-by': 'meshwright' } }));
	const plan = planChildren([body], cache, new Map([[objectKey(body), known]]), partOf);
	t.deepEqual(plan.writes, []);
	t.deepEqual(plan.prune.map(objectKey), [objectKey(gone)]);
});

test('a namespace or CRD is never pruned, whatever labels somebody put on it', (t) => {
	const cache = new LiveMap();
	for (const shared of [namespace, crd('gateways')]) {
		cache.observe(stored(shared, { labels: { ...body.metadata.labels } }));
	}
	t.is(cache.ofApplySet(partOf).length, 2);
	t.deepEqual(planChildren([], cache, new Map(), partOf).prune, []);
});

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { maxLength: 12 });
const data = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.string({ maxLength: 4 }), { maxKeys: 4 });

/** A world: desired objects, live ones (as desired, edited, stripped, going or gone), and what is remembered. */
const world = names.chain((present) =>
	fc.tuple(
		...present.map((name) =>
			fc.record({
				name: fc.constant(name),
				isDesired: fc.boolean(),
				data,
				before: data,
				state: fc.constantFrom('as applied', 'edited', 'stripped', 'gone'),
				isKnown: fc.boolean(),
			}),
		),
	),
);

test('planning again after a plan was carried out is empty', (t) => {
	fc.assert(
		fc.property(world, (entries) => {
			const cache = new LiveMap();
			const applied = new Map<string, Applied>();
			for (const { name, before, state, isKnown } of entries) {
				const old = configMap(name, before);
				const standing = stored(old);
				if (isKnown) applied.set(objectKey(old), appliedAs(old, standing));
				if (state === 'as applied') cache.observe(standing);
				if (state === 'edited') {
					cache.observe(stored(old, { managedFields: [{ ...ours, fieldsV1: { 'f:data': { 'f:zz': {} } } }] }));
				}
				if (state === 'stripped') cache.observe(stored(old, { managedFields: [] }));
			}
			const desired = entries.filter(({ isDesired }) => isDesired).map((entry) => configMap(entry.name, entry.data));

			const plan = planChildren(desired, cache, applied, partOf);
			for (const { object, key } of plan.writes) {
				const written = stored(object);
				cache.observe(written);
				applied.set(key, appliedAs(object, written));
			}
			for (const pruned of plan.prune) cache.children.delete(objectKey(pruned));

			t.deepEqual(planChildren(desired, cache, applied, partOf), { writes: [], prune: [] });
			t.is(new Set(plan.writes.map(({ key }) => key)).size, plan.writes.length);
			// A process that starts now learns all of it from one hash.
			const own = new Map(desired.map((object) => [objectKey(object), applied.get(objectKey(object))]));
			const complete = new Map(
				[...own].flatMap(([key, entry]) => (entry === undefined ? [] : [[key, entry] as const])),
			);
			t.is(complete.size, desired.length);
			t.deepEqual(recallInventory(desired, cache, new Map(), hashInventory(complete)), complete);
		}),
	);
});

const hex = fc.stringMatching(/^[0-9a-f]{0,8}$/);
const line = fc.record({ bodyHash: hex, fingerprint: hex });
const inventory = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), line), { selector: ([key]) => key });

test('the hash of an inventory does not depend on the order', (t) => {
	fc.assert(
		fc.property(
			inventory.chain((lines) => fc.tuple(fc.constant(lines), fc.shuffledSubarray(lines, { minLength: lines.length }))),
			([lines, shuffled]) => {
				t.is(hashInventory(new Map(lines)), hashInventory(new Map(shuffled)));
			},
		),
	);
});

test('the hash of an inventory changes with every line that is added, changed or gone', (t) => {
	fc.assert(
		fc.property(inventory, line, (lines, other) => {
			const whole = new Map(lines);
			const hash = hashInventory(whole);
			t.not(hashInventory(new Map([...whole, ['A', other]])), hash);
			for (const [key, entry] of lines) {
				t.not(hashInventory(new Map([...whole].filter(([name]) => name !== key))), hash);
				t.not(hashInventory(new Map([...whole, [key, { ...entry, fingerprint: `${entry.fingerprint}x` }]])), hash);
				t.not(hashInventory(new Map([...whole, [key, { ...entry, bodyHash: `${entry.bodyHash}x` }]])), hash);
			}
		}),
	);
});

test('an inventory is recalled only where desired bodies, live fingerprints and shared objects are exactly as recorded', (t) => {
	const shared = new Map([['Crd a', { bodyHash: 'b', fingerprint: 'f' }]]);
	const bodies = [body, configMap('other')];
	const cache = new LiveMap();
	const recorded = new Map<string, Applied>();
	for (const object of bodies) {
		const standing = stored(object);
		cache.observe(standing);
		recorded.set(objectKey(object), appliedAs(object, standing));
	}
	const hash = hashInventory(new Map([...shared, ...recorded]));
	t.deepEqual(recallInventory(bodies, cache, shared, hash), recorded);

	t.is(recallInventory(bodies, cache, shared, undefined), undefined);
	t.is(recallInventory(bodies, cache, shared, 'another'), undefined);
	t.is(recallInventory(bodies, cache, new Map(), hash), undefined);
	t.is(recallInventory([body], cache, shared, hash), undefined);
	t.is(recallInventory([...bodies, configMap('third')], cache, shared, hash), undefined);
	t.is(recallInventory([body, configMap('other', { mesh: 'b' })], cache, shared, hash), undefined);
	for (const metadata of [{ managedFields: [] }, { managedFields: [{ ...ours, fieldsV1: {} }] }]) {
		const drifted = new LiveMap();
		for (const current of cache.children.values()) drifted.children.set(objectKey(current), current);
		drifted.children.set(objectKey(body), toChild(stored(body, metadata)));
		t.is(recallInventory(bodies, drifted, shared, hash), undefined);
	}
});
