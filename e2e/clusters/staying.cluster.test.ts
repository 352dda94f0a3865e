/** Whatever is done to a joined cluster, on either side: it is repaired, or told when that is not ours to do. */
import test from 'ava';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { ObjectReference } from '../../operator/runtime/object.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation, readInstallation, untilInstalled, untilSaid } from '../support/installation.ts';
import {
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	type RemoteSecret,
	readRemoteSecret,
	remoteSecrets,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
	untilLeft,
	useRemoteSecret,
} from '../support/joined.ts';
import { addJoiner, type Joiner, writesThere } from '../support/joiner.ts';
import { type MeshCluster, operatorUser, person } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { testClock } from '../support/test-clock.ts';
import { describeWrite, mark, requestsOf, untilCalm, writesOf } from '../support/writes.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;
let joiner: Joiner;
const clock = testClock();

const namespace = 'istio-system';
const secret: ObjectReference = { ...kinds.Secret, namespace, name: 'istio-remote-secret-eu' };
const account: ObjectReference = { ...kinds.ServiceAccount, namespace, name: 'istio-reader-home' };
const role: ObjectReference = { ...kinds.ClusterRole, name: 'istio-reader-home-istio-system' };
const binding: ObjectReference = { ...kinds.ClusterRoleBinding, name: 'istio-reader-home-istio-system' };

const apply = (more = {}, entries = [entry('eu', 1)], spec = {}) =>
	applyInstallation(home.api, 'mesh', { deletion: { timeout: '2s' }, ...multiCluster(entries, more), ...spec });

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	joiner = await addJoiner(other);
	await giveKubeconfig(home.api, 'eu', flatKubeconfig(joiner));
	operator = await startJoiningOperator(home, { wallClock: clock.now });
	await apply();
	await untilInstalled(home.api, 'mesh');
	await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop()]);
});

/** Waits until the pass over this generation of the installation is done. */
async function untilPaused(): Promise<void> {
	await untilSaid(home.api, 'mesh', 'Installed', 'paused');
	await eventually('the last generation is seen', async () => {
		const { metadata, status } = await readInstallation(home.api, 'mesh');
		return status?.observedGeneration === metadata.generation;
	});
}

const tokenOf = ({ data }: RemoteSecret) => data?.eu;

/** Waits until the Secret is as Pilot needs it, and its token is good. */
async function untilUsable(): Promise<RemoteSecret> {
	return eventually('the Secret can be used', async () => {
		const live = await readRemoteSecret(home.api, namespace, 'eu');
		if (live.metadata.labels?.['istio/multiCluster'] !== 'true') return undefined;
		await useRemoteSecret(home.api, namespace, 'eu');
		return live;
	});
}

test.serial('a Secret that somebody edits is as it was, with the same token', async (t) => {
	const before = await untilUsable();
	for (const patch of [
		{ data: { eu: Buffer.from('nonsense').toString('base64') } },
		{ metadata: { annotations: { 'networking.istio.io/cluster': 'us' } } },
		{ metadata: { annotations: { 'meshwright.io/cluster-issued-at': null, 'networking.istio.io/cluster': null } } },
	]) {
		await home.api.patch(secret, patch, { type: 'merge', fieldManager: person });
		await eventually('it is as it was', async () => {
			const live = await readRemoteSecret(home.api, namespace, 'eu');
			const { annotations } = live.metadata;
			return tokenOf(live) === tokenOf(before) && annotations?.['networking.istio.io/cluster'] === 'eu';
		});
	}
	await untilUsable();
	await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
	t.pass();
});

test.serial(
	'a key that somebody adds to it, which Pilot would take for a cluster, is gone again, also after a restart',
	async (t) => {
		const extra = { data: { us: Buffer.from('nonsense').toString('base64') } };
		const before = await untilUsable();
		const untilAlone = () =>
			eventually('the key is gone', async () => {
				const live = await readRemoteSecret(home.api, namespace, 'eu');
				return Object.keys(live.data ?? {}).join() === 'eu' && tokenOf(live) === tokenOf(before);
			});
		await home.api.patch(secret, extra, { type: 'merge', fieldManager: person });
		await untilAlone();
		await operator.stop();
		await home.api.patch(secret, extra, { type: 'merge', fieldManager: person });
		operator = await startJoiningOperator(home, { wallClock: clock.now });
		await untilAlone();
		t.is(tokenOf(await untilUsable()), tokenOf(before));
	},
);

