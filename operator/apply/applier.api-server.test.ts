import test from 'ava';
import { isWrite } from '../../e2e/control-plane/audit.ts';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { deadlineMs, eventually } from '../../e2e/support/eventually.ts';
import { untilGone } from '../../e2e/support/installation.ts';
import { render, renderCrds } from '../lines/testing.ts';
import { meshOf } from '../render/testing.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import {
	BlockedError,
	ConflictError,
	InvalidError,
	isNotFound,
	RequestError,
	TransientError,
} from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { applyInstallation } from './applier.ts';
import { toChild } from './child.ts';
import { adoptAnnotation, crdVersionAnnotation, fieldManager, partOfLabel } from './identity.ts';
import { hasBeenReady, webhookGraceMs } from './installation-memory.ts';
import { releaseChildren, removeChildren } from './remove.ts';
import { RepairLimit } from './repair-limit.ts';
import { autoscaler, configMap, crd, deployment, liveOf, namespace } from './testing.ts';
import { type Connections, connectTo, Process, World } from './testing-world.ts';
import { waveOf } from './waves.ts';

let cluster: Cluster;
let admin: ApiServer;
let connect: Connections['connect'];

test.before(async () => {
	cluster = await startCluster({ auditLog: true });
	({ admin, connect } = connectTo(cluster));
});

test.after.always(async () => {
	await admin?.close();
	await cluster?.stop();
});

const rbac = 'rbac.authorization.k8s.io/v1';

function binding(role: string): KubeObject {
	return {
		apiVersion: rbac,
		kind: 'ClusterRoleBinding',
		metadata: { name: 'pilot' },
		roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
		subjects: [{ kind: 'ServiceAccount', name: 'pilot', namespace: 'mesh' }],
	};
}

const webhook: KubeObject = {
	apiVersion: 'admissionregistration.k8s.io/v1',
	kind: 'MutatingWebhookConfiguration',
	metadata: { name: 'injector' },
	webhooks: [
		{
			name: 'injector.test.istio.io',
			admissionReviewVersions: ['v1'],
			sideEffects: 'None',
			failurePolicy: 'Ignore',
			clientConfig: { service: { name: 'injector', namespace: 'mesh' } },
			rules: [{ apiGroups: ['test.istio.io'], apiVersions: ['v9'], operations: ['CREATE'], resources: ['none'] }],
		},
	],
};

const wholeMesh: readonly KubeObject[] = [
	webhook,
	deployment('pilot', { replicas: 2 }),
	{
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'pilot', namespace: 'mesh' },
		spec: { minAvailable: 1, selector: { matchLabels: { app: 'pilot' } } },
	},
	configMap('istio'),
	{
		apiVersion: 'v1',
		kind: 'Service',
		metadata: { name: 'pilot', namespace: 'mesh' },
		spec: { selector: { app: 'pilot' }, ports: [{ name: 'xds', port: 15010, protocol: 'TCP', targetPort: 15010 }] },
	},
	{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'pilot', namespace: 'mesh' } },
	{
		apiVersion: rbac,
		kind: 'ClusterRole',
		metadata: { name: 'pilot' },
		rules: [{ apiGroups: [''], resources: ['services'], verbs: ['list'] }],
	},
	binding('pilot'),
	namespace,
];

function get<T extends KubeObject>(object: KubeObject): Promise<T> {
	return admin.get<T>(referenceOf(object));
}

async function versionsOf(objects: readonly KubeObject[]): Promise<readonly (string | undefined)[]> {
	return Promise.all(objects.map(async (object) => (await get(object)).metadata.resourceVersion));
}

interface Definition extends KubeObject {
	readonly spec: { readonly names: object };
	readonly status?: { readonly acceptedNames?: object };
}

/** Waits until the API server has finished its own writes of CRDs whose names another release changed. */
async function untilNamesAccepted(crds: readonly KubeObject[]): Promise<void> {
	for (const crd of crds) {
		await eventually(`the names of ${crd.metadata.name} are accepted`, async () => {
			const { spec, status } = await get<Definition>(crd);
			return JSON.stringify(spec.names) === JSON.stringify(status?.acceptedNames);
		});
	}
}

function merge(object: KubeObject, body: unknown, manager = 'kubectl-edit'): Promise<unknown> {
	return admin.patch(referenceOf(object), body, { type: 'merge', fieldManager: manager });
}

const isPatch = (line: string) => line.startsWith('PATCH');

