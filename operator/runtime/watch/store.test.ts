import test from 'ava';
import type { KubeObject } from '../object.ts';
import { Store } from './store.ts';

interface Kept {
	readonly name: string;
	readonly rv: string;
	readonly tier: string | undefined;
}

function object(name: string, resourceVersion: number, options: { uid?: string; tier?: string } = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			namespace: 'a',
			name,
			uid: options.uid ?? `uid-${name}`,
			resourceVersion: String(resourceVersion),
			...(options.tier === undefined ? {} : { labels: { tier: options.tier } }),
		},
	};
}

function makeStore() {
	return new Store<Kept>({
		transform: ({ metadata }) => ({
			name: metadata.name,
			rv: metadata.resourceVersion ?? '',
			tier: metadata.labels?.tier,
		}),
		indexes: { tier: (kept) => kept.tier },
	});
}

const x = 'ConfigMap a/x';

test('events add, update and delete, and say what was there before', (t) => {
	const store = makeStore();
	const first = { name: 'x', rv: '1', tier: undefined };
	const second = { name: 'x', rv: '2', tier: undefined };
	t.deepEqual(store.put(object('x', 1)), [{ type: 'added', key: x, current: first }]);
	t.deepEqual(store.put(object('x', 2)), [{ type: 'updated', key: x, old: first, current: second }]);
	t.deepEqual(store.remove(object('x', 3)), [{ type: 'deleted', key: x, old: second }]);
	t.is(store.size, 0);
	t.is(store.position, '3');
});

test('what is known to be gone is told once, before its event; one that was made under its name since stays', (t) => {
	const store = makeStore();
	store.put(object('x', 1));
	const known = { name: 'x', rv: '1', tier: undefined };
	t.deepEqual(store.forget(x, 'another'), []);
	t.deepEqual(store.forget(x, 'uid-x'), [{ type: 'deleted', key: x, old: known }]);
	t.deepEqual(store.forget(x, 'uid-x'), []);
	store.observe(object('x', 3, { uid: 'successor' }));
	store.remove(object('x', 2));
	t.is(store.get(x)?.rv, '3');
});

test('an event that is told twice, or late, changes nothing', (t) => {
	const store = makeStore();
	store.put(object('x', 5));
	t.deepEqual(store.put(object('x', 5)), []);
	t.deepEqual(store.put(object('x', 4)), []);
	t.is(store.get(x)?.rv, '5');
});

test('a new uid under the same name is a deletion and an addition', (t) => {
	const store = makeStore();
	store.put(object('x', 1));
	t.deepEqual(
		store.put(object('x', 9, { uid: 'other' })).map(({ type }) => type),
		['deleted', 'added'],
	);
});

test('a list brings deletions of what is gone, with its last known state', (t) => {
	const store = makeStore();
	store.put(object('x', 1));
	store.put(object('y', 2));
	const changes = store.replaceAll([object('y', 2), object('z', 4)], '5');
	t.deepEqual(
		changes.map(({ type, key }) => `${type} ${key}`),
		['added ConfigMap a/z', 'deleted ConfigMap a/x'],
	);
});

test('indexes follow every change and forget what is gone', (t) => {
	const store = makeStore();
	const names = (tier: string) => store.byIndex('tier', tier).map(({ name }) => name);
	store.put(object('x', 1, { tier: 'web' }));
	store.put(object('y', 2, { tier: 'web' }));
	t.deepEqual(names('web'), ['x', 'y']);
	store.put(object('x', 3, { tier: 'db' }));
	t.deepEqual([names('web'), names('db')], [['y'], ['x']]);
	store.remove(object('y', 4));
	t.deepEqual(names('web'), []);
	store.replaceAll([], '9');
	t.deepEqual(names('db'), []);
	t.throws(() => store.byIndex('nothing', 'x'));
});

test('an own write is readable at once and its event is silent', (t) => {
	const store = makeStore();
	store.replaceAll([object('x', 1)], '1');
	t.is(store.observe(object('x', 5)).length, 1);
	t.is(store.get(x)?.rv, '5');
	t.deepEqual(store.put(object('x', 5)), []);
	t.is(store.put(object('x', 6)).length, 1);
});

test('an own write whose answer comes after its event is silent too', (t) => {
	const store = makeStore();
	store.replaceAll([], '1');
	t.is(store.put(object('x', 5)).length, 1);
	t.deepEqual(store.observe(object('x', 5)), []);
	t.deepEqual(store.observe(object('x', 4)), []);
});

test('an own write that was deleted again before its answer arrived does not come back', (t) => {
	const store = makeStore();
	store.replaceAll([], '1');
	store.put(object('x', 5));
	store.remove(object('x', 6));
	t.deepEqual(store.observe(object('x', 5)), []);
	t.false(store.has(x));
});

test('what we wrote while a list was under way survives the list', (t) => {
	const store = makeStore();
	store.replaceAll([], '1');
	store.observe(object('x', 7));
	t.deepEqual(store.replaceAll([], '6'), []);
	t.true(store.has(x));
	t.deepEqual(
		store.replaceAll([], '8').map(({ type }) => type),
		['deleted'],
	);
});

test('a foreign change that our own write overtook is told, from what was told last', (t) => {
	const store = makeStore();
	store.replaceAll([object('x', 1)], '1');
	store.observe(object('x', 5));
	// Somebody wrote 4 before our 5. The event of that arrives after our answer.
	const [change, ...more] = store.put(object('x', 4));
	t.is(more.length, 0);
	t.deepEqual([change?.type, change?.old?.rv, change?.current?.rv], ['updated', '1', '5']);
	t.deepEqual(store.put(object('x', 5)), []);
});

test('a foreign creation that our own write overtook is told', (t) => {
	const store = makeStore();
	store.replaceAll([], '1');
	store.observe(object('x', 5));
	t.deepEqual(
		store.put(object('x', 4)).map(({ type }) => type),
		['added'],
	);
	t.deepEqual(store.put(object('x', 5)), []);
});

test('the late deletion of a predecessor does not remove its successor, and is told as a change of it', (t) => {
	const store = makeStore();
	store.replaceAll([object('x', 1)], '1');
	store.observe(object('x', 5, { uid: 'second' }));
	const told = store.remove(object('x', 4));
	t.deepEqual(
		told.map(({ type, old, current }) => [type, old?.rv, current?.rv]),
		[['updated', '1', '5']],
	);
	t.is(store.get(x)?.rv, '5');
});

test('after a backup was restored the list wins although its numbers are smaller', (t) => {
	const store = makeStore();
	store.replaceAll([object('x', 90), object('y', 95)], '100');
	const changes = store.replaceAll([object('x', 50)], '60');
	t.deepEqual(
		changes.map(({ type, key }) => `${type} ${key}`),
		['updated ConfigMap a/x', 'deleted ConfigMap a/y'],
	);
	t.is(store.get(x)?.rv, '50');
});

test('where resourceVersions have no order, events are taken as they come and own writes are not', (t) => {
	const store = makeStore();
	const odd = (resourceVersion: string): KubeObject => ({
		...object('x', 0),
		metadata: { ...object('x', 0).metadata, resourceVersion },
	});
	store.replaceAll([odd('abc')], 'pos');
	t.is(store.put(odd('aba')).length, 1);
	t.deepEqual(store.observe(odd('zzz')), []);
});
