/**
 * Tokens are renewed long before their end, those of all clusters together: each renewal is one roll-out of the pods that
 * read them, whatever happens meanwhile to one of the clusters or to the clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { diffOfStored } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { meshNamespace } from '../support/full-mesh.ts';
import { applyInstallation, readInstallation, untilReady, untilSaid } from '../support/installation.ts';
import {
	administratorOf,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
} from '../support/joined.ts';
import { type MeshCluster, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { testClock } from '../support/test-clock.ts';
import { type TokenWitness, watchTokens } from '../support/token-witness.ts';
import { untilCalm } from '../support/writes.ts';

const minute = 60_000;
const rotations = 20;
/** After this time a token of an hour has been renewed. */
const untilDueMs = 43 * minute;
const clusters = ['one', 'two', 'three'] as const;
const readers = ['istio-pilot', 'istio-policy', 'istio-telemetry'] as const;

interface Deployment extends KubeObject {
	readonly spec: {
		readonly template: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } };
	};
	readonly status?: Readonly<Record<string, number>>;
}

let home: MeshCluster;
let others: ReadonlyMap<string, MeshCluster> = new Map();
let operator: RunningOperator;
let witness: TokenWitness;
const clock = testClock();

async function ask(names: readonly string[], credentials: object = { lifetime: '1h' }): Promise<void> {
	const entries = clusters.flatMap((name, index) => (names.includes(name) ? [entry(name, index + 1)] : []));
	await applyInstallation(home.api, 'mesh', {
		version: '1.4.10',
		mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
		...multiCluster(entries, { credentials }),
	});
}

/** Makes the operator look at a cluster now, because timers don't follow the moved clock. */
async function nudge(cluster: string): Promise<void> {
	await home.api.patch(
		{ apiVersion: 'v1', kind: 'Secret', namespace: 'meshwright-system', name: `${cluster}-kubeconfig` },
		{ metadata: { annotations: { 'example.com/looked-at': new Date().toISOString() } } },
		{ type: 'merge' },
	);
}

async function deployments(): Promise<readonly Deployment[]> {
	const { apiVersion, kind } = kinds.Deployment;
	return Promise.all(
		readers.map((name) => home.api.get<Deployment>({ apiVersion, kind, namespace: meshNamespace, name })),
	);
}

const generations = async () => (await deployments()).map(({ metadata }) => metadata.generation ?? 0);
const hashes = async () =>
	(await deployments()).map(({ spec }) => spec.template.metadata.annotations?.['meshwright.io/remote-secrets-hash']);

/** The Secrets' facts by cluster: when its token was issued, and for how long. */
async function issued(cluster: string): Promise<{ readonly at: number; readonly lifetime: number }> {
	const { annotations = {} } = (await readRemoteSecret(home.api, meshNamespace, cluster)).metadata;
	return {
		at: Date.parse(annotations['cluster.meshwright.io/issued-at'] ?? ''),
		lifetime: Number(annotations['cluster.meshwright.io/lifetime-seconds']),
	};
}

async function versions(): Promise<readonly (string | undefined)[]> {
	const secrets = await Promise.all(clusters.map((name) => readRemoteSecret(home.api, meshNamespace, name)));
	return secrets.map(({ metadata }) => metadata.resourceVersion);
}

/** Waits until the tokens of these clusters were issued after a moment of the moved clock. */
async function untilRotated(names: readonly string[], since: number): Promise<void> {
	await eventually(`new tokens for ${names.join(', ')}`, async () => {
		const all = await Promise.all(names.map(issued));
		return all.every(({ at }) => at >= since);
	});
}

async function untilRolledOut(before: readonly number[]): Promise<void> {
	await eventually('what reads the Secrets has rolled out', async () => {
		const all = await deployments();
		return all.every(
			({ metadata: { generation = 0 }, status = {} }, index) =>
				generation > (before[index] ?? 0) &&
				status.observedGeneration === generation &&
				status.updatedReplicas === 1 &&
				status.replicas === 1 &&
				status.availableReplicas === 1,
		);
	});
}

const plus = (numbers: readonly number[], more: number) => numbers.map((number) => number + more);

test.before(async () => {
	const [first, ...rest] = await startMeshClusters(
		{ name: 'home', parts: 'all' },
		...clusters.map((name) => ({
			name,
			crd: false,
			// The third cluster gives nobody more than an hour.
			...(name === 'three' ? { apiServerFlags: ['--service-account-max-token-expiration=1h'] } : {}),
		})),
	);
	home = first as MeshCluster;
	others = new Map(rest.map((cluster, index) => [clusters[index] ?? '', cluster]));
	for (const [name, { cluster }] of others)
		await giveKubeconfig(home.api, name, flatKubeconfig(administratorOf(cluster)));
	operator = await startJoiningOperator(home, { wallClock: clock.now });
});
test.after.always(async () => {
	await witness?.stop();
	await operator?.stop();
	await Promise.all([home?.stop(), ...[...others.values()].map((other) => other.stop())]);
});

test.serial('clusters that join or leave replace no pod', async (t) => {
	await ask([]);
	await untilReady(home.api, 'mesh');
	const before = await generations();
	await ask(['one']);
	await untilCluster(home.api, 'mesh', 'one', 'Ready', 'True');
	await ask(['two', 'three']);
	await untilLeft(home.api, 'mesh', 'one', meshNamespace);
	await ask(clusters);
	for (const name of clusters) await untilCluster(home.api, 'mesh', name, 'Ready', 'True');
	await untilCalm(home.cluster, operatorUser);
	t.deepEqual(await generations(), before);
	t.deepEqual(new Set(await hashes()), new Set([undefined]));
});