test('an installation is written wave after wave, each object once; the second pass sends nothing', async (t) => {
	const world = new World(t, { connect, admin }, 'whole');
	world.set([...wholeMesh, crd('wholes')]);
	const process = world.start();
	let writes = 0;
	const result = await process.settle(() => {
		writes += process.requests.filter(isPatch).length;
	});
	t.deepEqual(result.errors, []);
	t.is(result.objects, world.objects.length);
	t.regex(result.hash ?? '', /^.{22}$/);
	t.is(writes, world.objects.length);

	const again = await process.pass();
	t.deepEqual(process.requests, []);
	t.is(again.hash, result.hash);
	t.is(await process.differences(), 0);

	const plurals = new Map(Object.values(kinds).map(({ plural, kind }) => [plural, kind]));
	const events = (await cluster.auditEvents()).filter(
		(event) =>
			isWrite(event) &&
			event.requestURI.includes(`fieldManager=${fieldManager}`) &&
			[event.objectRef?.namespace, event.objectRef?.name].some((name) => name?.includes('whole') === true),
	);
	t.is(events.length, world.objects.length);
	const spans = Map.groupBy(events, ({ objectRef }) =>
		waveOf({ kind: plurals.get(objectRef?.resource ?? '') ?? '' }, { isNew: true }),
	);
	const inOrder = [...spans.entries()]
		.sort(([a], [b]) => a - b)
		.map(([, wave]) => ({
			from: wave.map((event) => event.requestReceivedTimestamp).sort()[0] ?? '',
			to:
				wave
					.map((event) => event.stageTimestamp)
					.sort()
					.at(-1) ?? '',
		}));
	t.is(inOrder.length, 5);
	for (const [index, { from }] of inOrder.entries()) {
		const before = inOrder[index - 1];
		if (before !== undefined) t.true(before.to <= from, `wave ${index} starts when the one before has ended`);
	}
});

test('children name their installation as controller; the namespace and CRDs have no owner', async (t) => {
	const world = new World(t, { connect, admin }, 'owners');
	world.set([...wholeMesh, crd('owners')]);
	const process = world.start();
	await process.settle();
	for (const object of world.objects) {
		const { ownerReferences } = (await get(object)).metadata;
		const isShared = object.kind === 'Namespace' || object.kind === 'CustomResourceDefinition';
		t.deepEqual(
			ownerReferences,
			isShared ? undefined : [{ ...process.owner, controller: true, blockOwnerDeletion: true }],
			object.kind,
		);
	}
});

test('a new process that finds all as the status recorded it sends nothing; without the record it applies and changes nothing', async (t) => {
	const world = new World(t, { connect, admin }, 'restart');
	world.set([...wholeMesh, crd('restarts')]);
	const { hash } = await world.start().settle();
	const before = await versionsOf(world.objects);

	const recalling = world.start(hash);
	const recalled = await recalling.pass();
	t.deepEqual(recalling.requests, []);
	t.is(recalled.hash, hash);

	const forgetful = world.start();
	const applied = await forgetful.pass();
	t.is(forgetful.requests.length, world.objects.length - 1, 'all but the namespace, which is only looked at');
	t.true(forgetful.requests.every(isPatch));
	t.is(applied.hash, hash);
	t.deepEqual(forgetful.notices, []);
	t.deepEqual(await versionsOf(world.objects), before);
});

test('what changed while no process ran is put right by the next one', async (t) => {
	const world = new World(t, { connect, admin }, 'downtime');
	const [map, other] = [configMap('istio'), configMap('other')].map(world.place);
	world.set([namespace, configMap('istio'), configMap('other'), deployment('pilot')]);
	const { hash } = await world.start().settle();
	if (map === undefined || other === undefined) return t.fail();
	await merge(map, { data: { mesh: 'edited' } });
	await admin.delete(referenceOf(other));
	const process = world.start(hash);
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.is(result.hash, hash);
	t.deepEqual((await get(map)).data, { mesh: 'a' });
	t.deepEqual((await get(other)).data, { mesh: 'a' });
});

test('what somebody else said to manage while no process ran, and what is no longer wanted since, is pruned', async (t) => {
	const world = new World(t, { connect, admin }, 'taken-away');
	const [taken, stripped] = [configMap('taken'), configMap('stripped')].map(world.place);
	world.set([namespace, configMap('istio'), configMap('taken'), configMap('stripped')]);
	const { hash } = await world.start().settle();
	if (taken === undefined || stripped === undefined) return t.fail();
	await merge(taken, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } });
	await merge(stripped, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } });
	world.set([namespace, configMap('istio')]);
	t.deepEqual((await world.start(hash).settle()).errors, []);
	for (const object of [taken, stripped]) await untilGone(admin, referenceOf(object));
	t.pass();
});

