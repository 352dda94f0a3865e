/** What was rendered stays as it is: what is deleted, edited or taken away comes back, and what others add stays. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { partOfLabel } from '../operator/apply/identity.ts';
import { isWebhook, kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import {
	applyInstallation,
	installationReference,
	liveChildren,
	readInstallation,
	readLive,
	renderedChildren,
	type Spec,
	untilCondition,
	untilEvent,
	untilInstalled,
} from './support/installation.ts';
import { type LineUnderTest, linesUnderTest, untestedLines } from './support/lines-under-test.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { differences } from './support/owned-fields.ts';
import { type PlayedIstiods, playIstiods } from './support/played-istiod.ts';
import { changesOf, describeWrite, mark, untilCalm } from './support/writes.ts';

/** Everything that can be a child: an autoscaler and a budget too. */
const pilot = { autoscaling: { minReplicas: 2, maxReplicas: 4 }, disruptionBudget: { maxUnavailable: 1 } };

/** What a line has beside that. */
const more: Readonly<Record<string, Spec>> = {
	classic: {},
	istiod: { sidecarInjector: { enabled: true }, mesh: { mtls: { mode: 'STRICT' } } },
};

interface MeshUnderTest extends LineUnderTest {
	readonly name: string;
	readonly namespace: string;
	readonly rendered: readonly KubeObject[];
}

/** One of each line, side by side. */
const meshes: readonly MeshUnderTest[] = linesUnderTest.map((entry) => {
	const name = `drift-${entry.line}`;
	const namespace = `istio-${name}`;
	return { ...entry, name, namespace, rendered: renderedChildren(name, specOf(entry, namespace)) };
});

function specOf({ line, version }: LineUnderTest, namespace: string): Spec {
	return { version, namespace, pilot, ...more[line] };
}

let mesh: MeshCluster;
let operator: RunningOperator;
let istiods: PlayedIstiods;

test.before(async () => {
	mesh = await startMeshCluster();
	istiods = await playIstiods(mesh.api, mesh.cluster, { rollsOut: true });
	operator = await startOperator(mesh);
	for (const one of meshes) await applyInstallation(mesh.api, one.name, specOf(one, one.namespace));
	for (const { name, rendered } of meshes) {
		await untilInstalled(mesh.api, name);
		// What waited for istiod comes later.
		await eventually(
			'all of it is stored',
			async () => (await liveChildren(mesh.api, name)).length === rendered.length,
		);
	}
	await untilDone();
});
test.after.always(async () => {
	await operator?.stop();
	await istiods?.stop();
	await mesh?.stop();
});

/** An edit of a field that we own, as a merge patch of an object as it stands. */
type Edit = (object: KubeObject) => Readonly<Record<string, unknown>>;

