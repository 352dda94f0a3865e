/** With clusters joined and nothing wrong, nothing is written on any side: not over time, not after a restart. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { eventually } from '../support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	untilEvent,
	untilInstalled,
} from '../support/installation.ts';
import {
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
} from '../support/joined.ts';
import { addJoiner, type Joiner, writesThere } from '../support/joiner.ts';
import { type MeshCluster, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { describeWrite, mark, requestsOf, restMs, untilCalm, writesOf } from '../support/writes.ts';

let home: MeshCluster;
let others: Readonly<Record<'eu' | 'us', { readonly mesh: MeshCluster; readonly joiner: Joiner }>>;
let operator: RunningOperator;
const names = ['eu', 'us'] as const;

test.before(async () => {
	const [first, eu, us] = (await startMeshClusters(
		{ name: 'home' },
		{ name: 'eu', crd: false },
		{ name: 'us', crd: false },
	)) as [MeshCluster, MeshCluster, MeshCluster];
	home = first;
	others = {
		eu: { mesh: eu, joiner: await addJoiner(eu) },
		us: { mesh: us, joiner: await addJoiner(us) },
	};
	operator = await startJoiningOperator(home);
	for (const name of names) await giveKubeconfig(home.api, name, flatKubeconfig(others[name].joiner));
	await applyInstallation(home.api, 'mesh', multiCluster([entry('eu', 1), entry('us', 2)]));
	await untilInstalled(home.api, 'mesh');
	for (const name of names) await untilCluster(home.api, 'mesh', name, 'Ready', 'True');
	for (const name of names) await untilEvent(home.api, 'mesh', 'ClusterJoined', name);
	for (const name of names)
		await eventually(`the proxies in ${name} are counted`, async () => {
			const { proxies } = (await clusterStatus(home.api, 'mesh', name)) ?? {};
			return proxies?.total !== undefined;
		});
	await untilAtRest();
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), others?.eu.mesh.stop(), others?.us.mesh.stop()]);
});

/** Waits until nothing is written any more on any side. */
async function untilAtRest(): Promise<void> {
	await untilCalm(home.cluster, operatorUser, restMs);
	for (const name of names) await untilCalm(others[name].mesh.cluster, others[name].joiner.user, restMs);
}

/** resourceVersions of all that was made, on every side. */
async function versions(): Promise<readonly string[]> {
	const of = async (api: ApiServer) =>
		(await liveChildren(api)).map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`);
	const { metadata } = await readInstallation(home.api, 'mesh');
	const all = await Promise.all([home.api, ...names.map((name) => others[name].mesh.api)].map(of));
	return [...all.flat(), `mesh ${metadata.resourceVersion}`];
}

async function marks() {
	return {
		home: await mark(home.cluster),
		eu: await mark(others.eu.mesh.cluster),
		us: await mark(others.us.mesh.cluster),
	};
}

async function written(since: Awaited<ReturnType<typeof marks>>): Promise<readonly string[]> {
	const there = await Promise.all(
		names.map((name) => writesThere(others[name].mesh, others[name].joiner, since[name])),
	);
	return [...(await writesOf(home.cluster, operatorUser, since.home)).map(describeWrite), ...there.flat()];
}

test.serial(
	'30 s with two clusters joined: no write in any of the three, though each was asked how it is',
	async (t) => {
		const [place, before] = [await marks(), await versions()];
		await sleep(30_000);
		await eventually('each was asked', async () => {
			const asked = await Promise.all(
				names.map((name) => requestsOf(others[name].mesh.cluster, others[name].joiner.user, place[name])),
			);
			return asked.every((requests) => requests.length > 0);
		});
		t.deepEqual(await written(place), []);
		t.deepEqual(await versions(), before);
	},
);

test.serial('a restart of the operator writes nothing on any side and moves no resourceVersion', async (t) => {
	const [place, before] = [await marks(), await versions()];
	await operator.stop();
	const stopped = await marks();
	operator = await startJoiningOperator(home);
	// The last drift is repaired after the passes of the start.
	const reader = { ...kinds.ClusterRoleBinding, name: 'istio-reader-home-istio-system' };
	await eventually('each was checked', async () => {
		const asked = await Promise.all(
			names.map((name) => requestsOf(others[name].mesh.cluster, others[name].joiner.user, stopped[name])),
		);
		// A watch is in the log when it ends.
		return asked.every((requests) =>
			requests.some(({ verb, objectRef }) => verb === 'list' && objectRef?.resource === 'clusterrolebindings'),
		);
	});
	await untilAtRest();
	t.deepEqual(await written(place), []);
	t.deepEqual(await versions(), before);
	await others.us.mesh.api.delete(reader);
	await eventually('and it works', () => others.us.mesh.api.get(reader));
});