const mischiefs: Readonly<Record<string, (map: KubeObject) => Promise<unknown>>> = {
	'a changed value': (map) => merge(map, { data: { mesh: 'edited' } }),
	'a removed value': (map) => merge(map, { data: { mesh: null } }),
	'a deletion': (map) => admin.delete(referenceOf(map)),
	'the label gone by which it is seen': (map) => merge(map, { metadata: { labels: { [partOfLabel]: null } } }),
	'no manager': (map) => merge(map, { metadata: { labels: { 'app.kubernetes.io/managed-by': null } } }),
	'another manager': (map) => merge(map, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } }),
	'another set': (map) => merge(map, { metadata: { labels: { [partOfLabel]: 'applyset-x-v1' } } }),
	'no owner': (map) => merge(map, { metadata: { ownerReferences: null } }),
	'a take-over by force': ({ apiVersion, kind, metadata: { name, namespace: of = '' } }) =>
		admin.apply(
			{ apiVersion, kind, metadata: { name, namespace: of }, data: { mesh: 'taken' } },
			{ fieldManager: 'thief', force: true },
		),
	'managedFields stripped': (map) => merge(map, { metadata: { managedFields: [{}] } }),
};
for (const [index, [title, mischief]] of Object.entries(mischiefs).entries()) {
	test(`drift is repaired with one write and told: ${title}`, async (t) => {
		const world = new World(t, { connect, admin }, `drift-${index}`);
		world.set([namespace, configMap('istio', { mesh: 'a', networks: 'b' }), configMap('other')]);
		const process = world.start();
		const { hash } = await process.settle();
		const map = world.place(configMap('istio'));
		await merge(map, { metadata: { annotations: { note: 'foreign' } }, data: { extra: 'foreign' } }, 'helm');
		await process.pass();
		t.deepEqual(process.requests, [], 'foreign fields are let be');

		await mischief(map);
		t.is(await process.differences(), 1);
		const result = await process.pass();
		t.deepEqual(result.errors, []);
		t.is(result.hash, hash, 'as it was, bit for bit');
		t.deepEqual(process.reasons(), ['DriftRepaired']);
		const repaired = await get<KubeObject & { data: Record<string, string> }>(map);
		t.is(repaired.data.mesh, 'a');
		t.like(repaired.metadata.labels, { ...world.place(configMap('istio')).metadata.labels });
		if (title !== 'a deletion') {
			t.is(repaired.data.extra, 'foreign');
			t.is(repaired.metadata.annotations?.note, 'foreign');
		}
		await process.pass();
		t.deepEqual(process.requests, []);
	});
}

test('the notice of a repair names who changed the object', async (t) => {
	const world = new World(t, { connect, admin }, 'blame');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	await process.settle();
	await merge(world.place(configMap('istio')), { data: { mesh: 'x' } }, 'somebody');
	await process.pass();
	t.deepEqual(process.notices, [
		{
			type: 'Normal',
			reason: 'DriftRepaired',
			message: 'ConfigMap blame/istio was changed by somebody and is as rendered again',
		},
	]);
});

test('an object that is rewritten without end is repaired 30 times, then once each 2 s, and the result says so', async (t) => {
	const world = new World(t, { connect, admin }, 'fight');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	await process.settle();
	const map = world.place(configMap('istio'));
	for (let round = 0; round < 30; round++) {
		await merge(map, { data: { mesh: `x${round}` } });
		t.deepEqual((await process.pass()).errors, []);
	}
	await merge(map, { data: { mesh: 'last' } });
	const refused = await process.pass();
	t.deepEqual(process.requests, []);
	t.is(refused.againInMs, 2_000);
	t.is(refused.hash, undefined);
	const [error] = refused.errors;
	t.true(error instanceof BlockedError && error.reason === 'LoopDetected' && error.message.includes('kubectl-edit'));
	process.now += 2_000;
	t.deepEqual((await process.pass()).errors, []);
	t.deepEqual((await get(map)).data, { mesh: 'a' });
});

async function createForeign(object: KubeObject, metadata: Partial<KubeObject['metadata']> = {}): Promise<KubeObject> {
	const { name, namespace: of } = object.metadata;
	const place = of === undefined ? { name } : { name, namespace: of };
	const written = await admin.create({ ...object, metadata: { ...place, ...metadata } }, { fieldManager: 'helm' });
	return written.object;
}

test('an object of somebody else is not written: neither at first, nor in the place of one of ours that was deleted', async (t) => {
	const world = new World(t, { connect, admin }, 'foreign');
	world.set([namespace, configMap('istio'), configMap('sibling'), deployment('pilot')]);
	await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'foreign' } });
	const map = world.place(configMap('istio'));
	const { resourceVersion } = (await createForeign({ ...map, data: { mesh: 'theirs' } })).metadata;
	const process = world.start();
	for (let pass = 0; pass < 2; pass++) {
		const { errors, hash } = await process.pass();
		const [error] = errors;
		t.is(errors.length, 1);
		t.true(error instanceof InvalidError && error.reason === 'ForeignObject' && error.message.includes('helm'));
		t.is(hash, undefined);
	}
	t.is((await get(map)).metadata.resourceVersion, resourceVersion);
	t.is((await get(world.place(configMap('sibling')))).kind, 'ConfigMap', 'its siblings are written');
	const later = await t.throwsAsync(get(world.place(deployment('pilot'))));
	t.true(isNotFound(later), 'later waves are not');

	await admin.delete(referenceOf(map));
	t.deepEqual((await process.settle()).errors, []);
	await admin.delete(referenceOf(map));
	const { metadata } = await createForeign({ ...map, data: { mesh: 'theirs again' } });
	const { errors } = await process.pass();
	t.true(errors[0] instanceof InvalidError && errors[0].reason === 'ForeignObject');
	t.is((await get(map)).metadata.resourceVersion, metadata.resourceVersion);
});

