/** The status of an installation while real controllers, a scheduler and simulated nodes roll out its workload. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { deadlineMs, eventually, orAbsent } from '../../e2e/support/eventually.ts';
import { toChild } from '../apply/child.ts';
import { fingerprint } from '../apply/fingerprint.ts';
import { fieldManager } from '../apply/identity.ts';
import { autoscaler, deployment, namespace } from '../apply/testing.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import { computeStatus } from './compute-status.ts';
import { after, kstatus, observation, observed, verdict } from './testing.ts';

let cluster: Cluster;
let api: ApiServer;

test.before(async () => {
	cluster = await startCluster({ parts: 'all' });
	api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	await apply(namespace);
	// Without the account the API server refuses the pods, and their controller waits longer each time.
	await eventually('the account of its pods', () =>
		api.get({ ...kinds.ServiceAccount, name: 'default', namespace: 'mesh' }),
	);
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
 * Collects every status that differs from the one before, until one is as wanted. Throws after the deadline.
 * @param written the Deployment that the first status is about, however fast the controllers are
 */
async function follow(
	history: ParsedStatus[],
	rendered: string,
	isWanted: (status: ParsedStatus) => boolean,
	written?: KubeObject,
): Promise<readonly ParsedStatus[]> {
	const start = history.length;
	let first = written;
	for (const end = performance.now() + deadlineMs; ; await sleep(20)) {
		const live = toChild(first ?? (await api.get(referenceOf(body)))).workload;
		first = undefined;
		const previous = history.at(-1);
		const differences = {
			workloads: [observed(live, { image: rendered, version: rendered.split(':').at(1) ?? rendered })],
		};
		const status = computeStatus(previous === undefined ? observation(differences) : after(previous, differences));
		if (JSON.stringify(status) !== JSON.stringify(previous)) history.push(status);
		if (isWanted(status)) return history.slice(start);
		if (performance.now() > end) throw new Error(`not as wanted: ${JSON.stringify(status)}`);
	}
}

interface Pod extends KubeObject {
	readonly spec: { readonly nodeName?: string };
	readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason?: string }[] };
}

function isUnschedulable({ status }: Pod): boolean {
	return status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable') === true;
}

const isReady = (status: ParsedStatus) => verdict(status, 'Ready') === 'True/Ready';

test('through installation, update and outage Ready says what the pods are, and no tool sees a failure', async (t) => {
	const history: ParsedStatus[] = [];
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
	// Deletes the pods until the scheduler finds no node for their successors: it may learn about the nodes later than about
	// these pods.
	await eventually('no pod has a node', async () => {
		const { items } = await api.list<Pod>(kinds.Pod, { namespace: 'mesh' });
		for (const { metadata } of items.filter(({ spec }) => spec.nodeName !== undefined)) {
			const { name, namespace = '' } = metadata;
			await orAbsent(api.delete({ ...kinds.Pod, name, namespace }, { gracePeriodSeconds: 0 }));
		}
		return items.length > 0 && items.every(isUnschedulable);
	});
	const out = await follow(history, next, (status) => verdict(status, 'Ready') === 'False/ComponentNotReady');
	t.is(out.at(-1)?.phase, 'Degraded');
	t.is(out.at(-1)?.version, '1.4.11');
	// Nothing happens now, which is still no progress.
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
	const pdb = {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'other', namespace: 'mesh' },
		spec: { minAvailable: 1, selector: { matchLabels: { app: 'other' } } },
	};
	for (const object of [autoscaler('other'), pdb]) {
		const applied = await apply(object);
		const current = await eventually(`a controller writes ${object.kind}`, async () => {
			const live = await api.get(referenceOf(object));
			return live.metadata.resourceVersion === applied.metadata.resourceVersion ? undefined : live;
		});
		t.not(current.status, undefined);
		t.is(fingerprint(current.metadata), fingerprint(applied.metadata), object.kind);
	}
});
