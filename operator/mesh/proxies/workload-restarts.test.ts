import test from 'ava';
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { ProxyFacts } from '../../plan/proxies/count.ts';
import { advance } from '../../plan/upgrade/advance.ts';
import { courseOf } from '../../plan/upgrade/course.ts';
import { RequestError } from '../../runtime/errors.ts';
import type { KubeObject, ObjectReference } from '../../runtime/object.ts';
import { restartStep } from './restart-step.ts';
import { type RestartedMesh, WorkloadRestarts, type WorkloadRestartsOptions } from './workload-restarts.ts';

const startMs = Date.UTC(2026, 0, 1, 12);
const ready = { type: 'Ready', status: 'True', observedGeneration: 1 } as NonNullable<
	ParsedStatus['conditions']
>[number];

/** Deployments of which each has one pod, and a cluster in which a restart gives a pod the present proxy. */
class Stage {
	nowMs = startMs;
	status: ParsedStatus = { version: '1.4.10', conditions: [ready] };
	upgrade: RestartedMesh['upgrade'] = { restartWorkloads: { enabled: true } };
	/** Names of Deployments that a policy keeps as they are. */
	readonly refused = new Set<string>();
	readonly restarted: string[] = [];
	budgets: readonly KubeObject[] = [];
	readonly deployments = new Map<string, { version: string; isSettled: boolean; object: KubeObject }>();
	#restarts = this.#newProcess();

	constructor(...names: readonly string[]) {
		for (const name of names) {
			const metadata = { namespace: 'shop', name, generation: 1, resourceVersion: '1', annotations: {} };
			const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 1 } };
			this.deployments.set(name, { version: '1.3.8', isSettled: true, object });
		}
	}

	#newProcess(): WorkloadRestarts {
		const api = {
			get: async ({ name }: ObjectReference) => {
				const found = this.deployments.get(name);
				if (found === undefined) throw new RequestError('gone', { status: 404, reason: 'NotFound' });
				const available = found.isSettled ? 1 : 0;
				const { replicas } = found.object.spec as { readonly replicas: number };
				const status = {
					observedGeneration: 1,
					replicas,
					updatedReplicas: replicas,
					availableReplicas: available * replicas,
				};
				return { ...found.object, status };
			},
			list: async () => ({ items: this.budgets }),
			patch: async ({ name }: ObjectReference, body: unknown) => {
				if (this.refused.has(name)) throw new RequestError('frozen', { status: 403, reason: 'Forbidden' });
				const found = this.deployments.get(name);
				if (found === undefined) throw new Error(name);
				const { metadata, spec } = body as KubeObject;
				found.object = {
					...found.object,
					metadata: { ...found.object.metadata, ...metadata },
					spec: { ...(found.object.spec as object), ...(spec as object) },
				};
				found.isSettled = false;
				this.restarted.push(name);
			},
		} as unknown as WorkloadRestartsOptions['api'];
		return new WorkloadRestarts({ api, wallClock: () => this.nowMs });
	}

	startAnew(): void {
		this.#restarts = this.#newProcess();
	}

	/** Pods of a Deployment that was restarted run. */
	comes(name: string): void {
		const found = this.deployments.get(name);
		if (found === undefined) throw new Error(name);
		found.isSettled = true;
		found.version = '1.4.10';
	}

	async step() {
		const { upgrade, status } = this;
		const counted = { namespace: 'istio-system', version: '1.4.10', pilot: '1.4.10', images: [], isAlone: true };
		const proxies = [...this.deployments].map(
			([name, { version }]): ProxyFacts => ({
				namespace: 'shop',
				image: `docker.io/istio/proxyv2:${version}`,
				controlPlane: undefined,
				owner: { kind: 'Deployment', name },
			}),
		);
		const mesh = { name: 'mesh', counted, upgrade, status, generation: 1 };
		const step = await this.#restarts.step(mesh, proxies, new AbortController().signal);
		const { proxies: _, ...rest } = this.status;
		const told = step.status === undefined ? {} : { restarts: step.status };
		this.status = { ...rest, proxies: { total: 1, byVersion: [], namespaces: [], ...told } };
		return step;
	}
}

test('workloads are restarted a few at a time, each when there is room, until none lags', async (t) => {
	const stage = new Stage('a', 'b', 'c');
	stage.upgrade = { restartWorkloads: { enabled: true, maxUnavailable: 2 } };
	t.deepEqual((await stage.step()).status, { waiting: 1, current: ['Deployment shop/a', 'Deployment shop/b'] });
	t.deepEqual(stage.restarted, ['a', 'b']);
	await stage.step();
	t.deepEqual(stage.restarted, ['a', 'b']);
	stage.comes('b');
	t.deepEqual((await stage.step()).status, { waiting: 0, current: ['Deployment shop/a', 'Deployment shop/c'] });
	stage.comes('a');
	stage.comes('c');
	t.deepEqual(await stage.step(), { status: undefined, isOver: true });
	const restarted = stage.deployments.get('a')?.object;
	t.is(restarted?.metadata.annotations?.['meshwright.io/restarted-for'], '1.4.10');
	t.regex(JSON.stringify(restarted?.spec), /"kubectl\.kubernetes\.io\/restartedAt":"2026-01-01T12:00:00Z"/);
});

test('when one does not come back, no other is restarted, and it is named until it is well', async (t) => {
	const stage = new Stage('a', 'b');
	await stage.step();
	stage.nowMs += 11 * 60_000;
	const { failed, status } = await stage.step();
	t.regex(failed ?? '', /^Deployment shop\/a was restarted for 1\.4\.10 and does not come back \(not within 10m\)/);
	t.is(status?.message, failed);
	stage.comes('a');
	const next = await stage.step();
	t.is(next.failed, undefined);
	t.deepEqual(stage.restarted, ['a', 'b']);
});

