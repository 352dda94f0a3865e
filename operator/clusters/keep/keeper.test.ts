import test from 'ava';
import type { ClusterObservation, ClusterProblem } from '../../../api/v1/index.ts';
import { RequestError } from '../../runtime/errors.ts';
import { objectKey } from '../../runtime/object.ts';
import type { CheckedFacts } from '../checks/checked-facts.ts';
import { type ClusterRecord, recordOf, recordReference } from '../secret/record.ts';
import {
	entryOf,
	FakeStore,
	type Script,
	type ScriptedServer,
	start,
	startScript,
	wantedMesh,
	webToken,
} from '../testing.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import { type ClusterCell, newCell } from './cell.ts';
import type { KeeperContext } from './context.ts';
import { ClusterKeeper } from './keeper.ts';
import { ClusterLink } from './link.ts';

const facts: CheckedFacts = {
	id: 'uid-a',
	serverVersion: 'v1.36.0',
	network: undefined,
	podCIDRs: ['10.1.0.0/16'],
	serviceCIDRs: ['10.2.0.0/16'],
	services: 1,
	endpoints: 1,
	gateways: undefined,
	listedThere: [],
};
const kubeconfig = JSON.stringify({
	apiVersion: 'v1',
	kind: 'Config',
	'current-context': 'a',
	clusters: [{ name: 'a', cluster: { server: 'https://203.0.113.7:6443' } }],
	users: [{ name: 'a', user: { token: 'token-of-the-operator' } }],
	contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
});

/** A good API server: nothing exists yet, and it gives tokens. */
const healthy: Script = ({ method, path }) => {
	if (method === 'POST' && path.endsWith('/token'))
		return { status: 201, body: { status: { token: webToken({ iat: 0, exp: 3_600 }) } } };
	if (path.endsWith('/namespaces/kube-system')) return { body: { metadata: { name: 'kube-system', uid: 'uid-a' } } };
	return { body: { metadata: { resourceVersion: '1' }, items: [] } };
};

/** A cluster that is kept, pass by pass. */
class Scene implements AsyncDisposable {
	readonly here = new FakeStore();
	readonly cell: ClusterCell = newCell('default', 'a');
	readonly server: ScriptedServer;
	mesh: KeepingMesh = wantedMesh({ clusters: [entryOf('a')] });
	content: string | undefined = kubeconfig;
	problems: readonly ClusterProblem[] = [];
	/** What the checks end with instead. */
	mistake: Error | undefined;
	facts: CheckedFacts | undefined = facts;
	now = 1;
	wallClock = start;
	connections = 0;
	observation: ClusterObservation | undefined;

	private constructor(server: ScriptedServer) {
		this.server = server;
	}

	static async start(script: Script = healthy): Promise<Scene> {
		return new Scene(await startScript(script));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.cell.connection?.close();
		await this.server[Symbol.asyncDispose]();
	}

	get record(): ClusterRecord | undefined {
		const child = this.here.live.get(objectKey(recordReference(this.mesh.namespace, 'a')));
		return child === undefined ? undefined : recordOf(child);
	}

	async pass(signal = new AbortController().signal): Promise<number> {
		const [entry] = this.mesh.clusters;
		if (entry === undefined) throw new Error('no cluster is listed');
		const context = this.#context();
		const { requeueAfterMs = 0 } = await new ClusterKeeper(context, new ClusterLink(context)).keep({
			cell: this.cell,
			mesh: this.mesh,
			entry,
			record: this.record,
			names: context.namesOf(this.mesh),
			signal,
		});
		return requeueAfterMs;
	}

	/** Makes passes at the times at which they are due. */
	async passes(count: number): Promise<void> {
		for (let i = 0; i < count; i++) this.now += await this.pass();
	}

