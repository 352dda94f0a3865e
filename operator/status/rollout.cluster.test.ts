/** The status of an installation while real controllers, a scheduler and simulated nodes roll its workload out. */
import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { toChild } from '../apply/child.ts';
import { fingerprint } from '../apply/fingerprint.ts';
import { fieldManager } from '../apply/identity.ts';
import { autoscaler, deployment, namespace } from '../apply/testing.ts';
import { ApiServer } from '../runtime/api-server.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import { computeStatus } from './compute-status.ts';
import { after, kstatus, observation, observed, verdict } from './testing.ts';

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster({ parts: 'all' });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});

test.after.always(async () => {
	await api?.close();
	await cluster?.stop();
});

const image = 'istio/pilot:1.4.10';
const body = deployment('pilot', { replicas: 2, image });

async function apply(object: KubeObject): Promise<KubeObject> {
	return (await api.apply(object, { fieldManager, force: true })).object;
}

/**
 * Every status that differs from the one before, until one is as wanted. Throws after a minute.
 * @param written what the first status is of, however fast the controllers are
 */
async function follow(
	history: ParsedStatus[],
	rendered: string,
	isWanted: (status: ParsedStatus) => boolean,
	written?: KubeObject,
): Promise<readonly ParsedStatus[]> {
	const start = history.length;
	let first = written;
	for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
		const live = toChild(first ?? (await api.get(referenceOf(body)))).workload;
		first = undefined;
		const previous = history.at(-1);
		const differences = {
			workloads: [observed(live, { image: rendered, version: rendered.split(':').at(1) ?? rendered })],
		};
		const status = computeStatus(previous === undefined ? observation(differences) : after(previous, differences));
		if (JSON.stringify(status) !== JSON.stringify(previous)) history.push(status);
		if (isWanted(status)) return history.slice(start);
		if (Date.now() > end) throw new Error(`not as wanted: ${JSON.stringify(status)}`);
	}
}

const isReady = (status: ParsedStatus) => verdict(status, 'Ready') === 'True/Ready';

test('through installation, update and outage Ready says what the pods are, and no tool sees a failure', async (t) => {
	const history: ParsedStatus[] = [];
	await apply(namespace);
	const written = await apply(body);
	const print = fingerprint(written.metadata);
	const installing = await follow(history, image, isReady, written);
	t.true(installing.length > 1);
	for (const status of installing.slice(0, -1)) {
		t.is(status.phase, 'Installing');
		t.is(verdict(status, 'Ready'), 'Unknown/Progressing');
	}
	t.like(installing.at(-1), { ready: '2/2', version: '1.4.10' });

	const rolledOut = await api.get(referenceOf(body));
	t.true(toChild(rolledOut).workload?.isRolledOut);
	t.is(fingerprint(rolledOut.metadata), print, 'what controllers wrote is none of our fields');
	const { resourceVersion } = await api.apply(body, { fieldManager, force: true });
	t.is(rolledOut.metadata.resourceVersion, resourceVersion, 'and the same again is no write');

	const next = 'istio/pilot:1.4.11';
	await apply(deployment('pilot', { replicas: 2, image: next }));
	const updating = await follow(history, next, isReady);
	for (const status of updating.slice(0, -1)) {
		t.is(status.phase, 'Updating');
		t.is(status.version, '1.4.10', 'the old version until the new one has rolled out');
		t.is(verdict(status, 'Ready'), 'Unknown/Progressing');
	}
	t.is(updating.at(-1)?.version, '1.4.11');

	const { items: nodes } = await api.list(kinds.Node);
	for (const node of nodes)
		await api.patch({ ...kinds.Node, name: node.metadata.name }, { spec: { unschedulable: true } }, { type: 'merge' });
	const { items: pods } = await api.list(kinds.Pod, { namespace: 'mesh' });
	for (const pod of pods)
		await api.delete({ ...kinds.Pod, name: pod.metadata.name, namespace: 'mesh' }, { gracePeriodSeconds: 0 });
	const out = await follow(history, next, (status) => verdict(status, 'Ready') === 'False/ComponentNotReady');
	t.is(out.at(-1)?.phase, 'Degraded');
	t.is(out.at(-1)?.version, '1.4.11');
	// Nothing happens now, and that is still no progress.
	const [pending] = (await api.list(kinds.Pod, { namespace: 'mesh' })).items;
	t.truthy(pending);
	for (const node of nodes)
		await api.patch({ ...kinds.Node, name: node.metadata.name }, { spec: { unschedulable: null } }, { type: 'merge' });
	await follow(history, next, isReady);

	t.deepEqual(
		history.filter((status) => kstatus(1, status) === 'Failed'),
		[],
	);
	t.true(history.every((status) => (kstatus(1, status) === 'Current') === isReady(status)));
});

test('the controllers of autoscalers and disruption budgets write nothing that is ours', async (t) => {
	await apply(namespace);
	const pdb = {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'other', namespace: 'mesh' },
		spec: { minAvailable: 1, selector: { matchLabels: { app: 'other' } } },
	};
	for (const object of [autoscaler('other'), pdb]) {
		const applied = await apply(object);
		let current = applied;
		for (const end = Date.now() + 60_000; current.metadata.resourceVersion === applied.metadata.resourceVersion; ) {
			if (Date.now() > end) throw new Error(`no controller wrote ${object.kind}`);
			await new Promise((resolve) => setTimeout(resolve, 100));
			current = await api.get(referenceOf(object));
		}
		t.not(current.status, undefined);
		t.is(fingerprint(current.metadata), fingerprint(applied.metadata), object.kind);
	}
});