test.serial(`over ${rotations} renewals no published token is ever refused, and each is one roll-out`, async (t) => {
	t.timeout(4 * minute);
	witness = watchTokens(home.api, meshNamespace);
	const begin = await generations();
	for (let round = 1; round <= rotations; round++) {
		const before = await generations();
		clock.jump(untilDueMs);
		const since = clock.now() - 1_000;
		await nudge(clusters[round % clusters.length] ?? '');
		await untilRotated(clusters, since);
		await untilRolledOut(before);
		t.deepEqual(await generations(), plus(begin, round), `renewal ${round}`);
		t.is(new Set(await hashes()).size, 1);
	}
	await untilCalm(home.cluster, operatorUser);
	t.deepEqual(await generations(), plus(begin, rotations));
	const alive = await witness.stop();
	t.deepEqual(witness.refusals, []);
	const { stdout, stderr } = await diffOfStored(home, 'mesh');
	t.is(stdout, 'Nothing would change.\n', `the command line sees the Secrets that pods were replaced for: ${stderr}`);
	t.log(`${witness.uses()} uses of ${clusters.map((name) => witness.tokensOf(name)).join(' + ')} tokens`);
	for (const name of clusters) {
		t.true(witness.tokensOf(name) >= rotations);
		t.is(alive.get(name), witness.tokensOf(name), 'old ones go on beside the new one');
	}
});

test.serial(
	'one that is not reached keeps neither the others nor, for long, the pods waiting, and is told',
	async (t) => {
		const three = others.get('three') as MeshCluster;
		await three.cluster.stopApiServer();
		const before = await generations();
		clock.jump(untilDueMs);
		const since = clock.now() - 1_000;
		await nudge('one');
		await untilRotated(['one', 'two'], since);
		await untilCluster(home.api, 'mesh', 'one', 'Ready', 'True');
		t.deepEqual(await generations(), before, 'it is waited for');
		clock.jump(2 * minute);
		await untilRolledOut(before);
		t.deepEqual(await generations(), plus(before, 1));
		t.true((await issued('three')).at < since);

		clock.jump(5 * minute);
		await nudge('three');
		await untilCluster(home.api, 'mesh', 'three', 'CredentialsValid', 'True', 'CredentialsExpiring');
		clock.jump(11 * minute);
		await nudge('three');
		await untilCluster(home.api, 'mesh', 'three', 'CredentialsValid', 'False', 'CredentialsExpired');

		const [back, expired] = [clock.now() - 1_000, await generations()];
		await three.cluster.startApiServer();
		// The owner would do the same to have it looked at now.
		await giveKubeconfig(home.api, 'three', `${flatKubeconfig(administratorOf(three.cluster))}\n`);
		await untilRotated(['three'], back);
		await untilCluster(home.api, 'mesh', 'three', 'Ready', 'True');
		const told = await untilSaid(home.api, 'mesh', 'Installed', 'at most every 30 min');
		t.regex(told, /use the Secrets of before until 20\d\d-/);
		t.deepEqual(await generations(), expired, 'the last roll-out was less than half an hour ago');
		clock.jump(15 * minute);
		for (const name of ['one', 'two']) await nudge(name);
		await untilRolledOut(expired);
		await eventually('nothing is told any more', async () => {
			const { status } = await readInstallation(home.api, 'mesh');
			return !JSON.stringify(status?.conditions).includes('at most every');
		});
		t.true((await issued('one')).at > back, 'who would be due before the next roll-out renewed with it');
		await untilCalm(home.cluster, operatorUser);
		t.deepEqual(await generations(), plus(expired, 1));
	},
);

test.serial('a clock that goes back renews everything once, and not again', async (t) => {
	const before = await generations();
	const old = await versions();
	clock.jump(-30 * 60 * minute);
	for (const name of clusters) await nudge(name);
	await eventually('new tokens', async () => {
		const now = await versions();
		return now.every((version, index) => version !== old[index]);
	});
	await untilRolledOut(before);
	await untilCalm(home.cluster, operatorUser);
	const settled = await versions();
	for (const name of clusters) await nudge(name);
	await sleep(2_000);
	t.deepEqual(await versions(), settled);
	t.deepEqual(await generations(), plus(before, 1));
});

test.serial('an API server that grants less than is asked for decides when its token is renewed', async (t) => {
	await ask(clusters, { lifetime: '720h' });
	await untilReady(home.api, 'mesh');
	const before = await generations();
	clock.jump(untilDueMs);
	const since = clock.now() - 1_000;
	await nudge('one');
	await untilRotated(clusters, since);
	await untilRolledOut(before);
	const [one, three] = [await issued('one'), await issued('three')];
	t.is(one.lifetime, 720 * 3_600);
	t.is(three.lifetime, 3_600);

	const rolled = await generations();
	clock.jump(45 * minute);
	await nudge('three');
	await untilRotated(['three'], clock.now() - minute);
	await untilRolledOut(rolled);
	t.is((await issued('one')).at, one.at);
	t.deepEqual(await generations(), plus(rolled, 1));
});