test('an object that its owner gives away is taken over, with a notice; fields that we do not render stay', async (t) => {
	const world = new World(t, { connect, admin }, 'adopt');
	world.set([namespace, configMap('istio'), deployment('pilot', { replicas: 2 })]);
	await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'adopt' } });
	const given = { annotations: { [adoptAnnotation]: 'true' } };
	const map = world.place(configMap('istio'));
	const pilot = world.place(deployment('pilot'));
	await createForeign({ ...map, data: { mesh: 'theirs', extra: 'x' } }, given);
	const { uid } = (
		await createForeign(world.place(deployment('pilot', { replicas: 5, selector: { other: 'selector' } })), given)
	).metadata;
	const process = world.start();
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.deepEqual(process.reasons().toSorted(), ['Adopted', 'Adopted', 'Recreated']);
	t.deepEqual((await get(map)).data, { mesh: 'a', extra: 'x' });
	const recreated = await get(pilot);
	t.not(recreated.metadata.uid, uid, 'a Deployment with another selector is made again');
	t.like(recreated.spec, { replicas: 2, selector: { matchLabels: { app: 'pilot' } } });
	await process.pass();
	t.deepEqual(process.requests, []);
});

test('an object of ours whose managedFields were stripped while no process ran is ours all the same', async (t) => {
	const world = new World(t, { connect, admin }, 'stripped');
	world.set([namespace, configMap('istio')]);
	const { hash } = await world.start().settle();
	await merge(world.place(configMap('istio')), { metadata: { managedFields: [{}] }, data: { mesh: 'b' } });
	const process = world.start(hash);
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.is(result.hash, hash);
	t.deepEqual((await get(world.place(configMap('istio')))).data, { mesh: 'a' });
});

test('a foreign CRD that serves the version is used and never written; one that does not is told, and looked at again at once', async (t) => {
	const world = new World(t, { connect, admin }, 'foreign-crd');
	const body = crd('foreigns');
	await createForeign(crd('foreigns', { version: 'v1alpha2' }));
	world.set([body, namespace, configMap('istio')]);
	const process = world.start();
	const { errors } = await process.pass();
	const [error] = errors;
	t.true(error instanceof InvalidError && error.reason === 'CrdConflict' && error.message.includes('v1alpha3'));

	const live = await get<KubeObject & { spec: { versions: object[] } }>(body);
	const [first] = live.spec.versions;
	const versions = [first, { ...first, name: 'v1alpha3', storage: false }];
	await merge(body, { spec: { versions } }, 'helm');
	const { resourceVersion } = (await get(body)).metadata;
	const result = await process.settle();
	t.deepEqual(result.errors, []);
	t.regex(result.hash ?? '', /^.{22}$/);
	await process.pass();
	t.deepEqual(process.requests, [], 'and it is not asked for in every pass');
	process.now += 5 * 60_000;
	await process.pass();
	t.deepEqual(process.requests, ['GET CustomResourceDefinition']);
	const restarted = world.start(result.hash);
	t.is((await restarted.pass()).hash, result.hash);
	t.deepEqual(restarted.requests, ['GET CustomResourceDefinition']);
	t.is((await get(body)).metadata.resourceVersion, resourceVersion);
});

test('of two installations the newer release keeps its CRDs, whatever the order', async (t) => {
	const [older, newer] = ['older', 'newer'].map((name) => new World(t, { connect, admin }, name));
	if (older === undefined || newer === undefined) return t.fail();
	older.set([crd('shareds', { release: '1.3.8' }), namespace]);
	newer.set([crd('shareds', { release: '1.4.10' }), namespace]);
	const release = async () => (await get(crd('shareds'))).metadata.annotations?.[crdVersionAnnotation];
	const olderProcess = older.start();
	const { hash: alone } = await olderProcess.settle();
	t.is(await release(), '1.3.8');
	await newer.start().settle();
	t.is(await release(), '1.4.10');
	const { hash, errors } = await olderProcess.settle();
	t.deepEqual(olderProcess.requests, []);
	t.deepEqual(errors, []);
	t.not(hash, alone);
	t.is(await release(), '1.4.10');
	const restarted = older.start(hash);
	t.is((await restarted.settle()).hash, hash);
	t.deepEqual(restarted.requests, []);
	t.is(await release(), '1.4.10');
});

test('a CRD of ours that is changed, relabelled or deleted comes back; one that another installer made in its place stays', async (t) => {
	const world = new World(t, { connect, admin }, 'crd-drift');
	const body = crd('drifts');
	world.set([body, namespace]);
	const process = world.start();
	await process.settle();
	for (const labelValue of ['Helm', null]) {
		await merge(body, { metadata: { labels: { 'app.kubernetes.io/managed-by': labelValue } } });
		t.deepEqual((await process.settle()).errors, []);
		t.is((await get(body)).metadata.labels?.['app.kubernetes.io/managed-by'], 'meshwright');
	}
	await admin.delete(referenceOf(body));
	await untilGone(admin, referenceOf(body));
	t.deepEqual((await process.settle()).errors, []);
	await admin.delete(referenceOf(body));
	await untilGone(admin, referenceOf(body));
	const { metadata } = await createForeign(body);
	t.deepEqual((await process.settle()).errors, []);
	t.is((await get(body)).metadata.uid, metadata.uid);
	t.is((await get(body)).metadata.labels, undefined);
});

