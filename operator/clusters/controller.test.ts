import test from 'ava';
import type { ClusterObservation } from '../../api/v1/index.ts';
import { eventually } from '../../e2e/support/eventually.ts';
import type { Child } from '../apply/child.ts';
import { toChild } from '../apply/child.ts';
import { RepairLimit } from '../apply/repair-limit.ts';
import { LiveMap, owner } from '../apply/testing.ts';
import type { Kind } from '../runtime/kinds.ts';
import { createLogger } from '../runtime/log/logger.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ReflectorChange } from '../runtime/watch/change-handlers.ts';
import { ClusterController } from './controller.ts';
import { type ClusterRecord, recordSecret } from './secret/record.ts';
import { entryOf, recordWith, start, wantedMesh } from './testing.ts';
import { WatchedServer } from './watch-testing.ts';

class Children extends LiveMap {
	*ofKind({ kind }: Kind): Iterable<Child> {
		for (const child of this.children.values()) if (child.kind === kind) yield child;
	}
}

interface Scene {
	readonly controller: ClusterController;
	readonly server: WatchedServer;
	readonly live: Children;
	/** Keys of the passes that have ended. */
	readonly passes: string[];
	readonly woken: string[];
	/** The last observation of each cluster. Undefined when it is gone. */
	readonly observed: Map<string, ClusterObservation | undefined>;
	/** Waits until the queue is empty. */
	settled(): Promise<void>;
}

async function withController(body: (scene: Scene) => Promise<void>): Promise<void> {
	await using server = await WatchedServer.start();
	server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system', uid: 'uid-here' } });
	const live = new Children();
	const passes: string[] = [];
	const woken: string[] = [];
	const observed: Scene['observed'] = new Map();
	const { api } = server;
	const never = () => {
		throw new Error('nobody is to be connected to');
	};
	const controller = new ClusterController({
		api,
		log: createLogger({ level: 'silent' }),
		settings: { allowLoopback: false, allowProxies: false },
		applier: { api, live, repairLimit: new RepairLimit(), now: () => 0 },
		checks: () => ({ subjectOf: () => '', check: never }),
		access: undefined,
		connect: never,
		connectHere: never,
		isFollowed: () => true,
		rolledOutAt: () => undefined,
		needsPass: () => true,
		wakeMesh: (mesh) => void woken.push(mesh),
		onNotice: () => undefined,
		onApply: () => undefined,
		onObserved: (mesh, cluster, _, observation) => void observed.set(`${mesh}/${cluster}`, observation),
		onRotated: () => undefined,
		queueHooks: { onPassEnd: ({ key }) => void passes.push(key) },
		now: () => performance.now(),
		wallClock: () => start,
		random: () => 0.5,
	});
	await controller.start();
	controller.lead();
	const settled = async () => {
		await eventually('no pass is owed', () => {
			const { ready, running } = controller.queue.snapshot();
			return ready.length === 0 && running.length === 0;
		});
	};
	try {
		await body({ controller, server, live, passes, woken, observed, settled });
	} finally {
		await controller.stop(10_000);
	}
}

function secretOf(record: ClusterRecord): KubeObject {
	return recordSecret({ name: 'default', namespace: 'istio-system', owner }, record, 'x');
}

function changed(old: KubeObject | undefined, current: KubeObject | undefined): ReflectorChange<Child> {
	const of = (object: KubeObject | undefined) => (object === undefined ? undefined : toChild(object));
	return { type: 'updated', key: 'k', old: of(old), current: of(current), initial: false } as ReflectorChange<Child>;
}

const two = [entryOf('a'), entryOf('b')];

test('each cluster has its passes, and what is found is told', async (t) => {
	await withController(async ({ controller, passes, woken, observed, settled }) => {
		controller.setWanted(wantedMesh({ clusters: two }));
		await settled();
		t.deepEqual(new Set(passes), new Set(['default/a', 'default/b']));
		t.like(observed.get('default/a'), { reachable: 'no', reachProblem: { reason: 'KubeconfigNotFound' } });
		t.deepEqual(
			controller.observationsOf('default').map(({ name }) => name),
			['a', 'b'],
		);
		t.true(woken.includes('default'));
		t.deepEqual(controller.observationsOf('other'), []);
	});
});

test('the same wish again brings no pass; another one brings all clusters of that mesh, and no other', async (t) => {
	await withController(async ({ controller, passes, settled }) => {
		const basis = {};
		const other = wantedMesh({ name: 'other', namespace: 'other', clusters: [entryOf('z')] });
		controller.setWanted(wantedMesh({ clusters: two, basis }));
		controller.setWanted(other);
		await settled();
		passes.length = 0;
		// The status and functions are no part of the wish.
		controller.setWanted({
			...wantedMesh({ clusters: [...two], basis }),
			before: new Map([['a', { secret: 's' }]]),
			objects: { ...wantedMesh().objects },
		});
		await settled();
		t.deepEqual(passes, []);
		for (const differences of [
			{ basis: {} },
			{ paused: true },
			{ leftBehind: new Set(['x']) },
			{ server: 'https://x' },
		]) {
			passes.length = 0;
			controller.setWanted(wantedMesh({ clusters: two, basis, ...differences }));
			await settled();
			t.deepEqual(new Set(passes), new Set(['default/a', 'default/b']));
		}
	});
});

