/**
 * Measures a fleet of joined clusters: how long until all have joined, what each costs, and whether dead ones delay the
 * others. Some are real API servers, the rest are simulated in another process. The operator can't tell them apart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { mayReadLabel, type ParsedStatus } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { objectKey } from '../../operator/runtime/object.ts';
import { entry, flatKubeconfig, type Reachable } from '../support/joined.ts';
import { type Fleet, openFleet } from './fleet.ts';
import type { Death, RequestCounts } from './simulated-clusters.ts';
import { installation, operatorNamespace, startOperator, storedChildren, until } from './stage.ts';
import { describeSeries, median } from './statistics.ts';
import { timeRepair } from './time-repair.ts';

export interface ClusterFigures {
	readonly 'clusters.join_s': number;
	readonly 'clusters.mb_each': number;
	readonly 'clusters.requests_per_minute_each': number;
	readonly 'clusters.dead.drift_ratio': number;
	readonly notes: readonly string[];
}

export interface ClustersScale {
	readonly clusters: number;
	/** How many of them are real API servers. */
	readonly real: number;
	/** Requests are counted for this time. It has to include what comes each 10 min. */
	readonly quietMs: number;
	/** How many of the simulated ones die. */
	readonly dead: number;
	/** Number of periods without and with dead clusters, in turn. */
	readonly rounds: number;
	readonly repairs: number;
}

export const wholeScale: ClustersScale = {
	clusters: 200,
	real: 3,
	quietMs: 12 * 60_000,
	dead: 20,
	rounds: 2,
	repairs: 60,
};

const mesh = 'fleet';
/** All of them have joined within this time, however slow the machine is. */
const joinDeadlineMs = 10 * 60_000;
/** Memory that grew while clusters joined has been collected after this time. */
const settleMs = 5_000;
/** etcd's limit of a request (`--max-request-bytes`). */
const storableBytes = 1.5 * 1024 * 1024;
/** Pause between two repairs. So a period is as long as it takes to notice that clusters are dead. */
const pauseMs = 1_000;

export async function measureClusters(scale: ClustersScale = wholeScale): Promise<ClusterFigures> {
	await using fleet = await openFleet(scale);
	const { user } = fleet.stage;
	const names = await giveKubeconfigs(fleet);
	await using operator = await startOperator(fleet.stage, { flags: ['--allow-loopback-clusters'] });
	await user.create(installation(mesh, '1.4.10'), { fieldManager: 'user' });
	await until('the installation is stored', () => storedChildren(fleet.stage, mesh) === 8);
	await sleep(settleMs);
	const aloneMB = operator.rssMB();

	const startedAt = performance.now();
	await listClusters(fleet, names);
	await untilJoined(fleet, names.length);
	const joinMs = performance.now() - startedAt;
	await sleep(settleMs);
	const joinedMB = operator.rssMB();
	const storedBytes = await bytesOfInstallation(fleet);

	const { counts, minutes, writes } = await countRequests(fleet, scale.quietMs);
	const settledMB = operator.rssMB();
	const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
	const each = (number: number) => number / minutes / fleet.simulator.clusters.length;

	const { without, withDead } = await repairsBesideDead(fleet, scale);
	return {
		'clusters.join_s': joinMs / 1_000,
		'clusters.mb_each': (settledMB - aloneMB) / names.length,
		'clusters.requests_per_minute_each': each(total),
		'clusters.dead.drift_ratio': median(withDead) / median(without),
		notes: [
			`${names.length} clusters, of them ${scale.real} on real API servers; resident memory of the operator: ${aloneMB.toFixed(0)} MB alone, ${joinedMB.toFixed(0)} MB when all had joined, ${settledMB.toFixed(0)} MB ${minutes.toFixed(0)} min later`,
			`requests per minute and cluster over ${minutes.toFixed(1)} min: ${describeCounts(counts, each)}; writes of the status meanwhile: ${writes}`,
			`the MeshInstallation takes ${(storedBytes / names.length / 1024).toFixed(2)} KiB for each cluster, status and managed fields included; an API server takes ${storableBytes / 1024} KiB for one object`,
			`drift in a healthy cluster: ${describeSeries(without)} ms; beside ${scale.dead} dead ones: ${describeSeries(withDead)} ms`,
		],
	};
}