test.serial(
	'a Secret that loses its label, or is deleted, is published again, and the pods that may have missed it are rolled',
	async (t) => {
		const pilot = { ...kinds.Deployment, namespace, name: 'istio-pilot' };
		const stamp = async () => {
			const { spec } = await home.api.get(pilot);
			const { template } = spec as { template: { metadata: { annotations?: Record<string, string> } } };
			return JSON.stringify(template.metadata.annotations);
		};
		for (const act of [
			() => home.api.patch(secret, { metadata: { labels: { 'istio/multiCluster': null } } }, { type: 'merge' }),
			() => home.api.delete(secret),
		]) {
			const before = await stamp();
			await act();
			await untilUsable();
			await eventually('Pilot is rolled', async () => (await stamp()) !== before);
			await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
			// Until then the pods would be left as they are.
			clock.jump(31 * 60_000);
		}
		t.is((await remoteSecrets(home.api, namespace)).length, 1);
	},
);

test.serial('an account that is deleted there is made again, and a token of the new one is published', async (t) => {
	const before = await readRemoteSecret(home.api, namespace, 'eu');
	await other.api.delete(account);
	const after = await eventually('a new token', async () => {
		const live = await readRemoteSecret(home.api, namespace, 'eu');
		return tokenOf(live) !== undefined && tokenOf(live) !== tokenOf(before) && live;
	});
	t.is(after.metadata.uid, before.metadata.uid, 'in one write');
	await useRemoteSecret(home.api, namespace, 'eu');
});

test.serial('roles and bindings that are edited or deleted there are as they were, and the token stays', async (t) => {
	const before = await readRemoteSecret(home.api, namespace, 'eu');
	const rules = (await other.api.get(role)).rules;
	const subjects = (await other.api.get(binding)).subjects;
	await other.api.patch(role, { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] }, { type: 'merge' });
	await eventually('the role is as it was', async () => {
		return JSON.stringify((await other.api.get(role)).rules) === JSON.stringify(rules);
	});
	await other.api.patch(binding, { subjects: [] }, { type: 'merge' });
	await eventually('the binding is as it was', async () => {
		return JSON.stringify((await other.api.get(binding)).subjects) === JSON.stringify(subjects);
	});
	for (const reference of [binding, role]) {
		const { uid } = (await other.api.get(reference)).metadata;
		await other.api.delete(reference);
		await eventually(
			`${reference.kind} is made again`,
			async () => (await other.api.get(reference)).metadata.uid !== uid,
		);
	}
	await untilUsable();
	t.is(tokenOf(await readRemoteSecret(home.api, namespace, 'eu')), tokenOf(before));
});

test.serial('a new kubeconfig is used by the next pass; the one before is asked nothing more', async (t) => {
	const second = await addJoiner(other);
	await giveKubeconfig(home.api, 'eu', flatKubeconfig(second));
	await eventually('the new one is used', async () => (await requestsOf(other.cluster, second.user)).length > 0);
	await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
	await joiner.revoke();
	const place = await mark(other.cluster);
	await other.api.delete(binding);
	await eventually('the binding is made again', () => other.api.get(binding));
	t.true((await writesThere(other, second, place)).some((line) => line.includes('clusterrolebindings')));
	t.deepEqual(
		(await other.cluster.auditEvents()).slice(place).filter(({ responseStatus }) => responseStatus?.code === 401),
		[],
	);
	joiner = second;
});

for (const [title, spoil, reason, mend] of [
	[
		'a kubeconfig Secret that is gone',
		() => home.api.delete({ ...kinds.Secret, namespace: 'meshwright-system', name: 'eu-kubeconfig' }),
		'KubeconfigNotFound',
		() => giveKubeconfig(home.api, 'eu', flatKubeconfig(joiner)),
	],
	[
		'a kubeconfig that is malformed',
		() => giveKubeconfig(home.api, 'eu', '{"kind": "Config", '),
		'KubeconfigInvalid',
		() => giveKubeconfig(home.api, 'eu', flatKubeconfig(joiner)),
	],
	[
		'a kubeconfig whose token was revoked',
		async () => {
			await joiner.revoke();
			// API servers remember tokens for some seconds.
			await using api = new ApiServer(joiner);
			await eventually('it is refused', () =>
				api.version().then(
					() => false,
					() => true,
				),
			);
		},
		'Unauthorized',
		async () => {
			joiner = await addJoiner(other);
			await giveKubeconfig(home.api, 'eu', flatKubeconfig(joiner));
		},
	],
] as const) {
	test.serial(`${title} is told, the published Secret stays, and it heals by itself`, async (t) => {
		const before = await readRemoteSecret(home.api, namespace, 'eu');
		await spoil();
		// The watches there may go on for a while, so something else has to bring a pass.
		if (reason === 'Unauthorized') await other.api.delete(binding);
		await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'False', reason);
		await untilCluster(home.api, 'mesh', 'eu', 'Joined', 'True');
		t.is((await readRemoteSecret(home.api, namespace, 'eu')).metadata.resourceVersion, before.metadata.resourceVersion);
		await mend();
		await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
		await untilUsable();
		t.is(tokenOf(await readRemoteSecret(home.api, namespace, 'eu')), tokenOf(before));
	});
}

