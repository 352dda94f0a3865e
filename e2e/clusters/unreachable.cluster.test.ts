/**
 * Entries that lead to nothing good: each is told why, harms neither the others nor the mesh, and a new kubeconfig mends
 * it.
 */
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import { eventually } from '../support/eventually.ts';
import {
	type Behaviour,
	type HostileServer,
	loopbackCertificate,
	startHostileServer,
	startSilentServer,
} from '../support/hostile-server.ts';
import { applyInstallation, readInstallation, untilReady } from '../support/installation.ts';
import {
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	type Reachable,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	useRemoteSecret,
} from '../support/joined.ts';
import { addJoiner, type Joiner, writesThere } from '../support/joiner.ts';
import { type MeshCluster, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { writesOf } from '../support/writes.ts';

let home: MeshCluster;
let other: MeshCluster;
let third: MeshCluster;
let operator: RunningOperator;
/** The joiner in the cluster `other`. */
let joiner: Joiner;
const servers: HostileServer[] = [];

const silent = ['silent', 'silent-1', 'silent-2', 'silent-3', 'silent-4'];
const behaviours: Readonly<Record<string, Behaviour>> = {
	page: 'page',
	nonsense: 'wrong JSON',
	endless: 'endless',
	failing: 'failing',
	redirect: 'redirect',
};

test.before(async () => {
	[home, other, third] = (await startMeshClusters(
		{ name: 'home', parts: 'all' },
		{ name: 'other', crd: false },
		{ name: 'third', crd: false },
	)) as [MeshCluster, MeshCluster, MeshCluster];
	joiner = await addJoiner(other);
	const revoked = await addJoiner(other);
	await revoked.revoke();
	const { ca } = await loopbackCertificate();
	const bad: Record<string, Reachable> = {
		'wrong-ca': { ...joiner, ca },
		revoked,
		// A reserved port, which nobody ever gets.
		closed: { ...joiner, url: 'https://127.0.0.1:1' },
	};
	const start = async (name: string, server: HostileServer) => {
		servers.push(server);
		bad[name] = { ...joiner, url: server.url, ca: server.ca === '' ? joiner.ca : server.ca };
	};
	for (const name of silent) await start(name, await startSilentServer());
	for (const [name, behaviour] of Object.entries(behaviours))
		await start(name, await startHostileServer(behaviour, other.cluster.url));
	for (const [name, reachable] of Object.entries(bad)) await giveKubeconfig(home.api, name, flatKubeconfig(reachable));
	operator = await startJoiningOperator(home);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop(), third?.stop(), ...servers.map((server) => server.stop())]);
});

const bad = ['wrong-ca', 'revoked', 'closed', ...silent, ...Object.keys(behaviours)];

/** A request to a silent server is given up after this time (`operator/clusters/keep/probe.ts`). */
const silenceMs = 5_000;

/**
 * Milliseconds of the shortest of some drifts of the mesh. Longer ones are due to a machine that had other things to do.
 */
async function repairs(count: number): Promise<number> {
	const reference = { ...kinds.ConfigMap, namespace: 'istio-system', name: 'istio' };
	const times: number[] = [];
	for (let round = 0; round < count; round++) {
		const { uid } = (await home.api.get(reference)).metadata;
		const startedAt = performance.now();
		await home.api.delete(reference);
		await eventually('the ConfigMap is made anew', async () => (await home.api.get(reference)).metadata.uid !== uid);
		times.push(performance.now() - startedAt);
	}
	return Math.min(...times);
}

test.serial(
	'beside entries that hang or are dead the mesh becomes ready, its drift is repaired as fast, and a good one joins',
	async (t) => {
		const { api } = home;
		await applyInstallation(api, 'mesh', {});
		await untilReady(api, 'mesh');
		const alone = await repairs(7);
		const entries = bad.map((name, index) => entry(name, index + 10));
		await applyInstallation(api, 'mesh', multiCluster(entries));
		await untilReady(api, 'mesh');
		const beside = await repairs(7);
		// With a wait for one of them in between, it would take longer than that each time, however fast the machine is.
		t.true(beside < alone + silenceMs / 2, `${beside} ms beside them, ${alone} ms without`);
		await giveKubeconfig(api, 'good', flatKubeconfig(joiner));
		await applyInstallation(api, 'mesh', multiCluster([...entries, entry('good', 1)]));
		await untilCluster(api, 'mesh', 'good', 'Ready', 'True');
		await useRemoteSecret(api, 'istio-system', 'good');
		await untilReady(api, 'mesh');
	},
);