	#context(): KeeperContext {
		const { here, cell, server } = this;
		return {
			api: here.api,
			live: Object.assign(here.live, { ofKind: () => [] }),
			local: () => ({ id: 'uid-here', access: undefined }),
			settings: { allowLoopback: false, allowProxies: false },
			kubeconfigs: {
				read: async () =>
					this.content === undefined ? undefined : new Map([['kubeconfig', Buffer.from(this.content)]]),
			},
			checks: {
				subjectOf: () => '',
				check: async () => {
					if (this.mistake !== undefined) throw this.mistake;
					return { facts: this.facts, problems: this.problems };
				},
			},
			connect: ({ token }: { readonly token?: string }) => {
				this.connections++;
				return server.connect(token ?? '');
			},
			writerHere: () => here.writer(),
			namesOf: () => ({ readBy: 'here', applySet: 'set' }),
			cellsOf: () => [cell],
			recordOf: () => this.record,
			recordsOf: () => [],
			rolledOutAt: () => undefined,
			needsPass: () => false,
			wake: () => undefined,
			wakeMesh: () => undefined,
			observed: (_: unknown, __: unknown, observation: ClusterObservation) => {
				this.observation = observation;
				cell.observation = observation;
			},
			onPublished: () => undefined,
			onNotice: () => undefined,
			onApply: () => undefined,
			onWatchError: () => undefined,
			now: () => this.now,
			wallClock: () => this.wallClock,
			random: () => 0.5,
		} as unknown as KeeperContext;
	}
}

test('a cluster joins in one pass: begun before anything is written there, published when its token was used', async (t) => {
	await using scene = await Scene.start();
	await scene.passes(1);
	t.like(scene.record, { state: 'Published', id: 'uid-a' });
	t.like(scene.observation, { state: 'Joined', reachable: 'yes', problems: [] });
	t.is(scene.here.writes.length, 2);
	// From then on nothing is written, here or there.
	const asked = scene.server.asked.length;
	await scene.passes(3);
	t.is(scene.here.writes.length, 2);
	t.true(scene.server.asked.slice(asked).every(({ method }) => method === 'GET'));
});

test('what the checks find keeps a cluster out before anything is written, and afterwards only what must never be done', async (t) => {
	await using scene = await Scene.start();
	scene.problems = [{ reason: 'AddressesOverlap', message: 'x' }];
	await scene.passes(2);
	t.is(scene.record, undefined);
	t.deepEqual(scene.here.writes, []);
	t.false(scene.server.asked.some(({ method }) => method === 'POST'));
	scene.problems = [];
	scene.cell.nextCheckAt = 0;
	await scene.passes(1);
	scene.problems = [{ reason: 'ServerRefused', message: 'x' }];
	scene.cell.nextCheckAt = 0;
	// A renewal is due, at an address that must not be dialled.
	scene.wallClock += 365 * 24 * 3_600_000;
	const before = scene.server.asked.length;
	await scene.passes(1);
	t.false(scene.server.asked.slice(before).some(({ method }) => method === 'POST'));
	t.is(scene.record?.state, 'Published');
});

test('a mistake of ours ends the pass and is told as ours, with the cluster as it was; what mends it is told too', async (t) => {
	await using scene = await Scene.start();
	await scene.passes(1);
	scene.mistake = new TypeError("can't read x of undefined");
	scene.cell.nextCheckAt = 0;
	t.is(await t.throwsAsync(scene.passes(1)), scene.mistake);
	t.like(scene.observation, {
		state: 'Joined',
		reachable: 'yes',
		problems: [],
		joinProblem: { reason: 'InternalError' },
	});
	t.false(JSON.stringify(scene.observation).includes('undefined'));
	scene.mistake = undefined;
	await scene.passes(1);
	t.is(scene.observation?.joinProblem, undefined);
});

test('a token that ends within the hour is not published, and the one before stays; that is told with the remedy', async (t) => {
	let lasts = 3_600;
	await using scene = await Scene.start((asked) =>
		asked.path.endsWith('/token')
			? { status: 201, body: { status: { token: webToken({ iat: 0, exp: lasts }) } } }
			: healthy(asked),
	);
	await scene.passes(1);
	const before = scene.record;
	lasts = 300;
	scene.wallClock += 45 * 60_000;
	await scene.passes(2);
	t.deepEqual(scene.record, before);
	t.is(scene.here.writes.length, 2);
	t.like(scene.observation, { state: 'Joined', joinProblem: { reason: 'TokenTooShort' } });
	t.regex(scene.observation?.joinProblem?.message ?? '', /lasts 5m0s.*--service-account-max-token-expiration/);
	t.is(scene.observation?.credentials?.state, 'valid');
	lasts = 3_600;
	await scene.passes(1);
	t.is(scene.observation?.joinProblem, undefined);
	t.not(scene.record?.issued?.issuedAt, before?.issued?.issuedAt);
});