/** Makes the Secrets of all clusters. Returns the names of the clusters, real ones first. */
async function giveKubeconfigs({ stage, others, simulator }: Fleet): Promise<readonly string[]> {
	const reachable: readonly Reachable[] = [
		...others.map(({ cluster: { url, ca, adminToken } }) => ({ url, ca, token: adminToken })),
		...simulator.clusters,
	];
	return Promise.all(
		reachable.map(async (one, index) => {
			const name = `cluster-${String(index).padStart(3, '0')}`;
			await stage.user.create({
				apiVersion: 'v1',
				kind: 'Secret',
				metadata: {
					namespace: operatorNamespace,
					name: `${name}-kubeconfig`,
					labels: { [mayReadLabel]: 'any' },
				},
				data: { kubeconfig: Buffer.from(flatKubeconfig(one)).toString('base64') },
			});
			return name;
		}),
	);
}

async function listClusters({ stage }: Fleet, names: readonly string[]): Promise<void> {
	// The operator discovers their addresses.
	const clusters = names.map((name) => ({ ...entry(name, 0), podCIDRs: undefined }));
	const spec = { multiCluster: { clusterName: 'home', clusters } };
	await stage.user.patch({ ...kinds.MeshInstallation, name: mesh }, { spec }, { type: 'merge', fieldManager: 'user' });
}

function statusOf({ stage }: Fleet): ParsedStatus | undefined {
	return stage.seen.installations.get(mesh)?.status as ParsedStatus | undefined;
}

async function bytesOfInstallation({ stage }: Fleet): Promise<number> {
	const stored = await stage.user.get({ ...kinds.MeshInstallation, name: mesh });
	return Buffer.byteLength(JSON.stringify(stored));
}

async function untilJoined(fleet: Fleet, count: number): Promise<void> {
	await until(
		`${count} clusters have joined`,
		() => statusOf(fleet)?.joinedClusters === `${count}/${count}`,
		joinDeadlineMs,
	).catch((error: Error) => {
		const { joinedClusters, clusters = [] } = statusOf(fleet) ?? {};
		const behind = clusters.find(({ secret }) => secret === undefined);
		throw new Error(`${error.message}; it is ${joinedClusters}, and ${JSON.stringify(behind)}`);
	});
}

/** Counts the requests to the simulated clusters while nothing happens, and the writes of the status meanwhile. */
async function countRequests({ stage, simulator }: Fleet, quietMs: number) {
	let writes = 0;
	stage.seen.onInstallation(({ initial }) => {
		if (!initial) writes++;
	});
	const before = await simulator.count();
	const startedAt = performance.now();
	await sleep(quietMs);
	const after = await simulator.count();
	const minutes = (performance.now() - startedAt) / 60_000;
	const counts: RequestCounts = Object.fromEntries(
		Object.entries(after).map(([what, number]) => [what, number - (before[what] ?? 0)]),
	);
	return { counts, minutes, writes };
}

function describeCounts(counts: RequestCounts, each: (number: number) => number): string {
	return Object.entries(counts)
		.filter(([, number]) => number > 0)
		.sort(([, a], [, b]) => b - a)
		.map(([what, number]) => `${what} ${each(number).toFixed(2)}`)
		.join(', ');
}

/** Times repairs in one healthy cluster, in periods without dead clusters and with some, in turn. */
async function repairsBesideDead(fleet: Fleet, { rounds, repairs, dead }: ClustersScale) {
	const without: number[] = [];
	const withDead: number[] = [];
	// Half of them refuse connections, the other half accept them and never answer: the two usual kinds of outages.
	const deaths = Array.from({ length: dead }, (_, index) => ({
		index,
		how: index % 2 === 0 ? 'refusing' : ('silent' as Death),
	}));
	for (let round = 0; round < rounds; round++) {
		without.push(...(await repairsIn(fleet, repairs)));
		await fleet.simulator.kill(deaths);
		withDead.push(...(await repairsIn(fleet, repairs)));
		await until(
			'dead clusters are noticed',
			() => statusOf(fleet)?.clusters?.filter(({ reachable }) => reachable === false).length === dead,
			joinDeadlineMs,
		);
		await fleet.simulator.revive();
		await until(
			'all clusters answer again',
			() => statusOf(fleet)?.clusters?.every(({ reachable }) => reachable === true) === true,
			joinDeadlineMs,
		);
	}
	return { without, withDead };
}

async function repairsIn({ others }: Fleet, repairs: number): Promise<readonly number[]> {
	const [observed] = others;
	if (observed === undefined) throw new Error('no real cluster has joined');
	const children = observed.children().toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
	const series: number[] = [];
	for (let index = 0; index < repairs; index++) {
		const child = children[index % children.length];
		if (child === undefined) throw new Error('nothing to repair');
		series.push(await timeRepair(observed, child, false));
		await sleep(pauseMs);
	}
	return series;
}
