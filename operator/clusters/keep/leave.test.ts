import test from 'ava';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import type { ChildCaches } from '../../apply/child-caches.ts';
import { emptyMemory } from '../../apply/installation-memory.ts';
import { owner, stored } from '../../apply/testing.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { type ClusterRecord, recordOf, recordReference, recordSecret } from '../secret/record.ts';
import { FakeStore, leavingMesh, minute, recordWith, start, wantedMesh } from '../testing.ts';
import type { ClusterNotice } from '../told.ts';
import type { WantedMesh } from '../wanted-mesh.ts';
import { type ClusterCell, newCell } from './cell.ts';
import type { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { leave } from './leave.ts';
import type { ClusterLink } from './link.ts';

const namespace = 'istio-system';
const applySet = 'set-there';
const reference = recordReference(namespace, 'a');

/** A cluster that leaves, pass by pass. */
class Scene {
	readonly here = new FakeStore();
	readonly there = new FakeStore();
	cell: ClusterCell = newCell('default', 'a');
	mesh: WantedMesh = wantedMesh();
	now = start;
	isFollowed = true;
	rolledOutAt: number | undefined;
	/** Whether its API server answers. */
	isReached = true;
	id = 'uid-a';
	readonly notices: ClusterNotice[] = [];
	readonly told: (ClusterObservation | undefined)[] = [];
	readonly woken: string[] = [];

	constructor(record: Partial<ClusterRecord> = {}) {
		const all = recordWith('a', { state: 'Published', id: 'uid-a', ...record });
		const { name } = this.mesh;
		this.here.put(recordSecret({ name, namespace, owner }, all, 'x'));
		for (const [apiVersion, kind] of [
			['v1', 'ServiceAccount'],
			['apps/v1', 'Deployment'],
		] as const) {
			const labels = { 'applyset.kubernetes.io/part-of': applySet };
			this.there.put(stored({ apiVersion, kind, metadata: { name: 'x', namespace, labels } }));
		}
	}

	get record(): ClusterRecord | undefined {
		const child = this.here.live.get(objectKey(reference));
		return child === undefined ? undefined : recordOf(child);
	}

	get left(): readonly string[] {
		return [...this.there.objects.values()].map(({ kind }) => kind);
	}

	pass() {
		const { here, cell, mesh, record } = this;
		if (record === undefined) throw new Error('the record is gone');
		const context = {
			api: here.api,
			live: here.live,
			wallClock: () => this.now,
			now: () => 0,
			writerHere: () => here.writer(),
			cellsOf: () => [cell],
			isFollowed: () => this.isFollowed,
			rolledOutAt: () => this.rolledOutAt,
			onNotice: (_: string, notice: ClusterNotice) => void this.notices.push(notice),
			onApply: () => undefined,
			wakeMesh: (name: string) => void this.woken.push(name),
			observed: (_: unknown, __: unknown, observation: ClusterObservation | undefined) => {
				this.told.push(observation);
			},
		} as unknown as KeeperContext;
		const link = { connect: async () => this.#connection() } as unknown as ClusterLink;
		const names = { readBy: 'here', applySet };
		return leave(context, link, { cell, mesh, record, names, signal: new AbortController().signal });
	}

	/** Makes passes until the record is gone, at the times that the passes ask for. */
	async run(most = 50): Promise<void> {
		for (let pass = 0; this.record !== undefined; pass++) {
			if (pass > most) throw new Error(`not gone after ${most} passes: ${JSON.stringify(this.told.at(-1))}`);
			const { requeueAfterMs = 0 } = await this.pass();
			this.now += requeueAfterMs;
		}
	}

	#connection(): ClusterConnection | undefined {
		const { there } = this;
		const reached = <T>(value: () => Promise<T>) =>
			this.isReached ? value() : Promise.reject(new TransientError('silence'));
		const live = Object.assign(there.live, { hasSynced: true, ofKind: () => [] });
		return {
			access: { server: 'https://a.example', credentials: {} },
			live: live as unknown as ChildCaches,
			api: {
				getMetadata: () => reached(async () => ({ metadata: { uid: this.id } }) as KubeObject),
				delete: (of: Parameters<typeof there.api.delete>[0]) => reached(() => there.api.delete(of)),
			},
			memory: emptyMemory(),
			synced: async () => undefined,
			close: async () => undefined,
		} as unknown as ClusterConnection;
	}
}

function reasonsOf({ notices }: Scene): readonly string[] {
	return notices.map(({ reason }) => reason);
}

test('first the Secret is unpublished in one write, then Pilot is given time, then the cluster is cleaned, last the record goes', async (t) => {
	const scene = new Scene();
	t.deepEqual(await scene.pass(), { requeueAfterMs: 10_000 });
	t.is(scene.record?.state, 'Leaving');
	t.is(scene.left.length, 2);
	scene.now += 9_000;
	t.deepEqual(await scene.pass(), { requeueAfterMs: 1_000 });
	t.is(scene.left.length, 2);
	scene.now += 1_000;
	// What is applied last goes first. The account goes at the end, and its tokens end with it.
	await scene.pass();
	t.deepEqual(scene.left, ['ServiceAccount']);
	await scene.run();
	t.deepEqual(scene.left, []);
	t.deepEqual(reasonsOf(scene), ['ClusterLeaving', 'ClusterLeft']);
	t.is(scene.told.at(-1), undefined);
});

test('what was never published is not waited for', async (t) => {
	const scene = new Scene();
	scene.here.put(recordSecret({ name: 'default', namespace, owner }, recordWith('a', { id: 'uid-a' })));
	await scene.run();
	t.true(scene.now - start < 10_000);
});

test('a restart in the middle changes nothing: Pilot is given its time all the same', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.cell = newCell('default', 'a');
	t.deepEqual(await scene.pass(), { requeueAfterMs: 10_000 });
	await scene.run();
	t.deepEqual(reasonsOf(scene), ['ClusterLeaving', 'ClusterLeft']);
});