test('paused, nothing is begun, and that is told', async (t) => {
	await using scene = await Scene.start();
	scene.mesh = { ...scene.mesh, paused: true };
	await scene.passes(1);
	t.deepEqual(scene.here.writes, []);
	t.is(scene.observation?.joinProblem?.reason, 'Paused');
});

test('a failure is told when it comes again, and a good pass takes it back', async (t) => {
	let isRefusing = false;
	await using scene = await Scene.start((asked) =>
		isRefusing && asked.method === 'POST' ? { status: 422, body: { kind: 'Status', code: 422 } } : healthy(asked),
	);
	await scene.passes(1);
	scene.wallClock += 50 * 60_000;
	isRefusing = true;
	await scene.passes(1);
	t.is(scene.observation?.joinProblem, undefined);
	await scene.passes(1);
	t.is(scene.observation?.joinProblem?.reason, 'RemoteApplyFailed');
	// What was published stays as long as its token is valid.
	t.is(scene.record?.state, 'Published');
	isRefusing = false;
	await scene.passes(1);
	t.is(scene.observation?.joinProblem, undefined);
	t.is(scene.observation?.credentials?.state, 'valid');
});

test('while nothing can be learned of a cluster that has joined, nothing is written again and again', async (t) => {
	await using scene = await Scene.start();
	await scene.passes(1);
	scene.facts = undefined;
	scene.problems = [{ reason: 'PermissionsMissing', message: 'x' }];
	scene.cell.facts = undefined;
	scene.cell.nextCheckAt = 0;
	await scene.passes(3);
	t.is(scene.here.writes.length, 2);
	t.is(scene.record?.id, 'uid-a');
});

test('one that does not answer is no loop: its passes come less and less often', async (t) => {
	await using scene = await Scene.start(() => undefined);
	const waits: number[] = [];
	for (let i = 0; i < 8; i++) {
		const wait = await scene.pass();
		waits.push(wait);
		scene.now += wait;
	}
	t.true(waits.every((wait) => wait >= 2_000));
	t.true((waits.at(-1) ?? 0) >= 60_000);
	t.like(scene.observation, { reachable: 'no', reachProblem: { reason: 'Unreachable' }, state: 'Joining' });
});

test('a kubeconfig that goes and comes back, unchanged, is used at once', async (t) => {
	await using scene = await Scene.start();
	await scene.passes(1);
	scene.content = undefined;
	await scene.passes(5);
	t.is(scene.observation?.reachProblem?.reason, 'KubeconfigNotFound');
	t.is(scene.record?.state, 'Published');
	const { connections } = scene;
	scene.content = kubeconfig;
	await scene.pass();
	t.is(scene.cell.health.streak, 1);
	scene.now += 5_000;
	await scene.pass();
	t.is(scene.observation?.reachable, 'yes');
	t.is(scene.connections, connections);
});

test('what fails in this cluster is thrown, and not told of the one that joins', async (t) => {
	await using scene = await Scene.start();
	scene.here.refusal = new RequestError('forbidden', { status: 403, reason: 'Forbidden' });
	await t.throwsAsync(scene.pass(), { instanceOf: RequestError });
	t.is(scene.cell.failures, 0);
	await scene.passes(1);
	t.is(scene.record?.state, 'Published');
});

test('a pass that does not end in time is told when it happens again; a stop of the operator is not', async (t) => {
	const ends = new AbortController();
	let onToken: () => void = () => undefined;
	await using scene = await Scene.start((asked) => {
		if (asked.method === 'POST') onToken();
		return healthy(asked);
	});
	ends.abort(new Error('the operator stops'));
	await t.throwsAsync(scene.pass(ends.signal), { message: 'the operator stops' });
	for (const told of [undefined, 'RemoteApplyFailed' as const]) {
		const late = new AbortController();
		onToken = () => late.abort(new DOMException('too long', 'TimeoutError'));
		scene.now += await scene.pass(late.signal);
		t.is(scene.observation?.joinProblem?.reason, told);
	}
	onToken = () => undefined;
	await scene.passes(1);
	t.is(scene.observation?.state, 'Joined');
});