test('a CRD of ours that another installer makes newer is used as it is and told once; it is mended only when it stops serving what is read', async (t) => {
	const world = new World(t, { connect, admin }, 'crd-newer');
	const body = crd('newers');
	world.set([body, namespace]);
	const process = world.start();
	await process.settle();
	const [ours = {}] = (body.spec as { versions: readonly object[] }).versions;
	const v1 = { ...ours, name: 'v1' };
	await merge(body, { spec: { versions: [{ ...ours, storage: false }, v1] } }, 'helm');
	const resourceVersion = async () => (await get(body)).metadata.resourceVersion;
	const helms = await resourceVersion();
	const { errors, hash } = await process.settle();
	t.deepEqual(errors, []);
	t.regex(process.notices.map(({ reason, message }) => `${reason} ${message}`).join(), /^NewerCrd .*helm \(v1\)/);
	await process.pass();
	t.deepEqual([process.requests, process.notices], [[], []]);
	t.is(await process.differences(), 0);
	const restarted = world.start(hash);
	t.is((await restarted.pass()).hash, hash);
	t.deepEqual([restarted.requests, restarted.notices], [[], []]);

	await merge(body, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } }, 'helm');
	t.deepEqual((await process.settle()).errors, []);
	t.deepEqual(process.notices, [], 'told once, also when the watch by our label loses it');
	await merge(body, { metadata: { labels: { 'app.kubernetes.io/managed-by': 'meshwright' } } }, 'helm');
	t.not(await resourceVersion(), helms);

	await merge(body, { spec: { versions: [{ ...ours, storage: false, served: false }, v1] } }, 'helm');
	t.deepEqual((await process.settle()).errors, []);
	const { spec } = await get<KubeObject & { spec: { versions: readonly { name: string; served: boolean }[] } }>(body);
	t.deepEqual(
		spec.versions.map(({ name, served }) => [name, served]),
		[
			['v1alpha3', true],
			['v1', true],
		],
	);
	await process.settle();
	t.deepEqual(process.requests, []);
});

test('a namespace that stands is used and not written', async (t) => {
	const world = new World(t, { connect, admin }, 'standing');
	world.set([namespace, configMap('istio')]);
	const { object } = await admin.create(
		{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'standing', labels: { team: 'a' } } },
		{ fieldManager: 'kubectl' },
	);
	t.deepEqual((await world.start().settle()).errors, []);
	t.is((await get(object)).metadata.resourceVersion, object.metadata.resourceVersion);
});

test('a namespace that somebody makes at the same moment is looked at before anything is written into it', async (t) => {
	const world = new World(t, { connect, admin }, 'meanwhile');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	const { around } = process;
	process.around = async (send) => {
		process.around = around;
		await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'meanwhile' } });
		return send();
	};
	const { errors } = await process.pass();
	t.true(errors[0] instanceof ConflictError);
	t.deepEqual(process.requests, ['PATCH Namespace']);
	t.deepEqual((await process.settle()).errors, []);
	t.deepEqual(process.requests, ['GET ConfigMap', 'PATCH ConfigMap']);
});

test('into a namespace that is being deleted nothing is written', async (t) => {
	const world = new World(t, { connect, admin }, 'going');
	world.set([namespace, configMap('istio')]);
	await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
	await admin.delete(referenceOf(world.place(namespace)));
	const process = world.start();
	const { errors } = await process.pass();
	t.true(errors[0] instanceof BlockedError && errors[0].reason === 'NamespaceTerminating');
	t.deepEqual(process.requests, []);
});

test('a role of a binding that changed is recreated, once, with a notice; other immutable fields are not', async (t) => {
	const world = new World(t, { connect, admin }, 'immutable');
	world.set([namespace, binding('pilot')]);
	const process = world.start();
	await process.settle();
	const { uid } = (await get(world.place(binding('pilot')))).metadata;
	world.set([namespace, binding('other')]);
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.deepEqual(process.reasons(), ['Recreated']);
	const recreated = await get(world.place(binding('other')));
	t.not(recreated.metadata.uid, uid);
	t.like(recreated.roleRef, { name: 'other' });
	await process.pass();
	t.deepEqual(process.requests, []);

	const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'mesh' }, type: 'a/b' };
	world.set([namespace, binding('other'), secret]);
	t.deepEqual((await process.pass()).errors, []);
	world.set([namespace, binding('other'), { ...secret, type: 'c/d' }]);
	const { errors } = await process.pass();
	t.true(errors[0] instanceof RequestError && errors[0].status === 422);
});

interface Scaled extends KubeObject {
	readonly spec: { readonly replicas?: number };
}

