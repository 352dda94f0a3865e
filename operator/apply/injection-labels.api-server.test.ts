/** Labels on users' namespaces, on a real API server: it keeps the record of who owns which. */
import test, { type ExecutionContext } from 'ava';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { type Child, toChild } from './child.ts';
import { injectionFieldManagerThere } from './identity.ts';
import { applyInjectionLabels, type LiveNamespaces, labelledFor, planInjectionLabels } from './injection-labels.ts';
import { RepairLimit } from './repair-limit.ts';
import { LiveMap } from './testing.ts';

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

async function namespace(labels?: Readonly<Record<string, string>>): Promise<KubeObject> {
	const { apiVersion, kind } = kinds.Namespace;
	const metadata = { name: `shop-${++count}`, ...(labels === undefined ? {} : { labels }) };
	return (await api.create({ apiVersion, kind, metadata }, { fieldManager: 'kubectl' })).object;
}

async function labels({ metadata: { name } }: KubeObject): Promise<Readonly<Record<string, string>>> {
	const live = await api.get({ ...kinds.Namespace, name });
	const { 'kubernetes.io/metadata.name': _, ...others } = live.metadata.labels ?? {};
	return others;
}

/** All namespaces, as up-to-date caches would show them. */
async function look(): Promise<LiveNamespaces> {
	const { items } = await api.list<KubeObject>(kinds.Namespace, { metadataOnly: true });
	const children = items.map((item) => toChild({ ...item, ...kinds.Namespace }));
	const byKey = new Map<string, Child>(children.map((child) => [objectKey(child), child]));
	return {
		get: (key) => byKey.get(key),
		labelledFor: (mesh) => children.filter((child) => labelledFor(child) === mesh),
	};
}

const label = { name: 'istio-injection', value: 'enabled' };

/** One pass. Returns what was refused or failed, and what is left to do. */
async function keep(mesh: string, wanted: readonly string[], manager?: string): Promise<readonly unknown[]> {
	const target = { mesh, label, ...(manager === undefined ? {} : { manager }) };
	const plan = planInjectionLabels(target, wanted, await look());
	const options = { api, live: new LiveMap(), repairLimit: new RepairLimit(), now: () => 0 };
	return [...plan.refused, ...(await applyInjectionLabels(options, target, plan, signal))];
}

async function isSettled(t: ExecutionContext, mesh: string, wanted: readonly string[]): Promise<void> {
	const plan = planInjectionLabels({ mesh, label }, wanted, await look());
	t.deepEqual([plan.label.length, plan.release.length], [0, 0], 'nothing is left to do');
}

test('a namespace that is listed gets both labels, and loses them when it is not listed any more', async (t) => {
	const shop = await namespace({ team: 'a' });
	const { name } = shop.metadata;
	t.deepEqual(await keep('one', [name]), []);
	t.deepEqual(await labels(shop), { team: 'a', 'istio-injection': 'enabled', 'meshwright.io/mesh': 'one' });
	await isSettled(t, 'one', [name]);
	t.deepEqual(await keep('one', []), []);
	t.deepEqual(await labels(shop), { team: 'a' });
	await isSettled(t, 'one', []);
});

test('a label that somebody else has put there too stays when ours goes', async (t) => {
	const shop = await namespace({ 'istio-injection': 'enabled' });
	const { name } = shop.metadata;
	t.deepEqual(await keep('two', [name]), []);
	t.deepEqual(await labels(shop), { 'istio-injection': 'enabled', 'meshwright.io/mesh': 'two' });
	t.deepEqual(await keep('two', []), []);
	t.deepEqual(await labels(shop), { 'istio-injection': 'enabled' });
});

test('a namespace whose owner says otherwise, or that is in another mesh, is left as it is and told', async (t) => {
	const closed = await namespace({ 'istio-injection': 'disabled' });
	const taken = await namespace();
	await keep('three', [taken.metadata.name]);
	const problems = await keep('four', [closed.metadata.name, taken.metadata.name]);
	t.deepEqual(
		problems.map((problem) => (problem instanceof InvalidError ? problem.reason : problem)),
		['InjectionDisabled', 'NamespaceInOtherMesh'],
	);
	t.deepEqual(await labels(closed), { 'istio-injection': 'disabled' });
	t.deepEqual(await labels(taken), { 'istio-injection': 'enabled', 'meshwright.io/mesh': 'three' });
});

