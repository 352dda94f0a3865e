/** A cluster leaves: the Secret first, then what was made there. It has a deadline, and what is left behind is told. */
import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject, ObjectReference } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { type HostileServer, startSilentServer } from '../support/hostile-server.ts';
import {
	applyInstallation,
	eventsAbout,
	installationReference,
	liveChildren,
	readInstallation,
	type Spec,
	untilEvent,
	untilGone,
	untilInstalled,
} from '../support/installation.ts';
import {
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	readRemoteSecret,
	remoteSecrets,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
	useRemoteSecret,
} from '../support/joined.ts';
import { addJoiner, type Joiner } from '../support/joiner.ts';
import { type MeshCluster, operatorUser, person } from '../support/mesh-cluster.ts';
import { observe } from '../support/observing.ts';
import type { RunningOperator } from '../support/operator.ts';
import { recordInstallation } from '../support/recording.ts';
import { changesOf, mark, requestsOf } from '../support/writes.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;
let joiner: Joiner;
let silent: HostileServer;

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	silent = await startSilentServer();
	joiner = await addJoiner(other);
	operator = await startJoiningOperator(home);
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop(), silent?.stop()]);
});

// Each test has a mesh of its own, so that what waits in one does not hold up the others; but those that restart the operator.

/** A mesh in a namespace of its name, with one entry of that name too. */
async function join(mesh: string, deletion: Spec = { timeout: '3s' }): Promise<void> {
	await giveKubeconfig(home.api, mesh, flatKubeconfig(joiner));
	await apply(mesh, [entry(mesh, 1)], deletion);
	await untilInstalled(home.api, mesh);
	await untilCluster(home.api, mesh, mesh, 'Ready', 'True');
}

function apply(mesh: string, clusters: readonly Spec[], deletion: Spec = { timeout: '3s' }): Promise<unknown> {
	return applyInstallation(home.api, mesh, { namespace: mesh, deletion, ...multiCluster(clusters) });
}