test('a roll-out that has to keep its distance from the last one is not waited for', async (t) => {
	const scene = new Scene({ replacedAt: start });
	scene.isFollowed = false;
	scene.rolledOutAt = start;
	await scene.pass();
	scene.now += 15_000;
	await scene.pass();
	t.false(JSON.stringify(scene.told).includes('pods of Pilot and Mixer to be replaced'));
});

test('where pods were replaced for it, their roll-out is waited for, and not for ever', async (t) => {
	const scene = new Scene({ replacedAt: start });
	scene.isFollowed = false;
	await scene.pass();
	scene.now += 10_000;
	t.deepEqual(await scene.pass(), { requeueAfterMs: 1_000 });
	t.is(scene.left.length, 2);
	scene.now = start + 2 * minute;
	await scene.run();
	t.deepEqual(scene.left, []);
});

test('one that does not answer is given up in time, told in the status and only then forgotten', async (t) => {
	const scene = new Scene();
	scene.isReached = false;
	for (let pass = 0; !reasonsOf(scene).includes('ClusterLeftBehind'); pass++) {
		t.true(pass < 200);
		scene.now += (await scene.pass()).requeueAfterMs ?? 0;
	}
	t.true(scene.now - start >= scene.mesh.leaveTimeoutMs);
	t.true(scene.now - start < scene.mesh.leaveTimeoutMs + minute);
	// The status does not tell it yet. The mesh, which writes it, is woken until it does.
	t.is(scene.record?.state, 'Leaving');
	t.like(scene.cell.leftBehind, { cluster: 'a' });
	t.true((scene.cell.leftBehind?.objects.length ?? 0) > 0);
	await scene.pass();
	t.true(scene.woken.length >= 2);
	scene.mesh = wantedMesh({ leftBehind: new Set(['a']) });
	await scene.run();
	t.deepEqual(reasonsOf(scene), ['ClusterLeaving', 'ClusterLeftBehind']);
});

test('what the status tells of an earlier time under that name is not this time', async (t) => {
	const scene = new Scene();
	scene.isReached = false;
	scene.mesh = wantedMesh({ leaveTimeoutMs: 0, leftBehind: new Set(['a']) });
	await scene.pass();
	await scene.pass();
	t.truthy(scene.cell.leftBehind);
	t.truthy(scene.record);
	await scene.run();
});

test('with the installation it goes at once when it is over, since there is no status to read', async (t) => {
	const scene = new Scene();
	scene.isReached = false;
	scene.mesh = leavingMesh({ isForced: true });
	await scene.run(3);
	t.deepEqual(reasonsOf(scene), ['ClusterLeaving', 'ClusterLeftBehind']);
});

test('a kubeconfig that leads to another cluster by now deletes nothing there', async (t) => {
	const scene = new Scene();
	scene.id = 'uid-of-another';
	scene.mesh = leavingMesh();
	await scene.run(500);
	t.is(scene.left.length, 2);
	t.regex(scene.notices.at(-1)?.message ?? '', /leads to another cluster/);
});

test('paused, nothing is written, and that is told; a mesh that is deleted leaves all the same', async (t) => {
	const scene = new Scene();
	scene.mesh = wantedMesh({ paused: true });
	for (let pass = 0; pass < 3; pass++) t.deepEqual(await scene.pass(), {});
	t.is(scene.record?.state, 'Published');
	t.deepEqual(scene.here.writes, []);
	t.regex(scene.told.at(-1)?.waiting ?? '', /spec\.paused/);
	scene.mesh = leavingMesh();
	await scene.run();
	t.deepEqual(scene.left, []);
});

test('a clock that went back does not make it last until it has caught up', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.now -= 365 * 24 * 60 * minute;
	await scene.run();
	t.deepEqual(scene.left, []);
	t.deepEqual(reasonsOf(scene), ['ClusterLeaving', 'ClusterLeft']);
});

test('a Secret that is gone already is as good as one that was deleted', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.now += minute;
	while (scene.left.length > 0) await scene.pass();
	scene.here.objects.clear();
	await scene.pass();
	t.is(scene.told.at(-1), undefined);
});

test('names of objects there are words of that cluster: told shortened, on one line, so that the status can hold them', async (t) => {
	const scene = new Scene();
	const labels = { 'applyset.kubernetes.io/part-of': applySet };
	const name = `x\u001b[2J\n${'y'.repeat(5_000)}`;
	scene.there.put(stored({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels } }));
	scene.there.api.delete = async () => 'going';
	scene.mesh = wantedMesh({ leaveTimeoutMs: 0 });
	await scene.pass();
	await scene.pass();
	const { objects = [] } = scene.cell.leftBehind ?? {};
	t.is(objects.length, 3);
	for (const text of [...objects, scene.told.at(-1)?.waiting ?? '']) {
		t.notRegex(text, /\p{Cc}/u);
		t.true(text.length <= 1_024, `${text.length} characters`);
	}
});

test('what fails in this cluster is no fault of the one that leaves', async (t) => {
	const scene = new Scene();
	scene.here.refusal = new RequestError('forbidden', { status: 403, reason: 'Forbidden' });
	await t.throwsAsync(scene.pass(), { instanceOf: RequestError });
	t.is(scene.record?.state, 'Published');
	await scene.run();
});