test('an entry that nothing was begun for goes without a trace', async (t) => {
	await withController(async ({ controller, observed, settled }) => {
		controller.setWanted(wantedMesh({ clusters: two }));
		await settled();
		controller.setWanted(wantedMesh({ clusters: [entryOf('b')] }));
		await settled();
		t.true(observed.has('default/a') && observed.get('default/a') === undefined);
		t.deepEqual(
			controller.observationsOf('default').map(({ name }) => name),
			['b'],
		);
	});
});

test('a kubeconfig that comes brings its clusters a pass, and another Secret does not', async (t) => {
	await withController(async ({ controller, server, observed, passes, settled }) => {
		controller.setWanted(wantedMesh({ clusters: two }));
		await settled();
		await eventually('a watch', () => server.watches() === 1);
		passes.length = 0;
		const secret = (name: string, data: Readonly<Record<string, string>>): KubeObject => ({
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: { namespace: 'secrets', name, labels: { 'meshwright.io/mesh-may-read': 'any' } },
			data,
		});
		server.put(secret('other', {}));
		server.put(secret('kubeconfig-b', { kubeconfig: Buffer.from('no: kubeconfig').toString('base64') }));
		await eventually('the new reason', () => observed.get('default/b')?.reachProblem?.reason === 'KubeconfigInvalid');
		// It is told before the pass has ended.
		await settled();
		t.deepEqual(new Set(passes), new Set(['default/b']));
		t.is(observed.get('default/a')?.reachProblem?.reason, 'KubeconfigNotFound');
	});
});

test('a Secret that stood, or stands, for a cluster brings it a pass', async (t) => {
	await withController(async ({ controller, passes, settled }) => {
		controller.setWanted(wantedMesh({ clusters: two }));
		await settled();
		const secret = secretOf(recordWith('a', { state: 'Published' }));
		const { labels: _, ...unlabelled } = secret.metadata;
		for (const change of [
			changed(undefined, secret),
			changed(secret, undefined),
			changed(secret, { ...secret, metadata: unlabelled }),
		]) {
			passes.length = 0;
			controller.secretChanged(change);
			await settled();
			t.deepEqual(passes, ['default/a']);
		}
		passes.length = 0;
		controller.secretChanged(changed(undefined, secretOf(recordWith('unknown'))));
		await settled();
		t.deepEqual(passes, []);
	});
});

test('a mesh that is gone is forgotten with its clusters', async (t) => {
	await withController(async ({ controller, server, observed, passes, settled }) => {
		controller.setWanted(wantedMesh({ clusters: two }));
		await settled();
		await eventually('a watch', () => server.watches() === 1);
		controller.forget('default');
		controller.forget('default');
		t.deepEqual([observed.get('default/a'), observed.get('default/b')], [undefined, undefined]);
		t.deepEqual(controller.observationsOf('default'), []);
		await eventually('no watch', () => server.watches() === 0);
		passes.length = 0;
		controller.relist(0);
		await settled();
		t.deepEqual(passes, []);
	});
});

test('a cluster with a record is looked at although it is listed no more; paused, it does not leave', async (t) => {
	await withController(async ({ controller, live, passes, settled }) => {
		const record = secretOf(recordWith('gone', { state: 'Published' }));
		live.observe(record);
		live.observe(recordSecret({ name: 'theirs', namespace: 'istio-system' }, recordWith('theirs'), 'x'));
		t.deepEqual(
			controller.recordsOf(wantedMesh()).map(({ cluster }) => cluster),
			['gone'],
		);
		controller.setWanted(wantedMesh({ paused: true }));
		await settled();
		t.deepEqual(passes, ['default/gone']);
		t.is(controller.recordsOf(wantedMesh())[0]?.state, 'Published');
	});
});

test('names by which others know this cluster are its own, also with the longest ones', async (t) => {
	await withController(async ({ controller }) => {
		t.is(controller.localId, 'uid-here');
		const { readBy, applySet } = controller.namesOf({ name: 'default' });
		t.is(readBy, 'uid-here');
		t.regex(applySet, /^applyset-[\w-]{20,50}-v1$/);
		const longest = controller.namesOf({ name: 'default', clusterName: 'x'.repeat(63) });
		t.is(longest.readBy.length, 63);
		// The set belongs to the cluster and the mesh, whatever their names are.
		t.is(longest.applySet, applySet);
		t.not(controller.namesOf({ name: 'other' }).applySet, applySet);
	});
});
