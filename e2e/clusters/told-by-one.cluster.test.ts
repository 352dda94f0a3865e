/**
 * One cluster lists the others, and each control plane is told about all of them. A cluster that begins to list them itself
 * takes over what it is told, and one that stops gives it back, without a moment in which a cluster is missing.
 */
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import {
	allRecords,
	introduce,
	type Member,
	meshNamespace,
	primaryEntry,
	readerOf,
	untilTold,
} from '../support/full-mesh.ts';
import { applyInstallation } from '../support/installation.ts';
import { remoteSecrets, startJoiningOperator, startMeshClusters, untilCluster } from '../support/joined.ts';
import { operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { type TestClock, testClock } from '../support/test-clock.ts';
import { recordTimeline } from '../support/timeline.ts';
import { mark, untilCalm } from '../support/writes.ts';

let hub: Member;
let east: Member;
let west: Member;
const clocks = new Map<Member, TestClock>();
const operators: RunningOperator[] = [];

const fullMesh = () =>
	new Map([
		[hub, ['east', 'west']],
		[east, ['hub', 'west']],
		[west, ['east', 'hub']],
	]);

/** Sets the others that a cluster lists. */
async function list(member: Member, others: readonly Member[]): Promise<void> {
	await applyInstallation(member.api, 'mesh', {
		multiCluster: {
			clusterName: member.name,
			podCIDRs: [`172.20.${member.number}.0/24`],
			clusters: others.map(primaryEntry),
		},
	});
}

const partOf = ({ metadata }: KubeObject) => metadata.labels?.['applyset.kubernetes.io/part-of'];
const isPublished = ({ metadata }: KubeObject) => metadata.labels?.['istio/multiCluster'] === 'true';
const isOfTheOperatorThere = ({ metadata }: KubeObject) => metadata.ownerReferences?.length === 1;

test.before(async () => {
	const names = ['hub', 'east', 'west'];
	const clusters = await startMeshClusters(...names.map((name) => ({ name })));
	const members = clusters.map((cluster, index) => ({ ...cluster, name: names[index] ?? '', number: index + 1 }));
	[hub, east, west] = members as [Member, Member, Member];
	await introduce(hub, [east, west]);
	for (const member of members) {
		const clock = testClock();
		clocks.set(member, clock);
		operators.push(await startJoiningOperator(member, { wallClock: clock.now }));
		await list(member, []);
	}
});
test.after.always(async () => {
	for (const operator of operators) await operator.stop();
	await Promise.all([hub?.stop(), east?.stop(), west?.stop()]);
});

test.serial('by one that lists them all, every control plane is told of all others', async (t) => {
	await list(hub, [east, west]);
	await untilTold(fullMesh());
	for (const member of [hub, east, west]) {
		for (const secret of await remoteSecrets(member.api, meshNamespace)) {
			await using reader = readerOf(secret);
			for (const kind of [kinds.Service, kinds.Endpoints, kinds.Pod, kinds.Node])
				await t.notThrowsAsync(reader.list(kind));
			await t.throwsAsync(reader.list(kinds.Secret));
		}
	}
});

test.serial(
	'one that begins to list the others takes over their Secrets, of which none is missing for a moment',
	async (t) => {
		const before = await allRecords(east);
		t.is(before.length, 2);
		t.false(before.some(isOfTheOperatorThere));
		const timeline = await recordTimeline(east.api, { namespace: meshNamespace, kinds: [kinds.Secret] });
		await introduce(east, [hub, west]);
		await list(east, [hub, west]);
		for (const other of ['hub', 'west']) await untilCluster(east.api, 'mesh', other, 'Ready', 'True');
		await eventually('both are of the operator there', async () =>
			(await allRecords(east)).every(isOfTheOperatorThere),
		);
		for (const { cluster } of [hub, east, west]) await untilCalm(cluster, operatorUser);
		await untilTold(fullMesh());

		const moments = await timeline.stop();
		for (const { metadata } of before) {
			const versions = moments.filter(({ key }) => key.endsWith(`/${metadata.name}`)).map(({ object }) => object);
			t.true(
				versions.every((object) => object !== undefined && isPublished(object)),
				metadata.name,
			);
			const hands = versions.map((object) => (object === undefined ? '' : partOf(object)));
			const changes = hands.filter((hand, index) => index > 0 && hand !== hands[index - 1]);
			t.is(changes.length, 1, 'they change hands once');
		}
		for (const secret of await remoteSecrets(east.api, meshNamespace)) {
			await using reader = readerOf(secret);
			await t.notThrowsAsync(reader.list(kinds.Pod));
		}
	},
);

test.serial('when it ceases to list them, the first tells it of them again', async (t) => {
	await list(east, []);
	await eventually('they leave', async () => !(await allRecords(east)).some(isPublished));
	// A replacement is waited for until the pods are replaced, and here there are none.
	clocks.get(east)?.jump(3 * 60_000);
	await untilTold(fullMesh());
	t.false((await allRecords(east)).some(isOfTheOperatorThere));
	for (const { api } of [hub, west]) {
		const { items } = await api.list<KubeObject>(kinds.ServiceAccount, { namespace: meshNamespace });
		t.deepEqual(
			items.filter(({ metadata }) => metadata.name === 'istio-reader-east'),
			[],
		);
	}
	for (const secret of await remoteSecrets(east.api, meshNamespace)) {
		await using reader = readerOf(secret);
		await t.notThrowsAsync(reader.list(kinds.Pod));
	}
});

test.serial('a primary leaves: what others are told of it goes first, then what was kept in it', async (t) => {
	const since = await mark(west.cluster);
	await list(hub, [east]);
	await eventually('it leaves', async () => !(await allRecords(hub)).every(isPublished));
	const unpublished = Date.now();
	await untilTold(
		new Map([
			[hub, ['east']],
			[east, ['hub']],
		]),
	);
	t.truthy(await orAbsent(west.api.get({ ...serviceAccount, name: 'istio-reader-hub' })));
	clocks.get(hub)?.jump(3 * 60_000);
	await eventually('it has left', async () => (await allRecords(hub)).length === 1);

	t.deepEqual(await allRecords(west), []);
	for (const kind of [kinds.ServiceAccount, kinds.ClusterRole, kinds.ClusterRoleBinding]) {
		const { items } = await west.api.list<KubeObject>(kind, { labelSelector: 'app.kubernetes.io/component=reader' });
		t.deepEqual(items, []);
	}
	await eventually('the account by which it read the first is gone', async () => {
		return (await orAbsent(hub.api.get({ ...serviceAccount, name: 'istio-reader-for-west' }))) === undefined;
	});
	const deletions = (await west.cluster.auditEvents())
		.slice(since)
		.filter(({ verb, user }) => verb === 'delete' && user.username === 'admin');
	t.true(deletions.length >= 5);
	for (const { requestReceivedTimestamp } of deletions) t.true(Date.parse(requestReceivedTimestamp) >= unpublished);
});

const serviceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: meshNamespace } as const;