test('replicas are handed to an autoscaler and taken back without a dip', async (t) => {
	const world = new World(t, { connect, admin }, 'scaling');
	const fixed = [namespace, deployment('pilot', { replicas: 3 })];
	const scaled = [namespace, deployment('pilot'), autoscaler('pilot')];
	const pilot = world.place(deployment('pilot'));
	world.set(fixed);
	const process = world.start();
	const { hash } = await process.settle();
	const before = await get<Scaled>(pilot);

	world.set(scaled);
	t.deepEqual((await process.pass()).errors, []);
	const handed = await get<Scaled>(pilot);
	t.is(handed.spec.replicas, 3);
	t.is(handed.metadata.generation, before.metadata.generation, 'no write changed the spec, not for a moment');
	t.false(toChild(handed).workload?.ownsReplicas);

	await admin.patch(
		referenceOf(pilot),
		{ spec: { replicas: 4 } },
		{ type: 'merge', subresource: 'scale', fieldManager: 'kube-controller-manager' },
	);
	await process.pass();
	t.deepEqual(process.requests, [], 'scaling is none of our business now');
	world.set([namespace, deployment('pilot', { image: 'istio/pilot:1.4.11' }), autoscaler('pilot')]);
	t.deepEqual((await process.pass()).errors, []);
	t.is((await get<Scaled>(pilot)).spec.replicas, 4);
	const restarted = world.start();
	t.deepEqual((await restarted.pass()).errors, []);
	t.is((await get<Scaled>(pilot)).spec.replicas, 4);

	world.set(scaled);
	await process.pass();
	const { generation } = (await get(pilot)).metadata;
	world.set(fixed);
	const back = await process.pass();
	t.deepEqual(back.errors, []);
	t.is(back.hash, hash);
	const taken = await get<Scaled>(pilot);
	t.is(taken.spec.replicas, 3);
	t.is(taken.metadata.generation, (generation ?? 0) + 1);
	t.true(isNotFound(await t.throwsAsync(get(world.place(autoscaler('pilot'))))));
	await process.pass();
	t.deepEqual(process.requests, []);
});

test('a Deployment begins with the minimum of its autoscaler, also when the process that made it died before it had said so', async (t) => {
	const world = new World(t, { connect, admin }, 'beginning');
	const pilot = world.place(deployment('pilot'));
	world.set([namespace, deployment('pilot'), autoscaler('pilot')]);
	const { hash } = await world.start().settle();
	t.is((await get<Scaled>(pilot)).spec.replicas, 2);

	// The state between the two writes: nobody has set a number, so it is the API server's default.
	const { apiVersion, kind, metadata } = pilot;
	const unsaid = { apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace ?? '' } };
	await admin.apply(unsaid, { fieldManager: 'meshwright-handover', force: true });
	t.is((await get<Scaled>(pilot)).spec.replicas, 1);
	const next = world.start(hash);
	t.deepEqual((await next.pass()).errors, []);
	t.deepEqual(next.requests, ['PATCH Deployment']);
	t.is((await get<Scaled>(pilot)).spec.replicas, 2);
	await next.pass();
	t.deepEqual(next.requests, []);
});

test('what is no longer rendered is pruned; objects of others and copies of ours stay', async (t) => {
	const world = new World(t, { connect, admin }, 'prune');
	world.set([namespace, configMap('istio'), configMap('old'), deployment('pilot'), webhook]);
	const process = world.start();
	const first = await process.settle();
	const map = world.place(configMap('istio'));
	const copy = { ...map, metadata: { ...map.metadata, name: 'copy' } };
	await admin.create(copy, { fieldManager: 'kubectl-create' });

	world.set([namespace, configMap('istio')]);
	const early = await process.pass();
	t.regex(early.gate ?? '', /webhook/);
	t.true((early.againInMs ?? 0) > 0);
	t.deepEqual(process.requests, ['DELETE MutatingWebhookConfiguration'], 'what answers the webhook stays a while');
	process.now += webhookGraceMs;
	const result = await process.pass();
	t.deepEqual(result.errors, []);
	t.deepEqual(process.requests, ['DELETE Deployment', 'DELETE ConfigMap']);
	t.deepEqual(process.reasons(), ['Pruned', 'Pruned']);
	t.not(result.hash, first.hash);
	t.is((await get(copy)).kind, 'ConfigMap');
	const restarted = world.start(result.hash);
	t.is((await restarted.pass()).hash, result.hash);
	t.deepEqual(restarted.requests, []);
});

test('what is held is neither written nor pruned, and the gate tells why; the rest goes on', async (t) => {
	const world = new World(t, { connect, admin }, 'gate');
	world.set([namespace, configMap('istio'), webhook]);
	const process = world.start();
	process.held = new Map([[objectKey(world.place(webhook)), 'waiting for the injector']]);
	const waiting = await process.pass();
	t.is(waiting.gate, 'waiting for the injector');
	t.is(waiting.hash, undefined);
	t.deepEqual(waiting.errors, []);
	t.false(process.requests.some((request) => request.includes('Webhook')));
	t.is(await process.differences(), 0, 'what is held is no difference');

	process.held = new Map();
	t.is(await process.differences(), 1);
	t.not((await process.pass()).hash, undefined);
	t.is(process.requests.at(-1), 'PATCH MutatingWebhookConfiguration');

	process.held = new Map([[objectKey(world.place(webhook)), 'waiting for the injector']]);
	t.is((await process.pass()).gate, undefined, 'nothing waits where nothing is to be written');
	t.deepEqual(process.requests, []);
});

test('what is kept stays until it is not, although it is rendered no more', async (t) => {
	const world = new World(t, { connect, admin }, 'kept');
	world.set([namespace, configMap('istio'), configMap('old')]);
	const process = world.start();
	await process.settle();
	process.kept = new Set([objectKey(world.place(configMap('old')))]);
	world.set([namespace, configMap('istio')]);
	t.not((await process.pass()).hash, undefined);
	t.deepEqual(process.requests, []);
	t.is(await process.differences(), 0, 'what is kept is no difference');
	process.kept = new Set();
	t.is(await process.differences(), 1);
	await process.pass();
	t.deepEqual(process.requests, ['DELETE ConfigMap']);
});