test('a process that starts goes on with what another began', async (t) => {
	const stage = new Stage('a', 'b');
	await stage.step();
	stage.startAnew();
	t.deepEqual((await stage.step()).status, { waiting: 1, current: ['Deployment shop/a'] });
	// It ended before it wrote the status: then the workload itself says it.
	const { proxies: _, ...rest } = stage.status;
	stage.status = rest;
	stage.startAnew();
	t.deepEqual((await stage.step()).status, { waiting: 1, current: ['Deployment shop/a'] });
	t.deepEqual(stage.restarted, ['a']);
});

test('outside of maintenance windows nothing is begun, and it is said until when', async (t) => {
	const stage = new Stage('a');
	stage.upgrade = { ...stage.upgrade, windows: [{ schedule: '0 14 * * *', duration: '1h' }] };
	const { status, againInMs, isPatient, isOver } = await stage.step();
	t.deepEqual([isPatient, isOver], [true, false]);
	t.regex(status?.message ?? '', /maintenance window .* until 2026-01-01T14:00:00Z$/);
	t.is(againInMs, 60 * 60_000, 'it looks again in time');
	stage.nowMs += 2 * 60 * 60_000;
	await stage.step();
	t.deepEqual(stage.restarted, ['a']);
});

test('nothing is begun before the mesh itself is ready in its version, or while stages go on', async (t) => {
	const stage = new Stage('a');
	const { status } = stage;
	const upgrade = { from: '1.3.8', to: '1.4.10', state: 'Progressing', stage: 'Gateways' } as const;
	for (const unready of [
		{ ...status, version: '1.3.8' },
		{ ...status, conditions: [{ ...ready, status: 'False' as const }] },
		{ ...status, conditions: [{ ...ready, observedGeneration: 0 }] },
		{ ...status, upgrade },
	]) {
		stage.status = unready;
		t.regex((await stage.step()).status?.message ?? '', /until the mesh itself is ready in 1\.4\.10/);
	}
	t.deepEqual(stage.restarted, []);
	stage.status = { ...status, upgrade: { ...upgrade, stage: 'Workloads' } };
	await stage.step();
	t.deepEqual(stage.restarted, ['a']);
});

test('one that a policy keeps, and one whose pods get no other proxy, are left and told, the others go on', async (t) => {
	const stage = new Stage('a', 'b', 'c');
	stage.refused.add('a');
	t.regex((await stage.step()).status?.message ?? '', /Deployment shop\/a could not be restarted: frozen/);
	t.deepEqual(stage.restarted, ['b']);
	const deployment = stage.deployments.get('b');
	if (deployment !== undefined) deployment.isSettled = true;
	const { status } = await stage.step();
	t.regex(status?.message ?? '', /Deployment shop\/b was restarted for 1\.4\.10, and its pods still get another proxy/);
	t.deepEqual(stage.restarted, ['b', 'c']);
});

test('all is over when what is left can not be restarted', async (t) => {
	const stage = new Stage('a', 'b');
	const paused = stage.deployments.get('a');
	if (paused !== undefined) paused.object = { ...paused.object, spec: { replicas: 1, paused: true } };
	t.false((await stage.step()).isOver);
	stage.comes('b');
	const { isOver, status } = await stage.step();
	t.true(isOver);
	t.regex(status?.message ?? '', /Deployment shop\/a is paused/);
});

test('a budget without room: the stage of a change of version is held in the end, and names it', async (t) => {
	const stage = new Stage('a');
	const metadata = { namespace: 'shop', name: 'all-of-a', generation: 1 };
	const recreated = stage.deployments.get('a');
	if (recreated !== undefined)
		recreated.object = { ...recreated.object, spec: { replicas: 2, strategy: { type: 'Recreate' } } };
	stage.budgets = [
		{
			apiVersion: 'policy/v1',
			kind: 'PodDisruptionBudget',
			metadata,
			spec: { selector: {} },
			status: { disruptionsAllowed: 1 },
		},
	];
	const upgrade = { restartWorkloads: { enabled: true }, progressDeadline: '1m' };
	const prepared = { installation: { spec: { upgrade } } } as unknown as Parameters<typeof restartStep>[1];
	const object = {} as Parameters<typeof restartStep>[0];
	const restart = () => stage.step();
	const { restarts } = await restartStep(
		object,
		prepared,
		{ status: undefined },
		{ restart },
		new AbortController().signal,
	);
	t.deepEqual(stage.restarted, []);
	const course = courseOf({ from: '1.3.8', to: '1.4.10', state: 'Progressing', stage: 'Workloads' });
	const after = (quietMs: number) =>
		advance(course, upgrade, {
			stages: ['Workloads'],
			unwritten: undefined,
			waitingFor: () => restarts?.waitingFor,
			trouble: undefined,
			quietMs,
			findings: [],
			noWayBack: () => undefined,
			nowMs: stage.nowMs,
			now: '2026-01-01T12:00:00Z',
		});
	t.is(after(1_000).record?.state, 'Progressing');
	const { record, trouble } = after(60_000);
	t.is(record?.state, 'Held');
	t.is(trouble?.reason, 'UpgradeHeld');
	t.regex(
		record?.waitingFor ?? '',
		/stage Workloads made no progress for 1m: .*Deployment shop\/a would lose 2 pods at once, and PodDisruptionBudget all-of-a allows 1/,
	);
});
