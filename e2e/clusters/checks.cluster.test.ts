/** The checks before a cluster joins: while something is wrong nothing is written, and a corrected cluster joins. */
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation } from '../support/installation.ts';
import {
	administratorOf,
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	useRemoteSecret,
} from '../support/joined.ts';
import { addJoiner, refusedThere, writesThere } from '../support/joiner.ts';
import { applyFiles, type MeshCluster, makeNamespace, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { mark, writesOf } from '../support/writes.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	operator = await startJoiningOperator(home);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop()]);
});

/** Whether anything of a cluster was ever written here. */
async function isUnwrittenHere(cluster: string): Promise<boolean> {
	const writes = await writesOf(home.cluster, operatorUser);
	return !writes.some(({ objectRef }) => objectRef?.name === `istio-remote-secret-${cluster}`);
}

/** Each test has a mesh of its own, in a namespace of its own. */
function apply(mesh: string, clusters: Parameters<typeof multiCluster>[0], more = {}): Promise<unknown> {
	return applyInstallation(home.api, mesh, {
		namespace: mesh,
		deletion: { timeout: '2s' },
		...multiCluster(clusters, more),
	});
}

test.serial('the cluster of the operator itself does not join', async (t) => {
	const joiner = await addJoiner(home);
	await giveKubeconfig(home.api, 'self', flatKubeconfig(joiner));
	await apply('mesh-own', [entry('self', 1)]);
	const message = await untilCluster(home.api, 'mesh-own', 'self', 'Ready', 'False', 'OwnCluster');
	t.regex(message, /this cluster itself/);
	t.deepEqual(await writesThere(home, joiner), []);
	t.true(await isUnwrittenHere('self'));
});

test.serial('an entry with the name of this cluster does not join until it has another', async (t) => {
	const joiner = await addJoiner(other);
	await giveKubeconfig(home.api, 'home', flatKubeconfig(joiner));
	await apply('mesh-name', [entry('home', 1)]);
	await untilCluster(home.api, 'mesh-name', 'home', 'Ready', 'False', 'ClusterNameTaken');
	t.deepEqual(await writesThere(other, joiner), []);
	t.true(await isUnwrittenHere('home'));
	await apply('mesh-name', [
		entry('renamed', 1, { kubeconfigSecret: { name: 'home-kubeconfig', namespace: 'meshwright-system' } }),
	]);
	await untilCluster(home.api, 'mesh-name', 'renamed', 'Ready', 'True');
	t.is(await clusterStatus(home.api, 'mesh-name', 'home'), undefined);
});

test.serial('of two entries for one cluster one joins, and the other when that one has left', async (t) => {
	const joiners = { one: await addJoiner(other), two: await addJoiner(other) };
	for (const [name, joiner] of Object.entries(joiners)) await giveKubeconfig(home.api, name, flatKubeconfig(joiner));
	await apply('mesh-twice', [entry('one', 1), entry('two', 2)]);
	const [joined, refused] = await eventually('one is in, the other is not', async () => {
		const states = await Promise.all(
			(['one', 'two'] as const).map(async (name) => {
				const status = await clusterStatus(home.api, 'mesh-twice', name);
				return { name, ready: status?.conditions?.find(({ type }) => type === 'Ready') };
			}),
		);
		const inside = states.find(({ ready }) => ready?.status === 'True')?.name;
		const outside = states.find(({ ready }) => ready?.reason === 'JoinedTwice')?.name;
		return inside !== undefined && outside !== undefined && ([inside, outside] as const);
	});
	t.deepEqual(await writesThere(other, joiners[refused]), []);
	t.true(await isUnwrittenHere(refused));
	await apply('mesh-twice', [entry(refused, refused === 'one' ? 1 : 2)]);
	await untilCluster(home.api, 'mesh-twice', refused, 'Ready', 'True');
	t.is(await orAbsent(readRemoteSecret(home.api, 'mesh-twice', joined)), undefined);
	await useRemoteSecret(home.api, 'mesh-twice', refused);
	t.pass('its token was not ended by the one that left');
});

test.serial(
	'a user without rights is told each of them, and joins by itself once it has those of deploy/remote/base',
	async (t) => {
		const joiner = await addJoiner(other, { name: 'meshwright-join', isAdministrator: false });
		await giveKubeconfig(home.api, 'poor', flatKubeconfig(joiner));
		await applyInstallation(home.api, 'mesh-poor', multiCluster([entry('poor', 1)]));
		const message = await untilCluster(home.api, 'mesh-poor', 'poor', 'Ready', 'False', 'PermissionsMissing');
		for (const part of ['serviceaccounts/token', 'clusterrolebindings', 'namespaces', 'istio-reader-home'])
			t.true(message.includes(part), `${part}: ${message}`);
		t.deepEqual(await writesThere(other, joiner), []);
		t.true(await isUnwrittenHere('poor'));
		const base = 'deploy/remote/base';
		await makeNamespace(other.api, 'istio-system');
		await applyFiles(other.api, `${base}/namespace.yaml`);
		await applyFiles(other.api, `${base}/service-account.yaml`, `${base}/rbac.generated.yaml`);
		await untilCluster(home.api, 'mesh-poor', 'poor', 'Ready', 'True');
		const place = await mark(other.cluster);
		// Makes a pass do everything once more.
		await other.api.delete({ ...kinds.ServiceAccount, namespace: 'istio-system', name: 'istio-reader-home' });
		await eventually('the account is made again', () =>
			other.api.get({ ...kinds.ServiceAccount, namespace: 'istio-system', name: 'istio-reader-home' }),
		);
		await eventually('its token is used', async () => {
			await useRemoteSecret(home.api, 'istio-system', 'poor');
			return true;
		});
		t.deepEqual(await refusedThere(other, joiner, place), []);
	},
);