test('a webhook that stands is changed before everything else, a new one comes last', async (t) => {
	const world = new World(t, { connect, admin }, 'order');
	world.set([namespace, configMap('istio'), webhook]);
	const process = world.start();
	await process.settle();
	t.is(process.requests.at(-1), 'PATCH MutatingWebhookConfiguration');
	const changed = { ...configMap('istio'), data: { mesh: 'changed' } };
	world.set([namespace, changed, { ...webhook, webhooks: [] }]);
	await process.pass();
	t.deepEqual(process.requests, ['PATCH MutatingWebhookConfiguration', 'PATCH ConfigMap']);
});

test('what was deleted by others before it could be pruned does not linger in the inventory', async (t) => {
	const world = new World(t, { connect, admin }, 'linger');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	const { hash } = await process.settle();
	world.set([namespace, configMap('istio'), configMap('old')]);
	await process.pass();
	world.set([namespace, configMap('istio')]);
	await admin.delete(referenceOf(world.place(configMap('old'))));
	t.is((await process.pass()).hash, hash);
});

test('whether a Deployment has been ready is about what was written last, and known only where it was seen', async (t) => {
	const world = new World(t, { connect, admin }, 'replaced');
	world.set([namespace, deployment('pilot')]);
	const process = world.start();
	await process.settle();
	const reference = referenceOf(world.place(deployment('pilot')));
	const key = objectKey(world.place(deployment('pilot')));
	t.is(hasBeenReady(process.memory, key), undefined);
	const { generation = 0 } = (await get(world.place(deployment('pilot')))).metadata;
	const counts = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
	const tell = (status: object) => admin.patch(reference, { status }, { type: 'merge', subresource: 'status' });
	await tell({ ...counts, observedGeneration: generation });
	await process.pass();
	t.true(hasBeenReady(process.memory, key));
	await tell({ availableReplicas: 0, readyReplicas: 0 });
	await process.pass();
	t.true(hasBeenReady(process.memory, key), 'it has been, though it is not now');

	world.set([namespace, deployment('pilot', { image: 'istio/pilot:1.4.9' })]);
	await process.pass();
	t.false(hasBeenReady(process.memory, key));
	await tell({ ...counts, observedGeneration: generation + 1 });
	await process.pass();
	t.true(hasBeenReady(process.memory, key));

	world.set([namespace]);
	await process.settle();
	t.is(hasBeenReady(process.memory, key), undefined, 'what is gone is forgotten');
});

test('a child that is being deleted closes the gate until it is gone', async (t) => {
	const world = new World(t, { connect, admin }, 'held');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	await process.settle();
	const map = world.place(configMap('istio'));
	await merge(map, { metadata: { finalizers: ['test.istio.io/hold'] } });
	t.is(await admin.delete(referenceOf(map)), 'going');
	const held = await process.pass();
	t.deepEqual(process.requests, []);
	t.regex(held.gate ?? '', /ConfigMap held\/istio/);
	await merge(map, { metadata: { finalizers: null } });
	t.is((await process.pass()).gate, undefined);
	t.is((await get(map)).metadata.deletionTimestamp, undefined);
});

test('a pass whose signal aborts throws and leaves the rest for the next', async (t) => {
	const world = new World(t, { connect, admin }, 'aborted');
	world.set([namespace, configMap('istio')]);
	const process = world.start();
	const controller = new AbortController();
	controller.abort(new Error('stopping'));
	await t.throwsAsync(
		applyInstallation(
			{
				api: admin,
				live: await liveOf(admin),
				repairLimit: new RepairLimit(),
				now: () => 0,
				crdMemory: process.crdMemory,
			},
			{ owner: process.owner, partOf: process.partOf, objects: world.objects, recordedHash: undefined },
			process.memory,
			controller.signal,
		),
		{ message: 'stopping' },
	);
	t.deepEqual((await process.settle()).errors, []);
});

const failures: Readonly<Record<string, () => Error>> = {
	'a time-out': () => new TransientError('no answer'),
	'a conflict': () => new ConflictError('changed meanwhile'),
};
for (const [what, failure] of Object.entries(failures)) {
	for (const when of ['before', 'after'] as const) {
		test(`${what} ${when} any request of an installation or a change deletes nothing, and the next process ends the work`, async (t) => {
			const slug = `fail-${what.slice(-4).replace('-', '')}-${when}`;
			const first = [namespace, configMap('istio'), deployment('pilot', { replicas: 2 }), binding('pilot')];
			const second = [namespace, configMap('istio', { mesh: 'b' }), deployment('pilot'), autoscaler('pilot')];
			for (let failing = 1; ; failing++) {
				const world = new World(t, { connect, admin }, `${slug}-${failing}`);
				let isReached = false;
				for (const [index, objects] of [first, second].entries()) {
					world.set(objects);
					const process = world.start();
					let count = 0;
					process.around = async (request) => {
						const isNow = ++count === failing;
						isReached ||= isNow;
						if (isNow && when === 'before') throw failure();
						if (!isNow) return request();
						await Promise.allSettled([request()]);
						throw failure();
					};
					const { errors, hash } = await process.pass();
					if (count >= failing) {
						t.is(errors.length, 1);
						t.is(hash, undefined);
					}
					if (index === 0) t.false(process.requests.some((line) => line.startsWith('DELETE')));
					const next = world.start();
					t.deepEqual((await next.settle()).errors, []);
					await next.pass();
					t.deepEqual(next.requests, []);
				}
				t.is((await get<Scaled>(world.place(deployment('pilot')))).spec.replicas, 2);
				if (!isReached) break;
			}
		});
	}
}

