/** What was rendered stays as it is: what is deleted, edited or taken away comes back, and what others add stays. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { partOfLabel } from '../operator/apply/identity.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import {
	applyInstallation,
	installationReference,
	liveChildren,
	readInstallation,
	readLive,
	renderedChildren,
	untilCondition,
	untilEvent,
	untilInstalled,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { differences } from './support/owned-fields.ts';
import { changesOf, describeWrite, mark, untilCalm } from './support/writes.ts';

const name = 'drift';
const namespace = 'istio-drift';
/** A spec with everything that can be a child: an autoscaler and a budget too. */
const spec = {
	namespace,
	pilot: { autoscaling: { minReplicas: 2, maxReplicas: 4 }, disruptionBudget: { maxUnavailable: 1 } },
};
const rendered = renderedChildren(name, spec);

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster();
	operator = await startOperator(mesh);
	await applyInstallation(mesh.api, name, spec);
	await untilInstalled(mesh.api, name);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

/** The ports of the rendered Service, all leading elsewhere. */
function redirectedPorts(): readonly object[] {
	const service = rendered.find(({ kind }) => kind === 'Service');
	if (service === undefined) throw new Error('no Service is rendered');
	const { ports } = service.spec as { readonly ports: readonly object[] };
	return ports.map((port) => ({ ...port, targetPort: 9 }));
}

/** For each kind, an edit of a field that we own, as a merge patch. It also says which kinds are tried. */
const edits: Readonly<Record<string, object>> = {
	ServiceAccount: { automountServiceAccountToken: true },
	ClusterRole: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
	ClusterRoleBinding: { subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mallory' }] },
	Role: { rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
	RoleBinding: { subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'mallory' }] },
	ConfigMap: { data: { mesh: 'enableTracing: nonsense' } },
	Service: { spec: { selector: { istio: 'elsewhere' }, ports: redirectedPorts() } },
	Deployment: { spec: { template: { spec: { serviceAccountName: 'default' } } } },
	HorizontalPodAutoscaler: { spec: { maxReplicas: 40 } },
	PodDisruptionBudget: { spec: { maxUnavailable: 3 } },
};

/** Waits until an object is as rendered again, with its owner, and returns it. */
async function untilAsRendered(object: KubeObject): Promise<KubeObject> {
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

test('every kind that is rendered is among those that are tried here, but roles, which the classic line may not need', (t) => {
	const kindsRendered = new Set(rendered.map(({ kind }) => kind));
	t.deepEqual(
		[...kindsRendered].filter((kind) => !(kind in edits)),
		[],
	);
	t.true(kindsRendered.has('HorizontalPodAutoscaler') && kindsRendered.has('PodDisruptionBudget'));
});

// This test is first, because the number of Events about one object is limited.
test.serial('the Event about a repair names the object and who had changed it', async (t) => {
	const service = { ...kinds.Service, namespace, name: 'istio-pilot' };
	await mesh.api.patch(service, edits.Service, { type: 'merge', fieldManager: 'mallory' });
	const changed = await untilEvent(mesh.api, name, 'DriftRepaired', `Service ${namespace}/istio-pilot`);
	t.true(changed.includes('mallory'), changed);
	const configMap = { ...kinds.ConfigMap, namespace, name: 'istio' };
	await mesh.api.delete(configMap);
	const deleted = await untilEvent(mesh.api, name, 'DriftRepaired', `ConfigMap ${namespace}/istio`);
	t.true(deleted.includes('deleted'), deleted);
	await untilDone();
});

for (const object of rendered) {
	const reference = referenceOf(object);
	const label = `${object.kind} ${object.metadata.name}`;
	const edit = edits[object.kind] ?? {};

	test.serial(`${label}: deleted, it is made again with its owner`, async (t) => {
		const { uid } = (await mesh.api.get(reference)).metadata;
		await mesh.api.delete(reference);
		await eventually(`${label} is made again`, async () => {
			const live = await orAbsent(mesh.api.get(reference));
			return live !== undefined && live.metadata.uid !== uid;
		});
		const again = await untilAsRendered(object);
		t.not(again.metadata.uid, uid);
	});

	test.serial(`${label}: edited, it is as rendered again; what others added stays`, async (t) => {
		const foreign = { labels: { 'example.com/team': 'mesh' }, annotations: { 'example.com/note': 'keep' } };
		const before = (await mesh.api.get(reference)).metadata.resourceVersion;
		const { resourceVersion } = await mesh.api.patch(
			reference,
			{ metadata: foreign, ...edit },
			{ type: 'merge', fieldManager: 'mallory' },
		);
		t.not(resourceVersion, before, 'the edit is one');
		const live = await untilAsRendered(object);
		t.like(live.metadata, foreign);
		await untilDone();
	});

	test.serial(`${label}: taken over by another applier with force, it is taken back`, async (t) => {
		const stolen = { ...object, ...spread(object, edit) };
		await mesh.api.apply(stolen, { fieldManager: 'thief', force: true });
		const live = await untilAsRendered(object);
		const ours = live.metadata.managedFields?.find(
			({ manager, operation }) => manager === 'meshwright' && operation === 'Apply',
		);
		t.truthy(ours);
		await untilDone();
	});

	test.serial(`${label}: without the label by which it is seen, it gets it back`, async (t) => {
		const { uid } = (await mesh.api.get(reference)).metadata;
		await mesh.api.patch(reference, { metadata: { labels: { [partOfLabel]: null } } }, { type: 'merge' });
		const live = await untilAsRendered(object);
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
	const [first, ...others] = rendered.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Service');
	if (first === undefined) throw new Error('neither ConfigMap nor Service is rendered');
	await operator.stop();
	await mesh.api.delete(referenceOf(first));
	for (const other of others) await mesh.api.patch(referenceOf(other), edits[other.kind], { type: 'merge' });
	operator = await startOperator(mesh);
	for (const object of [first, ...others]) await untilAsRendered(object);
	t.pass();
});

test.serial('many edits at once: all are repaired, and nothing else is written', async (t) => {
	await untilDone();
	const place = await mark(mesh.cluster);
	// Leaves out the edit that gives all rights: while a role has more rights than the operator, its binding can't be
	// repaired.
	const isRole = ({ kind }: KubeObject) => kind === 'Role' || kind === 'ClusterRole';
	await Promise.all(
		rendered.map((object) =>
			mesh.api.patch(referenceOf(object), isRole(object) ? { rules: [] } : edits[object.kind], {
				type: 'merge',
				fieldManager: 'mallory',
			}),
		),
	);
	for (const object of rendered) await untilAsRendered(object);
	await untilDone();
	const written = (await changesOf(mesh.cluster, operatorUser, place)).filter(
		({ objectRef }) => objectRef?.resource !== 'meshinstallations',
	);
	t.is(written.length, rendered.length, written.map(describeWrite).sort().join('; '));
	t.deepEqual((await liveChildren(mesh.api, name)).map(objectKey).sort(), rendered.map(objectKey).sort());
});

test.serial('our own status, edited by somebody else, is told again', async (t) => {
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
		await untilAsRendered(object);
		await untilInstalled(mesh.api, name);
		await eventually('it is stalled no more', async () => {
			const { status } = await readInstallation(mesh.api, name);
			return status?.conditions?.every(({ type }) => type !== 'Stalled');
		});
	},
);