const everything: Edit = () => ({ rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
const mallory: Edit = () => ({
	subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mallory' }],
});
/** Leaves in every entry what istiod has written there. */
const impatient: Edit = ({ webhooks }) => ({
	webhooks: (webhooks as readonly object[]).map((webhook) => ({ ...webhook, timeoutSeconds: 1 })),
});

/** For each kind an edit. It also says which kinds are tried. */
const edits: Readonly<Record<string, Edit>> = {
	ServiceAccount: () => ({ automountServiceAccountToken: true }),
	ClusterRole: everything,
	ClusterRoleBinding: mallory,
	Role: everything,
	RoleBinding: mallory,
	ConfigMap: ({ data }) => ({ data: { [Object.keys(data as object)[0] ?? '']: 'enableTracing: nonsense' } }),
	Service: ({ spec }) => {
		const { ports } = spec as { readonly ports: readonly object[] };
		return { spec: { selector: { istio: 'elsewhere' }, ports: ports.map((port) => ({ ...port, targetPort: 9 })) } };
	},
	Deployment: () => ({ spec: { template: { spec: { serviceAccountName: 'default' } } } }),
	HorizontalPodAutoscaler: () => ({ spec: { maxReplicas: 40 } }),
	PodDisruptionBudget: () => ({ spec: { maxUnavailable: 3 } }),
	MutatingWebhookConfiguration: impatient,
	ValidatingWebhookConfiguration: impatient,
	PeerAuthentication: () => ({ spec: { mtls: { mode: 'PERMISSIVE' } } }),
};

function editOf(object: KubeObject): Readonly<Record<string, unknown>> {
	return edits[object.kind]?.(object) ?? {};
}

/** Makes that edit, of the object as it stands. */
async function edit(object: KubeObject, edited: Edit = editOf, metadata: object = {}) {
	const live = await readLive(mesh.api, object);
	const options = { type: 'merge', fieldManager: 'mallory' } as const;
	const { resourceVersion } = await mesh.api.patch(referenceOf(object), { metadata, ...edited(live) }, options);
	return { before: live.metadata.resourceVersion, resourceVersion };
}

/** Waits until an object is as rendered again, with its owner, and returns it. */
async function untilAsRendered({ name }: MeshUnderTest, object: KubeObject): Promise<KubeObject> {
	const { uid } = (await readInstallation(mesh.api, name)).metadata;
	let last: readonly string[] = [];
	try {
		return await eventually(`${object.kind} ${object.metadata.name} is as rendered`, async () => {
			const live = await readLive(mesh.api, object);
			last = differences(object, live);
			const [owner] = live.metadata.ownerReferences ?? [];
			return last.length === 0 && owner?.uid === uid && owner?.controller === true ? live : undefined;
		});
	} catch (error) {
		throw new Error(`${(error as Error).message}: ${last.join('; ')}`, { cause: error });
	}
}

/** Waits until the operator has finished what it has seen. */
function untilDone(): Promise<void> {
	return untilCalm(mesh.cluster, operatorUser);
}

test('every line is tried', (t) => {
	t.deepEqual(untestedLines(), []);
});

// These tests are first, because the number of Events about one object is limited.
for (const { line, name, namespace, pilot: service } of meshes) {
	test.serial(`${line}: the Event about a repair names the object and who had changed it`, async (t) => {
		const live = await mesh.api.get({ ...kinds.Service, namespace, name: service });
		await edit(live);
		const changed = await untilEvent(mesh.api, name, 'DriftRepaired', `Service ${namespace}/${service}`);
		t.true(changed.includes('mallory'), changed);
		const configMap = { ...kinds.ConfigMap, namespace, name: 'istio' };
		await mesh.api.delete(configMap);
		const deleted = await untilEvent(mesh.api, name, 'DriftRepaired', `ConfigMap ${namespace}/istio`);
		t.true(deleted.includes('deleted'), deleted);
		await untilDone();
	});
}

for (const one of meshes) {
	test(`${one.line}: every kind that is rendered is among those that are tried here`, (t) => {
		const kindsRendered = new Set(one.rendered.map(({ kind }) => kind));
		t.deepEqual(
			[...kindsRendered].filter((kind) => !(kind in edits)),
			[],
		);
		t.true(kindsRendered.has('HorizontalPodAutoscaler') && kindsRendered.has('PodDisruptionBudget'));
		if (one.line === 'istiod') t.true(kindsRendered.has('PeerAuthentication'));
	});

	for (const object of one.rendered) triedWith(one, object);
}

function triedWith(one: MeshUnderTest, object: KubeObject): void {
	const reference = referenceOf(object);
	const label = `${one.line}, ${object.kind} ${object.metadata.name}`;

	test.serial(`${label}: deleted, it is made again with its owner`, async (t) => {
		const { uid } = (await mesh.api.get(reference)).metadata;
		await mesh.api.delete(reference);
		await eventually(`${label} is made again`, async () => {
			const live = await orAbsent(mesh.api.get(reference));
			return live !== undefined && live.metadata.uid !== uid;
		});
		const again = await untilAsRendered(one, object);
		t.not(again.metadata.uid, uid);
	});

	test.serial(`${label}: edited, it is as rendered again; what others added stays`, async (t) => {
		const foreign = { labels: { 'example.com/team': 'mesh' }, annotations: { 'example.com/note': 'keep' } };
		const { before, resourceVersion } = await edit(object, editOf, foreign);
		t.not(resourceVersion, before, 'the edit is one');
		const live = await untilAsRendered(one, object);
		t.like(live.metadata, foreign);
		await untilDone();
	});

	test.serial(`${label}: taken over by another applier with force, it is taken back`, async (t) => {
		const stolen = { ...object, ...spread(object, editOf(object)) };
		await mesh.api.apply(stolen, { fieldManager: 'thief', force: true });
		const live = await untilAsRendered(one, object);
		const ours = live.metadata.managedFields?.find(
			({ manager, operation }) => manager === 'meshwright' && operation === 'Apply',
		);
		t.truthy(ours);
		await untilDone();
	});

	test.serial(`${label}: without the label by which it is seen, it gets it back`, async (t) => {
		const { uid } = (await mesh.api.get(reference)).metadata;
		await mesh.api.patch(reference, { metadata: { labels: { [partOfLabel]: null } } }, { type: 'merge' });
		const live = await untilAsRendered(one, object);
		t.is(live.metadata.uid, uid, 'the same object');
		await untilDone();
	});
}

/** The rendered object with the edit merged in, one level deep, as a second applier would send it. */
function spread(object: KubeObject, edit: object): object {
	return Object.fromEntries(
		Object.entries(edit).map(([field, value]) => {
			const isMergeable =
				!Array.isArray(value) && typeof value === 'object' && field !== 'data' && object.kind !== 'Deployment';
			return [field, isMergeable ? { ...(object[field] as object), ...value } : value];
		}),
	);
}

test.serial('changes made while the operator was away are repaired when it is back', async (t) => {
	const tried = meshes.map((one) => ({
		one,
		objects: one.rendered.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Service' || isWebhook({ kind })),
	}));
	await operator.stop();
	for (const { objects } of tried) {
		const [first, ...others] = objects;
		if (first === undefined) throw new Error('neither ConfigMap nor Service is rendered');
		await mesh.api.delete(referenceOf(first));
		for (const other of others) await edit(other);
	}
	operator = await startOperator(mesh);
	for (const { one, objects } of tried) for (const object of objects) await untilAsRendered(one, object);
	t.pass();
});

test.serial('many edits at once: all are repaired, and nothing else is written', async (t) => {
	const rendered = meshes.flatMap((one) => one.rendered);
	await untilDone();
	const place = await mark(mesh.cluster);
	// Leaves out the edit that gives all rights: while a role has more rights than the operator, its binding can't be
	// repaired.
	const isRole = ({ kind }: KubeObject) => kind === 'Role' || kind === 'ClusterRole';
	await Promise.all(rendered.map((object) => (isRole(object) ? edit(object, () => ({ rules: [] })) : edit(object))));
	for (const one of meshes) for (const object of one.rendered) await untilAsRendered(one, object);
	await untilDone();
	const written = (await changesOf(mesh.cluster, operatorUser, place)).filter(
		({ objectRef }) => objectRef?.resource !== 'meshinstallations',
	);
	t.is(written.length, rendered.length, written.map(describeWrite).sort().join('; '));
	t.deepEqual((await liveChildren(mesh.api)).map(objectKey).sort(), rendered.map(objectKey).sort());
});

/** What follows is about the status and the pace of repairs, of which no line knows. */
const someMesh = meshes[0] as MeshUnderTest;

test.serial('our own status, edited by somebody else, is told again', async (t) => {
	const { name } = someMesh;
	await mesh.api.patch(
		installationReference(name),
		{ status: { phase: 'Nonsense', ready: '9/9' } },
		{ type: 'merge', subresource: 'status' },
	);
	await eventually('the status is told again', async () => {
		const { status } = await readInstallation(mesh.api, name);
		return status?.phase !== 'Nonsense' && status?.ready !== '9/9';
	});
	t.pass();
});

test.serial(
	'a fight about a field: repairs are slowed down, the status says LoopDetected and by whom, and it heals',
	async (t) => {
		const { name, namespace, rendered } = someMesh;
		const configMap = { ...kinds.ConfigMap, namespace, name: 'istio' };
		const object = rendered.find(({ kind }) => kind === 'ConfigMap');
		if (object === undefined) throw new Error('no ConfigMap is rendered');
		await untilDone();
		const place = await mark(mesh.cluster);
		let edited = 0;
		let isFighting = true;
		const fight = (async () => {
			for (; isFighting; await sleep(20)) {
				await mesh.api.patch(
					configMap,
					{ data: { mesh: `edit: ${edited++}` } },
					{ type: 'merge', fieldManager: 'mallory' },
				);
			}
		})();
		try {
			const stalled = await untilCondition(mesh.api, name, 'Stalled', 'True', 'LoopDetected');
			t.true(stalled.message.includes('mallory'), stalled.message);
			t.true(stalled.message.includes(`ConfigMap ${namespace}/istio`), stalled.message);
			const until = edited + 100;
			await eventually('a hundred edits more', () => edited >= until);
		} finally {
			isFighting = false;
			await fight;
		}
		const repairs = (await changesOf(mesh.cluster, operatorUser, place)).filter(
			({ objectRef }) => objectRef?.resource === 'configmaps',
		);
		t.true(repairs.length < edited / 2, `${repairs.length} repairs of ${edited} edits`);
		await untilAsRendered(someMesh, object);
		await untilInstalled(mesh.api, name);
		await eventually('it is stalled no more', async () => {
			const { status } = await readInstallation(mesh.api, name);
			return status?.conditions?.every(({ type }) => type !== 'Stalled');
		});
	},
);