test('one that says otherwise only when it is written is told by the name of who said it', async (t) => {
	const shop = await namespace();
	const plan = planInjectionLabels({ mesh: 'five', label }, [shop.metadata.name], await look());
	await api.patch(
		referenceOf(shop),
		{ metadata: { labels: { 'istio-injection': 'disabled' } } },
		{ type: 'merge', fieldManager: 'somebody' },
	);
	const options = { api, live: new LiveMap(), repairLimit: new RepairLimit(), now: () => 0 };
	const [error] = await applyInjectionLabels(options, { mesh: 'five', label }, plan, signal);
	t.true(error instanceof InvalidError && /somebody/.test(error.message), String(error));
	t.deepEqual(await labels(shop), { 'istio-injection': 'disabled' });
});

test('what somebody takes off or changes is put on again', async (t) => {
	const shop = await namespace();
	const { name } = shop.metadata;
	await keep('six', [name]);
	await api.patch(referenceOf(shop), { metadata: { labels: { 'istio-injection': null } } }, { type: 'merge' });
	t.deepEqual(await keep('six', [name]), []);
	t.deepEqual(await labels(shop), { 'istio-injection': 'enabled', 'meshwright.io/mesh': 'six' });
});

test('a namespace that is not there, or goes, is no failure and is not made', async (t) => {
	const plan = planInjectionLabels({ mesh: 'seven', label }, ['absent'], await look());
	t.deepEqual(plan, { label: [], release: [], missing: ['absent'], refused: [] });

	const shop = await namespace();
	const late = planInjectionLabels({ mesh: 'seven', label }, [shop.metadata.name], await look());
	const gone = {
		...late,
		label: late.label.map((child) => ({ ...child, metadata: { ...child.metadata, name: 'gone' } })),
	};
	const options = { api, live: new LiveMap(), repairLimit: new RepairLimit(), now: () => 0 };
	t.is(
		(await applyInjectionLabels(options, { mesh: 'seven', label }, gone, signal)).length,
		1,
		'a conflict: the next pass reads again',
	);
	await t.throwsAsync(api.get({ ...kinds.Namespace, name: 'gone' }), { message: /not found/ });
});

test('of two operators that keep meshes of the same name in one cluster none touches the labels of the other', async (t) => {
	const [own, theirs, shared] = [await namespace(), await namespace(), await namespace()];
	const names = { own: own.metadata.name, theirs: theirs.metadata.name, shared: shared.metadata.name };
	const there = injectionFieldManagerThere('applyset-of-another-v1');
	const marked = { 'istio-injection': 'enabled', 'meshwright.io/mesh': 'eight' };
	t.deepEqual(await keep('eight', [names.own, names.shared]), []);
	t.deepEqual(await keep('eight', [names.theirs, names.shared], there), []);
	const plans = [
		planInjectionLabels({ mesh: 'eight', label }, [names.own, names.shared], await look()),
		planInjectionLabels({ mesh: 'eight', label, manager: there }, [names.theirs, names.shared], await look()),
	];
	t.deepEqual(
		plans.flatMap((plan) => [...plan.label, ...plan.release]),
		[],
		'both are content, and nothing is written',
	);
	// One of the meshes leaves.
	t.deepEqual(await keep('eight', [], there), []);
	t.deepEqual([await labels(own), await labels(theirs), await labels(shared)], [marked, {}, marked]);
});

test("the label that switches injection on is the line's: one of a revision takes the place of the other", async (t) => {
	const shop = await namespace();
	const { name } = shop.metadata;
	await keep('nine', [name]);
	const target = { mesh: 'nine', label: { name: 'istio.io/rev', value: '1-30' } };
	const plan = planInjectionLabels(target, [name], await look());
	const options = { api, live: new LiveMap(), repairLimit: new RepairLimit(), now: () => 0 };
	t.deepEqual(await applyInjectionLabels(options, target, plan, signal), []);
	t.deepEqual(await labels(shop), { 'istio.io/rev': '1-30', 'meshwright.io/mesh': 'nine' });
	const { label: left, refused } = planInjectionLabels(target, [name], await look());
	t.deepEqual([left, refused], [[], []], 'nothing is left to do');
	// Nobody overrules an owner who has named another revision.
	const other = await namespace({ 'istio.io/rev': 'canary' });
	const { refused: refusals } = planInjectionLabels(target, [other.metadata.name], await look());
	t.regex(String(refusals), /istio\.io\/rev=canary/);
});