test.serial(
	'with nothing but the rights of deploy/remote/base it joins and leaves, and nothing is refused',
	async (t) => {
		await applyInstallation(home.api, 'mesh-poor', { deletion: { timeout: '2s' }, ...multiCluster([]) });
		await eventually('it has left', async () => (await clusterStatus(home.api, 'mesh-poor', 'poor')) === undefined);
		const joiner = await addJoiner(other, { name: 'meshwright-join', isAdministrator: false });
		const place = await mark(other.cluster);
		await giveKubeconfig(home.api, 'base', flatKubeconfig(joiner));
		// Time to be cleaned, in addition to that in which Pilot forgets it.
		const deletion = { timeout: '60s' };
		await applyInstallation(home.api, 'mesh-poor', { deletion, ...multiCluster([entry('base', 1)]) });
		await untilCluster(home.api, 'mesh-poor', 'base', 'Ready', 'True');
		await applyInstallation(home.api, 'mesh-poor', { deletion, ...multiCluster([]) });
		await eventually('it has left', async () => (await clusterStatus(home.api, 'mesh-poor', 'base')) === undefined);
		t.deepEqual(await refusedThere(other, joiner, place), []);
		t.is(
			await orAbsent(other.api.get({ ...kinds.ServiceAccount, namespace: 'istio-system', name: 'istio-reader-home' })),
			undefined,
		);
	},
);

for (const { title, mesh, local, given, ranges } of [
	{
		title: 'pods that share addresses with those of this cluster',
		mesh: 'mesh-pods',
		local: { podCIDRs: ['172.21.0.0/24'] },
		given: () => ({ podCIDRs: ['172.30.0.0/24', '172.21.0.128/25'] }),
		ranges: () => ['172.21.0.128/25', '172.21.0.0/24'],
	},
	{
		title: 'IPv6 pods that share addresses with those of this cluster',
		mesh: 'mesh-six',
		local: { podCIDRs: ['172.21.0.0/24', 'fd00:21::/56'] },
		given: () => ({ podCIDRs: ['172.30.0.0/24', 'fd00:21:0:1::/64'] }),
		ranges: () => ['fd00:21:0:1::/64', 'fd00:21::/56'],
	},
	{
		title: 'Services that share addresses with those of this cluster',
		mesh: 'mesh-services',
		local: {},
		given: () => ({ serviceCIDRs: [home.cluster.serviceCIDR] }),
		ranges: () => [home.cluster.serviceCIDR],
	},
	{
		title: 'IPv6 Services that share addresses with pods of this cluster',
		mesh: 'mesh-mixed',
		local: { podCIDRs: ['172.21.0.0/24', 'fd00:22::/56'] },
		given: () => ({ serviceCIDRs: ['172.31.0.0/24', 'fd00:22::/112'] }),
		ranges: () => ['fd00:22::/112', 'fd00:22::/56'],
	},
] as const) {
	test.serial(`${title}: the cluster joins when that is corrected, and not before`, async (t) => {
		const joiner = await addJoiner(other);
		await giveKubeconfig(home.api, mesh, flatKubeconfig(joiner));
		await apply(mesh, [entry(mesh, 1, given())], local);
		const message = await untilCluster(home.api, mesh, mesh, 'Ready', 'False', 'AddressesOverlap');
		for (const range of ranges()) t.true(message.includes(range), message);
		t.deepEqual(await writesThere(other, joiner), []);
		t.true(await isUnwrittenHere(mesh));
		await apply(mesh, [entry(mesh, 1)], local);
		await untilCluster(home.api, mesh, mesh, 'Ready', 'True');
	});
}

test.serial(
	'two clusters of a mesh whose pods share addresses: one joins, and the other when it has others',
	async (t) => {
		await giveKubeconfig(home.api, 'left', flatKubeconfig(administratorOf(other.cluster)));
		const joiner = await addJoiner(other);
		await giveKubeconfig(home.api, 'right', flatKubeconfig(joiner));
		await apply('mesh-between', [entry('left', 1)]);
		await untilCluster(home.api, 'mesh-between', 'left', 'Ready', 'True');
		await apply('mesh-between', [entry('right', 1), entry('left', 1)]);
		// All problems are told at once, not only that it is the same cluster.
		const message = await untilCluster(home.api, 'mesh-between', 'right', 'Compatible', 'False', 'JoinedTwice');
		t.regex(message, /share addresses with pods of cluster left/);
		t.deepEqual(await writesThere(other, joiner), []);
		t.is((await clusterStatus(home.api, 'mesh-between', 'left'))?.secret, 'mesh-between/istio-remote-secret-left');
	},
);
