/**
 * API servers that restart, freeze or lose requests: an outage is told when it is true, not more often, and ends by itself.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { loopbackCertificate } from '../support/hostile-server.ts';
import {
	applyInstallation,
	eventsAbout,
	readInstallation,
	untilEvent,
	untilInstalled,
} from '../support/installation.ts';
import {
	administratorOf,
	type ClusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
} from '../support/joined.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { recordInstallation } from '../support/recording.ts';

/** A probe comes about every 30 s, and an outage is told after three failed ones. */
const noticedWithinMs = 150_000;

let home: MeshCluster;
let steady: MeshCluster;
let frozen: MeshCluster;
let operator: RunningOperator;
let proxy: FaultProxy;

test.before(async () => {
	[home, steady, frozen] = (await startMeshClusters(
		{ name: 'home' },
		{ name: 'steady', crd: false },
		{ name: 'frozen', crd: false, own: true },
	)) as [MeshCluster, MeshCluster, MeshCluster];
	const { ca, cert, key } = await loopbackCertificate();
	proxy = await startFaultProxy(steady.cluster, { cert, key });
	await giveKubeconfig(home.api, 'flaky', flatKubeconfig({ url: proxy.url, ca, token: steady.cluster.adminToken }));
	await giveKubeconfig(home.api, 'frozen', flatKubeconfig(administratorOf(frozen.cluster)));
	operator = await startJoiningOperator(home);
	for (const mesh of ['flaky', 'frozen']) {
		await applyInstallation(home.api, mesh, { namespace: mesh, ...multiCluster([entry(mesh, 1)]) });
		await untilInstalled(home.api, mesh);
	}
});
test.after.always(async () => {
	frozen?.cluster.resumeApiServer();
	await operator?.stop();
	await proxy?.stop();
	await Promise.all([home?.stop(), steady?.stop(), frozen?.stop()]);
});

interface Recorded extends KubeObject {
	readonly status?: { readonly clusters?: readonly ClusterStatus[] };
}

/** `Reachable True, Reachable False Unreachable, …`: the steps of some conditions of the first cluster, each once. */
function steps(versions: readonly Recorded[], ...types: readonly string[]): readonly string[] {
	const lines = versions.flatMap(({ status }) => {
		const [cluster] = status?.clusters ?? [];
		return types.flatMap((type) => {
			const found = cluster?.conditions?.find((condition) => condition.type === type);
			return found === undefined ? [] : [`${type} ${found.status} ${found.reason}`];
		});
	});
	return lines.filter((line, index) => line !== lines[index - 1]);
}

/** What Events say about reaching a cluster. */
async function outages(mesh: string): Promise<readonly unknown[]> {
	return (await eventsAbout(home.api, mesh))
		.map(({ reason }) => reason)
		.filter(
			(reason) => reason !== 'ClusterPublished' && /Cluster|Unreachable|Unauthorized|Failed/.test(String(reason)),
		);
}

/** The lines of the metrics about a cluster: name without prefix → value. */
async function metricsOf(cluster: string): Promise<Readonly<Record<string, number>>> {
	const { body } = await operator.ask('/metrics');
	const lines = body.matchAll(/^meshwright_cluster_(\w+)\{[^}]*cluster="([^"]+)"[^}]*\} (\S+)$/gm);
	return Object.fromEntries(
		[...lines].flatMap(([, name = '', of, value]) => (of === cluster ? [[name, Number(value)]] : [])),
	);
}

/** Waits until the metrics about a cluster say what its status does, which is written beside them. */
async function untilMetrics(
	t: ExecutionContext,
	mesh: string,
	expected: (cluster: ClusterStatus | undefined) => Readonly<Record<string, number | undefined>>,
): Promise<void> {
	let [told, wanted]: Readonly<Record<string, number | undefined>>[] = [];
	await eventually('the metrics say it', async () => {
		told = await metricsOf(mesh);
		wanted = expected((await readInstallation(home.api, mesh)).status?.clusters?.[0]);
		return Object.entries(wanted).every(([key, value]) => told?.[key] === value);
	}).catch(() => undefined);
	t.like(told, wanted ?? {});
}

