/**
 * The operator dies at every write of a join, of a renewal of tokens and of a leave (`crash-moments.ts`), in the home cluster and
 * in the other one. The next process ends as an undisturbed one would, and no published token is ever refused.
 */
import test from 'ava';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type ClusterAct, type ClusterCrashPoint, ClusterCrashStage, joiner } from '../support/crash-clusters.ts';
import { allRecords, meshNamespace, tokenOf } from '../support/full-mesh.ts';
import { applyInstallation, readInstallation, untilInstalled } from '../support/installation.ts';
import { entry, multiCluster } from '../support/joined.ts';
import { watchTokens } from '../support/token-witness.ts';

const minute = 60_000;

function ask(stage: ClusterCrashStage, isListed: boolean) {
	const entries = isListed ? [entry(joiner, 1, { role: 'Primary' })] : [];
	return applyInstallation(
		stage.home.api,
		'mesh',
		multiCluster(entries, { server: stage.home.cluster.url, credentials: { lifetime: '1h' } }),
	);
}

const published = (secrets: Awaited<ReturnType<typeof allRecords>>) =>
	secrets.filter(({ metadata }) => metadata.labels?.['istio/multiCluster'] === 'true');

const join: ClusterAct = {
	begin: (stage) => ask(stage, true),
	isDone: async (stage) => {
		const { status } = await readInstallation(stage.home.api, 'mesh');
		const ready = status?.clusters?.[0]?.conditions?.find(({ type }) => type === 'Ready');
		return ready?.status === 'True' && published(await allRecords(stage.there)).length === 1;
	},
};

/** On the moved clock, milliseconds since 1970. */
let renewedSince = 0;
const renew: ClusterAct = {
	begin: async (stage) => {
		stage.clock.jump(43 * minute);
		renewedSince = stage.clock.now() - 1_000;
	},
	drive: (stage) => stage.nudge(),
	isDone: async (stage) => {
		const { apiVersion, kind } = kinds.Deployment;
		const [here, there, pilot] = await Promise.all([
			allRecords(stage.home),
			allRecords(stage.there),
			stage.home.api.get({ apiVersion, kind, namespace: meshNamespace, name: 'istio-pilot' }),
		]);
		const issued = [...here, ...there].map(({ metadata }) =>
			Date.parse(metadata.annotations?.['cluster.meshwright.io/issued-at'] ?? ''),
		);
		return (
			issued.length === 2 && issued.every((at) => at >= renewedSince) && JSON.stringify(pilot).includes('-secrets-hash')
		);
	},
};

function isOfPods({ write }: ClusterCrashPoint): boolean {
	return write.includes('/deployments/');
}

let isMoved = false;
const leave: ClusterAct = {
	begin: (stage) => {
		isMoved = false;
		// So long after the last roll-out for Secrets the next one need not wait.
		stage.clock.jump(31 * minute);
		return ask(stage, false);
	},
	drive: async (stage) => {
		const records = await allRecords(stage.home);
		if (!isMoved && records.length > 0 && published(records).length === 0) {
			// Until Pilot has forgotten it, and would have been replaced if there were pods.
			stage.clock.jump(2.5 * minute);
			isMoved = true;
		}
		await stage.nudge();
	},
	isDone: async (stage) => {
		const { status } = await readInstallation(stage.home.api, 'mesh');
		return status?.clusters === undefined && (await allRecords(stage.home)).length === 0;
	},
};

/** Deadline of one round. How many rounds fit into a time depends on the machine. */
const roundMs = 10 * 60_000;

test('an operator that dies at any write of a join, a renewal or a leave, in either cluster, is followed by one that completes it', async (t) => {
	t.timeout(roundMs);
	await using stage = await ClusterCrashStage.start();
	await stage.operate();
	await ask(stage, false);
	await untilInstalled(stage.home.api, 'mesh');
	const witness = watchTokens(stage.home.api, meshNamespace, (secret) => {
		const { url, ca } = stage.there.cluster;
		return new ApiServer({ url, ca, token: tokenOf(secret) });
	});

	const acts = { join, renew, leave };
	const rehearsals = new Map<ClusterAct, Awaited<ReturnType<ClusterCrashStage['rehearse']>>>();
	for (const [name, act] of Object.entries(acts)) {
		const { points: unsorted, result } = await stage.rehearse(act);
		// The points that exist only when tokens were renewed before come first.
		const points = unsorted.toSorted((a, b) => Number(isOfPods(b)) - Number(isOfPods(a)));
		const rehearsal = { points, result };
		rehearsals.set(act, rehearsal);
		t.log(`${name}: ${rehearsal.points.length} points`);
		const sides = new Set(rehearsal.points.map(({ side }) => side));
		t.is(sides.size, 2, 'there are writes in both clusters');
	}
	const left = rehearsals.get(leave)?.result as { readonly there: object; readonly clusters: unknown };
	t.deepEqual(left.there, {});
	t.is(left.clusters, undefined);

	const missed: ClusterCrashPoint[] = [];
	const rounds = Math.max(...[...rehearsals.values()].map(({ points }) => points.length));
	for (let round = 0; round < rounds; round++) {
		t.timeout(roundMs);
		for (const [act, { points, result }] of rehearsals) {
			const point = points[round];
			// Whether it was renewed makes no difference for what leaves, but that pods are replaced.
			if (act === renew && point === undefined) continue;
			if (!(await stage.crash(act, point, result)) && point !== undefined) missed.push(point);
		}
	}
	t.deepEqual(missed, []);
	t.deepEqual(witness.refusals, []);
	t.true(witness.tokensOf(joiner) > rounds);
	await witness.stop();
});