for (const [title, name, reason] of [
	['an API server whose certificate another authority signed', 'wrong-ca', 'TLSNotVerified'],
	['a token that was revoked', 'revoked', 'Unauthorized'],
	['a port on which nothing listens', 'closed', 'Unreachable'],
	['a server that takes connections and never answers', 'silent', 'Unreachable'],
	['a server that answers with a page', 'page', 'Unreachable'],
	['a server that answers with JSON of another shape', 'nonsense', 'ClusterMisbehaves'],
	['a server whose answer never ends', 'endless', 'ClusterMisbehaves'],
	['a server that fails each request', 'failing', 'Unreachable'],
	['a server that redirects to a real one', 'redirect', 'Unreachable'],
] as const) {
	test.serial(`${title} is told as ${reason}, and nothing is written`, async (t) => {
		const message = await untilCluster(home.api, 'mesh', name, 'Ready', 'False', reason);
		t.false(message.includes(joiner.token));
		t.is((await clusterStatus(home.api, 'mesh', name))?.reachable, false);
		const writes = await writesOf(home.cluster, operatorUser);
		t.false(writes.some(({ objectRef }) => objectRef?.name === `istio-remote-secret-${name}`));
	});
}

test.serial('a redirection is not followed, and nobody is asked for more than whether it is there', async (t) => {
	const there = (await writesThere(other, joiner)).filter((line) => !line.includes('istio-reader-home'));
	t.true(
		there.every((line) => line.includes('istio-system')),
		there.join('\n'),
	);
	for (const server of servers)
		for (const path of server.asked.filter(Boolean)) t.true(path.startsWith('/api/v1/namespaces/kube-system'), path);
});

test.serial(
	'the entries are told in their order, and the condition of the mesh names those that are not in',
	async (t) => {
		const { status } = await readInstallation(home.api, 'mesh');
		t.deepEqual(
			status?.clusters?.map(({ name }) => name),
			[...bad, 'good'],
		);
		t.is(status?.joinedClusters, `1/${bad.length + 1}`);
		const joined = status?.conditions?.find(({ type }) => type === 'ClustersJoined');
		t.like(joined, { status: 'False', reason: 'ClustersNotJoined' });
		t.regex(joined?.message ?? '', /wrong-ca: /);
	},
);

test.serial('a kubeconfig that is corrected is used at once', async (t) => {
	await giveKubeconfig(home.api, 'closed', flatKubeconfig(await addJoiner(third)));
	await untilCluster(home.api, 'mesh', 'closed', 'Ready', 'True');
	await useRemoteSecret(home.api, 'istio-system', 'closed');
	t.pass();
});

test.serial(
	'a kubeconfig that leads to another cluster later: nothing is written there, and the Secret stays',
	async (t) => {
		const { api } = home;
		await applyInstallation(api, 'mesh', multiCluster([entry('good', 1)]));
		await eventually(
			'all others have left',
			async () => (await readInstallation(api, 'mesh')).status?.clusters?.length === 1,
		);
		const wrong = await addJoiner(third);
		await giveKubeconfig(api, 'good', flatKubeconfig(wrong));
		const message = await untilCluster(api, 'mesh', 'good', 'Ready', 'False', 'OtherCluster');
		t.regex(message, /another cluster/);
		t.deepEqual(await writesThere(third, wrong), []);
		await useRemoteSecret(api, 'istio-system', 'good');
		const status = await clusterStatus(api, 'mesh', 'good');
		t.truthy(status?.secret);
		const { apiVersion, kind } = kinds.Namespace;
		t.is(status?.id, (await other.api.getMetadata({ apiVersion, kind, name: 'kube-system' })).metadata.uid);
		await giveKubeconfig(api, 'good', flatKubeconfig(joiner));
		await untilCluster(api, 'mesh', 'good', 'Ready', 'True');
		t.deepEqual(await writesThere(third, wrong), []);
	},
);