test('a connection that loses one request in three: the cluster is kept, and never called unreachable', async (t) => {
	const apply = (podCIDRs: readonly string[]) =>
		applyInstallation(home.api, 'flaky', { namespace: 'flaky', ...multiCluster([entry('flaky', 1, { podCIDRs })]) });
	const binding = { ...kinds.ClusterRoleBinding, name: 'istio-reader-home-flaky' };
	await untilCluster(home.api, 'flaky', 'flaky', 'Ready', 'True');
	await untilEvent(home.api, 'flaky', 'ClusterJoined');
	const recording = await recordInstallation<Recorded>(home.api, 'flaky');
	proxy.script({ every: 3 }, { type: 'drop' });
	const dropped = () => proxy.requests.filter(({ fault }) => fault === 'drop').length;
	// Work with many requests, again and again.
	for (let round = 0; round < 40 || dropped() < 40; round++) {
		await apply([`172.20.${50 + (round % 50)}.0/24`]);
		if (round % 5 === 0) await orAbsent(steady.api.delete(binding));
		await sleep(500);
	}
	await eventually('drift is repaired', () => steady.api.get(binding));
	const versions = await recording.stop();
	t.deepEqual(steps(versions, 'Reachable'), ['Reachable True Reachable']);
	t.deepEqual(await outages('flaky'), ['ClusterJoined']);
	proxy.reset();
	await apply(['172.20.1.0/24']);
	await untilCluster(home.api, 'flaky', 'flaky', 'Ready', 'True');
});

test('an API server that freezes: told once it is sure, the Secret stays, and over by itself', async (t) => {
	await untilCluster(home.api, 'frozen', 'frozen', 'Ready', 'True');
	await untilEvent(home.api, 'frozen', 'ClusterJoined');
	const recording = await recordInstallation<Recorded>(home.api, 'frozen');
	const before = await readRemoteSecret(home.api, 'frozen', 'frozen');
	await untilMetrics(t, 'frozen', () => ({ reachable: 1, joined: 1 }));

	await frozen.cluster.restartApiServer();
	frozen.cluster.pauseApiServer();
	await eventually(
		'the silence is told',
		async () => {
			const [cluster] = (await readInstallation(home.api, 'frozen')).status?.clusters ?? [];
			return cluster?.reachable === false && cluster;
		},
		noticedWithinMs,
	);
	const [silent] = (await readInstallation(home.api, 'frozen')).status?.clusters ?? [];
	t.truthy(silent?.lastSuccess);
	t.truthy(silent?.secret);
	await untilMetrics(t, 'frozen', () => ({ reachable: 0, joined: 1 }));
	t.is(
		(await readRemoteSecret(home.api, 'frozen', 'frozen')).metadata.resourceVersion,
		before.metadata.resourceVersion,
	);
	await untilEvent(home.api, 'frozen', 'Unreachable');

	frozen.cluster.resumeApiServer();
	await untilCluster(home.api, 'frozen', 'frozen', 'Ready', 'True');
	await untilEvent(home.api, 'frozen', 'ClusterReachable');
	const versions = await recording.stop();
	t.deepEqual(steps(versions, 'Reachable'), [
		'Reachable True Reachable',
		'Reachable False Unreachable',
		'Reachable True Reachable',
	]);
	t.deepEqual(await outages('frozen'), ['ClusterJoined', 'Unreachable', 'ClusterReachable']);
	await untilMetrics(t, 'frozen', (cluster) => ({
		reachable: 1,
		joined: 1,
		services: cluster?.services,
		endpoints: cluster?.endpoints,
		credentials_expiry_timestamp_seconds: Date.parse(cluster?.credentialsExpire ?? '') / 1_000,
	}));
	const [cluster] = (await readInstallation(home.api, 'frozen')).status?.clusters ?? [];
	t.is(cluster?.lastSuccess, undefined);
	const { latency_seconds: latency = 0, last_success_timestamp_seconds: success = 0 } = await metricsOf('frozen');
	t.true(latency > 0 && success > 0);
	const binding = { ...kinds.ClusterRoleBinding, name: 'istio-reader-home-frozen' };
	await frozen.api.delete(binding);
	await eventually('drift is repaired', () => frozen.api.get(binding));
});
