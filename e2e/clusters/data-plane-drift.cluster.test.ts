/** What is kept in a joined cluster stays as rendered, goes with what it is for, and changes with the release. */

import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../../operator/runtime/object.ts';
import {
	everythingIn,
	joinUser,
	keptThere,
	keysOf,
	namespace,
	type Pair,
	readyPods,
	renderedThere,
	startPair,
	untilKept,
	withDataPlane,
} from '../support/data-plane.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { applyInstallation, readLive, type Spec, untilEvent, untilReady, versionsOf } from '../support/installation.ts';
import { startJoiningOperator, untilCluster } from '../support/joined.ts';
import { operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { differences } from '../support/owned-fields.ts';
import { describeWrite, mark, restMs, untilCalm, writesOf } from '../support/writes.ts';

const name = 'mesh';
const on = { enabled: true };
const off = { enabled: false };
/** With an autoscaler and a budget there. 1.3 gives its injector rights, which 1.4 needs no more. */
const base = {
	version: '1.3.8',
	mixer: { telemetry: on, policy: off },
	sidecarInjector: { enabled: true, namespaces: ['shop'], disruptionBudget: { maxUnavailable: 1 } },
};

let pair: Pair;
let operator: RunningOperator;

function specWith(more: Spec = {}, dataPlane?: Spec): Spec {
	return { ...base, ...more, ...withDataPlane(dataPlane) };
}

async function rendered(spec: Spec): Promise<readonly KubeObject[]> {
	const { api } = pair.home;
	const [pilot, policy, telemetry] = await Promise.all(
		['istio=pilot', 'istio-mixer-type=policy', 'istio-mixer-type=telemetry'].map((one) => readyPods(api, one)),
	);
	return renderedThere(pair, name, spec, { pilot: pilot ?? [], policy: policy ?? [], telemetry: telemetry ?? [] });
}

async function untilAllReady(): Promise<void> {
	await untilReady(pair.home.api, name);
	await untilCluster(pair.home.api, name, 'eu', 'Ready', 'True');
	await Promise.all([untilCalm(pair.other.cluster, joinUser), untilCalm(pair.home.cluster, operatorUser)]);
}

test.before(async () => {
	pair = await startPair({ parts: 'all' });
	await pair.other.api.create({ ...kinds.Namespace, metadata: { name: 'shop' } });
	operator = await startJoiningOperator(pair.home);
	await applyInstallation(pair.home.api, name, specWith());
	await untilAllReady();
});
test.after.always(async () => {
	await operator?.stop();
	await pair?.stop();
});

/** For each kind, an edit of a field that we own, as a merge patch. */
const edits: Readonly<Record<string, object>> = {
	ServiceAccount: { metadata: { labels: { 'app.kubernetes.io/name': 'mallory' } } },
	ClusterRole: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
	ClusterRoleBinding: { subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mallory' }] },
	ConfigMap: { data: { mesh: 'nonsense: true', config: 'nonsense' } },
	Secret: { data: { 'root-cert.pem': Buffer.from('nonsense').toString('base64') } },
	Service: { metadata: { labels: { 'app.kubernetes.io/name': 'mallory' } } },
	Endpoints: { subsets: [{ addresses: [{ ip: '192.0.2.66' }], ports: [{ port: 1 }] }] },
	Deployment: { spec: { template: { spec: { serviceAccountName: 'default' } } } },
	PodDisruptionBudget: { spec: { maxUnavailable: 3 } },
	MutatingWebhookConfiguration: { metadata: { labels: { 'app.kubernetes.io/name': 'mallory' } } },
};

/** Of each kind one. With the account that reads its tokens would go, and Pilot be told another one by new pods. */
async function oneOfEach(): Promise<readonly KubeObject[]> {
	const kept = (await keptThere(pair, name)).filter(({ metadata }) => metadata.name !== 'istio-reader-home');
	return [...Map.groupBy(kept, ({ kind }) => kind).values()].flatMap(([first]) => first ?? []);
}

async function untilIsAgain({ metadata, ...fields }: KubeObject, isAnew: boolean): Promise<KubeObject> {
	const {
		resourceVersion: _,
		uid,
		managedFields: __,
		generation: ___,
		creationTimestamp: ____,
		...header
	} = metadata as KubeObject['metadata'] & { readonly creationTimestamp?: string };
	const { status: _____, ...spec } = fields;
	const expected = { ...spec, metadata: header };
	let last: readonly string[] = [];
	try {
		return await eventually(`${fields.kind} ${metadata.name} is as it was`, async () => {
			const live = await readLive(pair.other.api, { ...fields, metadata });
			if (isAnew !== (live.metadata.uid !== uid)) return undefined;
			last = differences(expected, live).filter((line) => !/clusterIP|nodePort|secrets|revision/.test(line));
			return last.length === 0 ? live : undefined;
		});
	} catch (error) {
		throw new Error(`${(error as Error).message}: ${last.join('; ')}`, { cause: error });
	}
}

test.serial('whatever is edited or deleted there is as it was again, and a field of somebody else stays', async (t) => {
	const { api } = pair.other;
	const objects = await oneOfEach();
	t.deepEqual(
		objects.map(({ kind }) => kind).filter((kind) => !(kind in edits)),
		[],
	);
	t.true(objects.length >= 10);
	for (const object of objects) {
		const reference = referenceOf(object);
		const foreign = { metadata: { annotations: { 'example.com/theirs': 'stays' } } };
		const patched = await api.patch<KubeObject>(reference, foreign, { type: 'merge', fieldManager: 'somebody' });
		await api.patch(reference, edits[object.kind] ?? {}, { type: 'merge', fieldManager: 'mallory' });
		const live = await untilIsAgain(patched.object, false);
		t.is(live.metadata.annotations?.['example.com/theirs'], 'stays', objectKey(object));
		t.true(
			live.metadata.managedFields?.some(({ manager, operation }) => manager === 'meshwright' && operation === 'Apply'),
		);
	}
	t.regex(await untilEvent(pair.home.api, name, 'DriftRepaired', 'cluster eu'), /was changed by/);
	for (const object of objects) {
		// The cluster's own controller may have deleted Endpoints with their Service.
		await orAbsent(api.delete(referenceOf(object)));
		await untilIsAgain(object, true);
	}
	await untilAllReady();
});

test.serial('a field that is taken by server-side apply is taken back', async (t) => {
	const { api } = pair.other;
	const object = await api.get<KubeObject & { data: Record<string, string> }>({
		...kinds.ConfigMap,
		namespace,
		name: 'istio',
	});
	await api.apply(
		{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'istio' }, data: { mesh: 'theirs: true' } },
		{ fieldManager: 'thief', force: true },
	);
	const live = (await untilIsAgain(object, false)) as typeof object;
	t.is(live.data.mesh, object.data.mesh);
	await untilAllReady();
});

test.serial('what is switched off here goes there, exactly; what is switched on again comes', async (t) => {
	const { home, other } = pair;
	const full = await untilKept(pair, name, await rendered(specWith()));
	const without = specWith({ sidecarInjector: off });
	await applyInstallation(home.api, name, without);
	const left = await untilKept(pair, name, await rendered(without));
	await untilAllReady();
	t.true(left.length < full.length);
	t.false(left.some(({ metadata }) => metadata.name.includes('injector')));
	const before = new Map(full.map((object) => [objectKey(object), object.metadata.uid]));
	for (const object of left) t.is(object.metadata.uid, before.get(objectKey(object)), objectKey(object));
	t.deepEqual(
		(await other.api.get({ ...kinds.Namespace, name: 'shop' })).metadata.labels?.['istio-injection'],
		undefined,
	);

	await applyInstallation(home.api, name, specWith());
	await untilKept(pair, name, await rendered(specWith()));
	await untilAllReady();
	t.is((await other.api.get({ ...kinds.Namespace, name: 'shop' })).metadata.labels?.['istio-injection'], 'enabled');
});

test.serial(
	'without a data plane the account that reads stays, with its namespace and what others have there',
	async (t) => {
		const { home, other } = pair;
		const theirs = {
			...kinds.ConfigMap,
			metadata: { namespace, name: 'theirs', labels: { 'app.kubernetes.io/part-of': 'istio' } },
			data: { a: 'b' },
		};
		const { plural: _, namespaced: __, ...object } = theirs;
		const made = (await other.api.create(object, { fieldManager: 'somebody' })).object;
		await applyInstallation(home.api, name, specWith({}, off));
		const reader = ['ClusterRole', 'ClusterRoleBinding', 'ServiceAccount'];
		await eventually('only the account is left', async () => {
			return (
				(await keptThere(pair, name))
					.map(({ kind }) => kind)
					.sort()
					.join() === reader.join()
			);
		});
		await untilAllReady();
		t.is((await other.api.get({ ...kinds.Namespace, name: 'shop' })).metadata.labels?.['istio-injection'], undefined);
		t.like(await other.api.get(referenceOf(object)), { metadata: { uid: made.metadata.uid }, data: { a: 'b' } });
		t.truthy(await orAbsent(other.api.get({ ...kinds.Namespace, name: namespace })));

		await applyInstallation(home.api, name, specWith());
		await untilAllReady();
		await untilKept(pair, name, await rendered(specWith()));
		t.like(await other.api.get(referenceOf(object)), { metadata: { uid: made.metadata.uid } });
	},
);

test.serial('another release changes both sides', async (t) => {
	const { home, other } = pair;
	const next = specWith({ version: '1.4.10' });
	const imageOf = async (api: typeof home.api, deployment: string) => {
		const found = await api.get<KubeObject>({ ...kinds.Deployment, namespace, name: deployment });
		return JSON.stringify(found.spec);
	};
	t.regex(await imageOf(other.api, 'istio-sidecar-injector'), /:1\.3\.8/);
	t.true(
		keysOf(await keptThere(pair, name)).includes(
			`ClusterRole.rbac.authorization.k8s.io istio-sidecar-injector-${namespace}`,
		),
	);
	await applyInstallation(home.api, name, next);
	await eventually('Pilot here is of the other release', async () =>
		/:1\.4\.10/.test(await imageOf(home.api, 'istio-pilot')),
	);
	await eventually('the injector there is too', async () => {
		return /:1\.4\.10/.test(await imageOf(other.api, 'istio-sidecar-injector'));
	});
	await untilAllReady();
	await untilKept(pair, name, await rendered(next));
});

test.serial(
	'30 s after all is ready, and through a restart of the operator: no write, no other resourceVersion, on either side',
	async (t) => {
		const { home, other } = pair;
		await untilCalm(home.cluster, operatorUser, restMs);
		await untilCalm(other.cluster, joinUser, restMs);
		const versions = async () => [await versionsOf(home.api, name), await everythingIn(other.api)];
		const places = { home: await mark(home.cluster), other: await mark(other.cluster) };
		const before = await versions();
		await sleep(30_000);
		await operator.stop();
		const stopped = await mark(other.cluster);
		operator = await startJoiningOperator(home);
		// What is watched is listed first; a watch is in the log when it ends.
		const isLookedAt = async () =>
			(await other.cluster.auditEvents())
				.slice(stopped)
				.filter(({ user, verb }) => user.username === joinUser && verb === 'list').length > 5;
		await eventually('the cluster is watched again', isLookedAt);
		await untilCluster(home.api, name, 'eu', 'Ready', 'True');
		await sleep(2_000);
		t.deepEqual((await writesOf(home.cluster, operatorUser, places.home)).map(describeWrite), []);
		t.deepEqual(
			(await writesOf(other.cluster, joinUser, places.other))
				.filter(
					({ objectRef, requestURI }) =>
						!objectRef?.resource?.endsWith('reviews') && !requestURI.includes('dryRun=All'),
				)
				.map(describeWrite),
			[],
		);
		t.deepEqual(await versions(), before);
	},
);