/** Everything in the other cluster that was made for a mesh. */
async function madeThere(mesh: string): Promise<readonly string[]> {
	const all = await liveChildren(other.api);
	return all
		.filter(({ metadata }) => metadata.namespace === mesh || metadata.name.endsWith(`-${mesh}`))
		.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

const kubeconfigSecret = (name: string): ObjectReference => ({
	...kinds.Secret,
	namespace: 'meshwright-system',
	name: `${name}-kubeconfig`,
});

/** Makes the kubeconfig lead to silence, and waits until the operator has noticed that it is another one. */
async function lose(mesh: string): Promise<void> {
	const before = silent.asked.length;
	await giveKubeconfig(home.api, mesh, flatKubeconfig({ ...joiner, url: silent.url }));
	await eventually('the operator tries it', () => silent.asked.length > before);
}

async function untilNoMetric(line: RegExp): Promise<void> {
	await eventually('no metric tells of it', async () => !line.test((await operator.ask('/metrics')).body));
}

test('an entry that is removed: Pilot loses the Secret first, then the cluster is cleaned, and the namespace stays', async (t) => {
	await join('plain', { timeout: '2m' });
	t.is((await madeThere('plain')).length, 3);
	const [here, there] = [await mark(home.cluster), await mark(other.cluster)];
	const order: string[] = [];
	const watch = await observe<KubeObject>(home.api, kinds.Secret, 'plain', ({ type, object }) => {
		if (object.metadata.name !== 'istio-remote-secret-plain') return;
		const isPublished = object.metadata.labels?.['istio/multiCluster'] === 'true';
		order.push(type === 'gone' ? 'gone' : isPublished ? 'published' : 'unpublished');
	});
	await apply('plain', [], { timeout: '2m' });
	await untilCluster(home.api, 'plain', 'plain', 'Ready', 'False', 'Leaving');
	t.deepEqual(await remoteSecrets(home.api, 'plain'), []);
	t.is((await madeThere('plain')).length, 3, 'while Pilot may still read it');
	await untilLeft(home.api, 'plain', 'plain', 'plain');
	await watch.caughtUp();
	watch.stop();
	t.deepEqual([...new Set(order)], ['published', 'unpublished', 'gone']);
	// Watches of two API servers don't show an order between them. The times in their logs do, because they share a clock.
	const ofSecret = (await changesOf(home.cluster, operatorUser, here)).filter(
		({ objectRef }) => objectRef?.name === 'istio-remote-secret-plain',
	);
	const ofAccount = (await changesOf(other.cluster, joiner.user, there)).filter(
		({ verb, objectRef }) => verb === 'delete' && objectRef?.resource === 'serviceaccounts',
	);
	const [unpublished, removed] = [ofSecret[0], ofSecret.at(-1)];
	const [gone, ...more] = ofAccount.filter(({ objectRef }) => objectRef?.namespace === 'plain');
	t.deepEqual([unpublished?.verb, removed?.verb, more], ['patch', 'delete', []]);
	t.true((unpublished?.stageTimestamp ?? '') < (gone?.requestReceivedTimestamp ?? ''), 'first Pilot loses the Secret');
	t.true((gone?.stageTimestamp ?? '') < (removed?.requestReceivedTimestamp ?? ''), 'last goes what is known of it');
	t.deepEqual(await madeThere('plain'), []);
	t.truthy(await other.api.get({ ...kinds.Namespace, name: 'plain' }));
	await untilEvent(home.api, 'plain', 'ClusterLeft');
	const { status } = await readInstallation(home.api, 'plain');
	t.is(status?.clusters, undefined);
	t.is(status?.leftBehind, undefined);
	t.is(
		status?.conditions?.find(({ type }) => type === 'ClustersJoined'),
		undefined,
	);
	await untilNoMetric(/meshwright_cluster_.*cluster="plain"/);
});

test('a Secret that somebody has applied as it was, from a backup for example, is unpublished all the same', async (t) => {
	await join('restored', { timeout: '2m' });
	const { metadata, ...rest } = await readRemoteSecret(home.api, 'restored', 'restored');
	const { name, namespace, labels = {}, annotations = {}, ownerReferences = [] } = metadata;
	// Its fields have two owners now, so what one of them gives up stays.
	const copy = { ...rest, metadata: { name, namespace, labels, annotations, ownerReferences } } as KubeObject;
	await home.api.apply(copy, { fieldManager: 'backup', force: true });
	await apply('restored', [], { timeout: '2m' });
	await untilLeft(home.api, 'restored', 'restored', 'restored');
	t.deepEqual(await madeThere('restored'), []);
	const events = await eventsAbout(home.api, 'restored');
	t.is(events.filter(({ reason }) => reason === 'ClusterLeaving').length, 1);
});

test.serial(
	'an entry that is removed and added again at once leaves first, and joins then as a new Secret',
	async (t) => {
		await join('again', { timeout: '20s' });
		const before = await readRemoteSecret(home.api, 'again', 'again');
		const seen: { readonly at: number; readonly isThere: boolean }[] = [];
		// The Secret as a classic Pilot sees it: with the label, or not at all.
		const watch = await observe<KubeObject>(home.api, kinds.Secret, 'again', ({ type, object }) => {
			if (object.metadata.name !== 'istio-remote-secret-again') return;
			const isThere = type === 'present' && object.metadata.labels?.['istio/multiCluster'] === 'true';
			if (seen.at(-1)?.isThere !== isThere) seen.push({ at: performance.now(), isThere });
		});
		await apply('again', [], { timeout: '20s' });
		await eventually('it begins to leave', async () => (await remoteSecrets(home.api, 'again')).length === 0);
		await apply('again', [entry('again', 1)], { timeout: '20s' });
		await operator.stop();
		operator = await startJoiningOperator(home);
		const after = await eventually('a new Secret', async () => {
			const [live] = await remoteSecrets(home.api, 'again');
			return live !== undefined && live.metadata.uid !== before.metadata.uid && live;
		});
		await untilCluster(home.api, 'again', 'again', 'Ready', 'True');
		await useRemoteSecret(home.api, 'again', 'again');
		await watch.caughtUp();
		watch.stop();
		t.deepEqual(
			seen.map(({ isThere }) => isThere),
			[true, false, true],
		);
		// This is a lower bound: a Pilot that learns of both at one moment notices neither.
		t.true((seen[2]?.at ?? 0) - (seen[1]?.at ?? 0) > 5_000);
		t.is(
			after.metadata.annotations?.['meshwright.io/cluster-replaced-at'],
			undefined,
			'nothing has to be rolled for it',
		);
	},
);

test('a cluster that does not answer is left in time; what is left there is told until the entry joins again', async (t) => {
	await join('lost');
	await lose('lost');
	await apply('lost', []);
	await untilLeft(home.api, 'lost', 'lost', 'lost');
	const note = await untilEvent(home.api, 'lost', 'ClusterLeftBehind');
	t.regex(note, /istio-reader-home/);
	const [left] = (await readInstallation(home.api, 'lost')).status?.leftBehind ?? [];
	t.is(left?.cluster, 'lost');
	t.regex(JSON.stringify(left?.objects), /istio-reader-home/);
	t.is((await madeThere('lost')).length, 3);
	await giveKubeconfig(home.api, 'lost', flatKubeconfig(joiner));
	await apply('lost', [entry('lost', 1)]);
	await untilCluster(home.api, 'lost', 'lost', 'Ready', 'True');
	await eventually('it is told no more', async () => {
		return (await readInstallation(home.api, 'lost')).status?.leftBehind === undefined;
	});
	await apply('lost', [], { timeout: '60s' });
	await untilLeft(home.api, 'lost', 'lost', 'lost');
	t.deepEqual(await madeThere('lost'), [], 'and what was left behind goes with it');
});

test('a kubeconfig that is deleted together with the entry: what is connected is cleaned', async (t) => {
	await join('pruned', { timeout: '60s' });
	await home.api.delete(kubeconfigSecret('pruned'));
	await apply('pruned', [], { timeout: '60s' });
	await untilLeft(home.api, 'pruned', 'pruned', 'pruned');
	t.deepEqual(await madeThere('pruned'), []);
	t.is((await readInstallation(home.api, 'pruned')).status?.leftBehind, undefined);
});

test.serial(
	'without kubeconfig, and after a restart of the operator, it is left in time, and that is told',
	async (t) => {
		await join('blind');
		await home.api.delete(kubeconfigSecret('blind'));
		await operator.stop();
		await apply('blind', []);
		operator = await startJoiningOperator(home);
		await untilLeft(home.api, 'blind', 'blind', 'blind');
		const note = await untilEvent(home.api, 'blind', 'ClusterLeftBehind');
		t.regex(note, /blind-kubeconfig/);
		t.is((await readInstallation(home.api, 'blind')).status?.leftBehind?.[0]?.cluster, 'blind');
	},
);

test.serial('an operator that is restarted while a cluster leaves goes on where it was', async (t) => {
	await join('halfway', { timeout: '60s' });
	await apply('halfway', [], { timeout: '60s' });
	await eventually('it begins to leave', async () => (await remoteSecrets(home.api, 'halfway')).length === 0);
	await operator.stop();
	t.is((await madeThere('halfway')).length, 3);
	operator = await startJoiningOperator(home);
	await untilLeft(home.api, 'halfway', 'halfway', 'halfway');
	t.deepEqual(await madeThere('halfway'), []);
});

test('an installation that is deleted leaves its clusters first, and nothing of it is left on either side', async (t) => {
	await join('whole', { timeout: '60s' });
	const place = await mark(other.cluster);
	await home.api.delete(installationReference('whole'));
	await untilGone(home.api, installationReference('whole'));
	t.deepEqual(await madeThere('whole'), []);
	t.is(await orAbsent(readRemoteSecret(home.api, 'whole', 'whole')), undefined);
	t.deepEqual(await liveChildren(home.api, 'whole'), []);
	t.true((await requestsOf(other.cluster, joiner.user, place)).some(({ verb }) => verb === 'delete'));
	await untilNoMetric(/meshwright_cluster_.*installation="whole"/);
});

test('the deletion of an installation with a cluster that is silent ends, and tells what is left where', async (t) => {
	await join('stuck');
	await lose('stuck');
	const recording = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(home.api, 'stuck');
	await home.api.delete(installationReference('stuck'));
	await untilGone(home.api, installationReference('stuck'));
	// The status says it no longer than the deletion may take.
	const said = (await recording.stop()).flatMap(({ status }) => status?.conditions ?? []);
	t.true(
		said.some(
			({ type, status, reason, message }) =>
				type === 'Ready' && status === 'False' && reason === 'Deleting' && /clusters to leave: stuck/.test(message),
		),
		JSON.stringify(said),
	);
	const note = await untilEvent(home.api, 'stuck', 'ClusterLeftBehind');
	t.regex(note, /istio-reader-home/);
	t.is(await orAbsent(readRemoteSecret(home.api, 'stuck', 'stuck')), undefined);
	t.deepEqual(await liveChildren(home.api, 'stuck'), []);
});

test('an installation that is retained leaves its clusters as they are: published, read, and nobody changes them again', async (t) => {
	await join('kept', { policy: 'Retain', timeout: '3s' });
	const before = await readRemoteSecret(home.api, 'kept', 'kept');
	await home.api.delete(installationReference('kept'));
	await untilGone(home.api, installationReference('kept'));
	const after = await readRemoteSecret(home.api, 'kept', 'kept');
	t.is(after.metadata.uid, before.metadata.uid);
	t.is(after.metadata.ownerReferences, undefined);
	t.is(after.metadata.labels?.['istio/multiCluster'], 'true');
	await useRemoteSecret(home.api, 'kept', 'kept');
	t.is((await madeThere('kept')).length, 3);
	await untilNoMetric(/meshwright_cluster_.*installation="kept"/);
});

test('an entry that never joined is gone as soon as it is removed', async (t) => {
	await giveKubeconfig(home.api, 'never', flatKubeconfig({ ...joiner, url: silent.url }));
	await apply('never', [entry('never', 1)]);
	await untilCluster(home.api, 'never', 'never', 'Ready', 'False', 'Unreachable');
	await apply('never', []);
	await untilLeft(home.api, 'never', 'never', 'never');
	t.deepEqual(
		(await eventsAbout(home.api, 'never')).filter(({ reason }) => reason === 'ClusterLeftBehind'),
		[],
	);
	await untilNoMetric(/meshwright_cluster_.*cluster="never"/);
});

test('a Secret that somebody deletes while its cluster leaves: nothing is stuck', async (t) => {
	await join('raced', { timeout: '60s' });
	await apply('raced', [], { timeout: '60s' });
	await eventually('it begins to leave', async () => (await remoteSecrets(home.api, 'raced')).length === 0);
	await home.api.patch(
		{ ...kinds.Secret, namespace: 'raced', name: 'istio-remote-secret-raced' },
		{ metadata: { labels: { 'example.com/note': 'x' } } },
		{ type: 'merge', fieldManager: person },
	);
	await home.api.delete({ ...kinds.Secret, namespace: 'raced', name: 'istio-remote-secret-raced' });
	await untilLeft(home.api, 'raced', 'raced', 'raced');
	await apply('raced', [entry('raced', 1)]);
	await untilCluster(home.api, 'raced', 'raced', 'Ready', 'True');
	await useRemoteSecret(home.api, 'raced', 'raced');
	t.pass();
});