test('removal goes backwards, a wave at a time: webhooks first, workloads before what they read, roles last; shared objects stay', async (t) => {
	const world = new World(t, { connect, admin }, 'removal');
	world.set([...wholeMesh, crd('removals')]);
	const process = world.start();
	await process.settle();
	const order: (readonly string[])[] = [];
	for (let round = 0; round < 10; round++) {
		const live = await liveOf(admin);
		const children = live.ofApplySet(process.partOf);
		if (children.length === 0) break;
		const deleted: string[] = [];
		const { errors, remaining } = await removeChildren(
			admin,
			live,
			children,
			false,
			AbortSignal.timeout(deadlineMs),
			({ kind }) => deleted.push(kind),
		);
		t.deepEqual(errors, []);
		t.is(remaining.length, children.length);
		t.is(live.ofApplySet(process.partOf).length, children.length - deleted.length, 'what is gone is known to be');
		order.push(deleted.toSorted());
	}
	t.deepEqual(order, [
		['MutatingWebhookConfiguration'],
		['Deployment'],
		['ClusterRoleBinding', 'PodDisruptionBudget'],
		['ClusterRole', 'ConfigMap', 'Service', 'ServiceAccount'],
	]);
	t.is((await get(world.place(namespace))).metadata.deletionTimestamp, undefined);
	t.is((await get(crd('removals'))).metadata.deletionTimestamp, undefined);
});

test('without time for order all goes at once; what is gone, or another object by now, is no error and stays', async (t) => {
	const world = new World(t, { connect, admin }, 'hurry');
	world.set([...wholeMesh]);
	const process = world.start();
	await process.settle();
	const live = await liveOf(admin);
	const children = live.ofApplySet(process.partOf);
	const map = world.place(configMap('istio'));
	await admin.delete(referenceOf(map));
	const successor = await createForeign(map);
	await admin.delete(referenceOf(world.place(deployment('pilot'))));
	const deleted: string[] = [];
	const { errors } = await removeChildren(admin, live, children, true, AbortSignal.timeout(deadlineMs), ({ kind }) =>
		deleted.push(kind),
	);
	t.deepEqual(errors, []);
	t.is(deleted.length, children.length - 2);
	t.is((await get(map)).metadata.uid, successor.metadata.uid);
});

test('retained children lose this owner and no other, and a later installation of the same name takes them back', async (t) => {
	const world = new World(t, { connect, admin }, 'retain');
	world.set([namespace, configMap('istio'), configMap('shared')]);
	const process = world.start();
	await process.settle();
	const shared = world.place(configMap('shared'));
	const other = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'other' };
	const references = (await get(shared)).metadata.ownerReferences ?? [];
	await merge(shared, { metadata: { ownerReferences: [...references, other] } });
	const children = (await liveOf(admin)).ofApplySet(process.partOf);
	const map = world.place(configMap('istio'));
	const absent = toChild({ ...map, metadata: { ...map.metadata, name: 'absent' } });
	const signal = AbortSignal.timeout(deadlineMs);
	t.deepEqual(await releaseChildren(admin, [...children, absent], process.owner.uid, signal), []);
	t.is((await get(map)).metadata.ownerReferences, undefined);
	t.deepEqual((await get(shared)).metadata.ownerReferences, [other]);
	const before = await versionsOf([map, shared]);
	t.deepEqual(await releaseChildren(admin, children, process.owner.uid, signal), []);
	t.deepEqual(await versionsOf([map, shared]), before, 'releasing again writes nothing');

	t.deepEqual((await world.start().settle()).errors, []);
	t.is((await get(map)).metadata.ownerReferences?.[0]?.uid, process.owner.uid);
});

for (const version of ['1.0.9', '1.1.17', '1.2.10', '1.3.8', '1.4.10']) {
	test.serial(
		`what is rendered for Istio ${version} is quiet once applied, also for a process that knows nothing`,
		async (t) => {
			const name = `istio-${version.replaceAll('.', '-')}`;
			const mesh = meshOf({ version, namespace: name }, name);
			const crds = renderCrds(mesh);
			const objects = [...crds, ...render(mesh)];
			const start = () => {
				const process = new Process({ connect, admin }, name, () => objects);
				t.teardown(() => process.close());
				return process;
			};
			const process = start();
			const result = await process.settle();
			t.deepEqual(result.errors, []);
			t.deepEqual(process.notices, [], 'the API server has no warning');
			await process.pass();
			t.deepEqual(process.requests, []);
			await untilNamesAccepted(crds);
			const before = await versionsOf(objects);
			t.is((await start().settle()).hash, result.hash);
			t.deepEqual(await versionsOf(objects), before);
			const recalling = start();
			recalling.recordedHash = result.hash;
			t.is((await recalling.pass()).hash, result.hash);
			t.deepEqual(recalling.requests, []);
		},
	);
}