test.serial('a range that overlaps later is reported, and what works is not torn down', async (t) => {
	const before = await readRemoteSecret(home.api, namespace, 'eu');
	await apply({ podCIDRs: ['172.20.1.0/25'] });
	const message = await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'False', 'AddressesOverlap');
	t.true(message.includes('172.20.1.0/24') && message.includes('172.20.1.0/25'), message);
	await untilCluster(home.api, 'mesh', 'eu', 'Joined', 'True');
	await other.api.delete(binding);
	await eventually('drift is repaired all the same', () => other.api.get(binding));
	t.is(tokenOf(await untilUsable()), tokenOf(before));
	await apply();
	await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
});

test.serial(
	'paused: nothing is written on either side, drift stays, nothing leaves; what is resumed converges',
	async (t) => {
		await apply({}, [entry('eu', 1)], { paused: true });
		await untilPaused();
		const [here, there] = [await mark(home.cluster), await mark(other.cluster)];
		await other.api.delete(binding);
		await home.api.patch(secret, { metadata: { labels: { 'istio/multiCluster': null } } }, { type: 'merge' });
		await giveKubeconfig(home.api, 'us', flatKubeconfig(joiner));
		// A new kubeconfig brings a pass, after which all that came before has been seen.
		joiner = await addJoiner(other);
		await giveKubeconfig(home.api, 'eu', flatKubeconfig(joiner));
		await eventually('it was looked at', async () => (await requestsOf(other.cluster, joiner.user)).length > 0);
		await apply({}, [], { paused: true });
		await untilPaused();
		await apply({}, [entry('eu', 1)], { paused: true });
		await untilPaused();
		t.is(await orAbsent(other.api.get(binding)), undefined);
		t.deepEqual(await writesThere(other, joiner, there), []);
		const writes = (await writesOf(home.cluster, operatorUser, here)).map(describeWrite);
		t.deepEqual(
			writes.filter((line) => !/events|meshinstallations\/status/.test(line)),
			[],
		);
		await apply();
		await eventually('the binding is back', () => other.api.get(binding));
		await untilUsable();
		await untilCluster(home.api, 'mesh', 'eu', 'Ready', 'True');
	},
);

test.serial('a Secret of somebody else under our name is not touched, until it is handed over', async (t) => {
	const { object: theirs } = await home.api.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { namespace, name: 'istio-remote-secret-us', labels: { 'istio/multiCluster': 'true' } },
		data: { theirs: Buffer.from('kubeconfig').toString('base64') },
	});
	await giveKubeconfig(home.api, 'us', flatKubeconfig(joiner));
	await apply({}, [entry('us', 1)]);
	await untilLeft(home.api, 'mesh', 'eu', namespace);
	// What the last try to clean `eu` has sent is done by now, whether the try was given up or not.
	await untilCalm(other.cluster, joiner.user);
	const place = await mark(other.cluster);
	await untilCluster(home.api, 'mesh', 'us', 'Ready', 'False', 'SecretConflict');
	const { metadata } = await readRemoteSecret(home.api, namespace, 'us');
	t.is(metadata.resourceVersion, theirs.metadata.resourceVersion);
	t.deepEqual(await writesThere(other, joiner, place), [], 'and nothing is written there');
	await home.api.patch(
		{ ...secret, name: 'istio-remote-secret-us' },
		{ metadata: { annotations: { 'meshwright.io/adopt': 'true' } } },
		{ type: 'merge', fieldManager: person },
	);
	await untilCluster(home.api, 'mesh', 'us', 'Ready', 'True');
	await useRemoteSecret(home.api, namespace, 'us');
	const after = await readRemoteSecret(home.api, namespace, 'us');
	t.deepEqual(Object.keys(after.data ?? {}), ['us'], 'Pilot reads each key as a cluster');
	t.is((await clusterStatus(home.api, 'mesh', 'us'))?.secret, `${namespace}/istio-remote-secret-us`);
});
