/**
 * The finalizer's patches on a real API server. Their form depends on what it answers when the list has changed meanwhile.
 */
import test, { type ExecutionContext } from 'ava';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, RequestError } from '../runtime/errors.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import { addFinalizer, removeFinalizer } from './finalizer.ts';

const ours = 'meshwright.io/finalizer';
const theirs = 'others.io/hold';
const { signal } = new AbortController();

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster();
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});

test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

let count = 0;

/** A stored object with these finalizers. */
async function objectWith(...finalizers: readonly string[]): Promise<KubeObject> {
	const metadata = {
		name: `held-${++count}`,
		namespace: 'default',
		...(finalizers.length === 0 ? {} : { finalizers }),
	};
	return (await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata })).object;
}

async function finalizersOf(object: KubeObject): Promise<readonly string[] | undefined> {
	return (await api.get(referenceOf(object))).metadata.finalizers;
}

function change(object: KubeObject, metadata: object): Promise<unknown> {
	return api.patch(referenceOf(object), { metadata }, { type: 'merge' });
}

function conflicts(t: ExecutionContext, attempt: Promise<unknown>): Promise<unknown> {
	return t.throwsAsync(attempt, { instanceOf: ConflictError, message: /changed meanwhile/ });
}

test('it is added to none and to others, and nothing is written where it is', async (t) => {
	const bare = await addFinalizer(api, await objectWith(), ours, signal);
	t.deepEqual(bare.metadata.finalizers, [ours]);
	const held = await addFinalizer(api, await objectWith(theirs), ours, signal);
	t.deepEqual(held.metadata.finalizers, [theirs, ours]);
	t.is(await addFinalizer(api, held, ours, signal), held);
	t.is((await api.get(referenceOf(held))).metadata.resourceVersion, held.metadata.resourceVersion);
});

test('it is added beside one that somebody else added meanwhile, or not at all', async (t) => {
	const held = await objectWith(theirs);
	await change(held, { finalizers: [theirs, 'third.io/hold'] });
	const { metadata } = await addFinalizer(api, held, ours, signal);
	t.deepEqual(metadata.finalizers, [theirs, 'third.io/hold', ours]);

	const bare = await objectWith();
	await change(bare, { finalizers: [theirs] });
	await conflicts(t, addFinalizer(api, bare, ours, signal));
	t.deepEqual(await finalizersOf(bare), [theirs]);

	const freed = await objectWith(theirs);
	await change(freed, { finalizers: null });
	await conflicts(t, addFinalizer(api, freed, ours, signal));
	t.is(await finalizersOf(freed), undefined);
});

test('it is not added to another object of that name, nor to one that is being deleted', async (t) => {
	const old = await objectWith();
	await api.delete(referenceOf(old));
	await api.create({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: old.metadata.name, namespace: 'default' },
	});
	await conflicts(t, addFinalizer(api, old, ours, signal));
	t.is(await finalizersOf(old), undefined);

	const going = await objectWith(theirs);
	await api.delete(referenceOf(going));
	await t.throwsAsync(addFinalizer(api, going, ours, signal), { instanceOf: RequestError });
	t.deepEqual(await finalizersOf(going), [theirs]);
});

test('it is removed and the others stay; without it nothing is written', async (t) => {
	const held = await objectWith(theirs, ours, 'third.io/hold');
	await removeFinalizer(api, held, ours, signal);
	t.deepEqual(await finalizersOf(held), [theirs, 'third.io/hold']);
	const free = await objectWith(theirs);
	await removeFinalizer(api, free, ours, signal);
	t.is((await api.get(referenceOf(free))).metadata.resourceVersion, free.metadata.resourceVersion);
});

test('the last one lets the object go; one that is gone is what was wanted', async (t) => {
	const held = await objectWith(ours);
	await api.delete(referenceOf(held));
	await removeFinalizer(api, held, ours, signal);
	await t.throwsAsync(finalizersOf(held), { instanceOf: RequestError });
	await t.notThrowsAsync(removeFinalizer(api, held, ours, signal));
});

test('where the list changed meanwhile no other finalizer is removed: a conflict, and the next pass reads again', async (t) => {
	const held = await objectWith(theirs, ours);
	await change(held, { finalizers: [ours] });
	await conflicts(t, removeFinalizer(api, held, ours, signal));
	t.deepEqual(await finalizersOf(held), [ours]);
	await removeFinalizer(api, await api.get(referenceOf(held)), ours, signal);
	t.is(await finalizersOf(held), undefined);

	const swapped = await objectWith(theirs, ours);
	await change(swapped, { finalizers: [ours, theirs] });
	await conflicts(t, removeFinalizer(api, swapped, ours, signal));
	t.deepEqual(await finalizersOf(swapped), [ours, theirs]);

	const old = await objectWith(ours);
	await change(old, { finalizers: null });
	await api.delete(referenceOf(old));
	const metadata = { name: old.metadata.name, namespace: 'default', finalizers: [ours] };
	await api.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
	await conflicts(t, removeFinalizer(api, old, ours, signal));
	t.deepEqual(await finalizersOf(old), [ours]);
});

test('a failure that is none of ours is passed on', async (t) => {
	const held = await objectWith(ours);
	const nobody = new ApiServer({ url: cluster.url, ca: cluster.ca, token: 'nobody' });
	t.teardown(() => nobody.close());
	const error = await t.throwsAsync(removeFinalizer(nobody, held, ours, signal), { instanceOf: RequestError });
	t.is(error.status, 401);
});
