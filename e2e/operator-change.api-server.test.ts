/** A new version of the operator takes over what an older one made: what it would change is told, and held where that is asked for. */
import test from 'ava';
import { recordBodies } from '../operator/apply/body-record.ts';
import { fieldManager, statusFieldManager } from '../operator/apply/identity.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation, readInstallation, renderedChildren, untilInstalled } from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { startOperator } from './support/operator.ts';

const [older, newer] = ['0.0.9', '99.1.0'];
const name = 'kept';
const namespace = 'istio-kept';
const configMap = { ...kinds.ConfigMap, namespace, name: 'istio' };

let mesh: MeshCluster;
test.before(async () => {
	mesh = await startMeshCluster();
});
test.after.always(() => mesh?.stop());

async function markOf(): Promise<string | undefined> {
	return (await mesh.api.get(configMap)).metadata.labels?.older;
}

/**
 * Makes the ConfigMap look as if the older version rendered it with one more label: in the cluster by the operator's own field
 * manager, and in what the status records of it.
 */
async function renderOlder(): Promise<void> {
	const { api } = mesh;
	const live = await api.get(configMap);
	const rendered = renderedChildren(name, { namespace }).find((object) => objectKey(object) === objectKey(configMap));
	const { labels, ...metadata } = rendered?.metadata ?? { name: '' };
	const { ownerReferences = [] } = live.metadata;
	const body = { ...rendered, metadata: { ...metadata, ownerReferences, labels: { ...labels, older: 'yes' } } };
	await api.apply(body as KubeObject, { fieldManager, force: true });
	const { apiVersion, kind, metadata: of, status } = await readInstallation(api, name);
	// 12 characters an object, of which the first 7 are about its name.
	const entry = recordBodies([[objectKey(configMap), { bodyHash: 'other' }]]);
	const bodies = (status?.inventory?.bodies ?? '').match(/.{12}/g) ?? [];
	const changed = bodies.map((one) => (one.startsWith(entry.slice(0, 7)) ? entry : one)).join('');
	const inventory = { ...status?.inventory, hash: 'of the older version', bodies: changed };
	const stored = { apiVersion, kind, metadata: { name: of.name }, status: { ...status, inventory } };
	await api.apply(stored as KubeObject, { fieldManager: statusFieldManager, subresource: 'status', force: true });
}

async function untilChange(state: string) {
	return eventually(`the change is ${state}`, async () => {
		const { status } = await readInstallation(mesh.api, name);
		return status?.operatorUpgrade?.state === state ? status : undefined;
	});
}

test.serial('the status records which version made what stands', async (t) => {
	await applyInstallation(mesh.api, name, { namespace });
	await using _operator = await startOperator(mesh, { version: older });
	await untilInstalled(mesh.api, name);
	const { status } = await readInstallation(mesh.api, name);
	t.like(status?.inventory, { operator: older, version: '1.4.10' });
	t.is(status?.operatorUpgrade, undefined);
});

test.serial('a newer version that renders the same changes nothing, its own name in the record neither', async (t) => {
	const before = await readInstallation(mesh.api, name);
	await using operator = await startOperator(mesh, { version: newer });
	await eventually('it has looked', async () => {
		const { body } = await operator.ask('/metrics');
		return /workqueue_work_duration_seconds_count\{[^}]*meshinstallation[^}]*\} [1-9]/.test(body);
	});
	const after = await readInstallation(mesh.api, name);
	t.is(after.metadata.resourceVersion, before.metadata.resourceVersion);
});

test.serial(
	'held, what it renders otherwise stays as it is and the rest is repaired; a changed spec waits with it; approved, it is changed',
	async (t) => {
		const { api } = mesh;
		await renderOlder();
		await applyInstallation(api, name, { namespace, upgrade: { holdOperatorChanges: true } });
		await using _operator = await startOperator(mesh, { version: newer });
		const { operatorUpgrade, inventory } = await untilChange('Held');
		t.like(operatorUpgrade, { from: older, to: newer, objects: 1 });
		t.regex(
			operatorUpgrade?.message ?? '',
			/^1 object differs .*: ConfigMap istio-kept\/istio\. They stay as they are/,
		);
		t.is(inventory?.operator, older);
		await untilInstalled(api, name);
		t.is(await markOf(), 'yes');

		const service = { ...kinds.Service, namespace, name: 'istio-pilot' };
		await api.delete(service);
		await eventually('what is not held is repaired', async () =>
			api.get(service).then(
				() => true,
				() => false,
			),
		);
		t.is(await markOf(), 'yes');

		await applyInstallation(api, name, {
			namespace,
			pilot: { replicas: 3 },
			upgrade: { holdOperatorChanges: true, approved: { operator: '98.0.0' } },
		});
		await eventually('the change of the spec waits', async () => {
			const { status, metadata } = await readInstallation(api, name);
			const installed = status?.conditions?.find(({ type }) => type === 'Installed');
			return (
				installed?.observedGeneration === metadata.generation &&
				installed?.message.includes(`waits for spec.upgrade.approved.operator: "${newer}"`)
			);
		});
		const replicas = async () =>
			((await api.get({ ...kinds.Deployment, namespace, name: 'istio-pilot' })).spec as { replicas: number }).replicas;
		t.is(await replicas(), 1);

		const approved = { holdOperatorChanges: true, approved: { operator: newer } };
		await applyInstallation(api, name, { namespace, pilot: { replicas: 3 }, upgrade: approved });
		const after = await untilChange('Applied');
		t.regex(after.operatorUpgrade?.message ?? '', /They were changed$/);
		t.is(after.inventory?.operator, newer);
		t.is(await markOf(), undefined);
		t.is(await replicas(), 3);
	},
);

test.serial('not held, it is changed at once, and the status tells what that was', async (t) => {
	await applyInstallation(mesh.api, name, { namespace });
	{
		await using _operator = await startOperator(mesh, { version: older });
		await eventually('the older version has made it anew', async () => {
			const { status, metadata } = await readInstallation(mesh.api, name);
			return status?.observedGeneration === metadata.generation && status?.inventory?.operator === older;
		});
	}
	await renderOlder();
	await using _operator = await startOperator(mesh, { version: newer });
	const { operatorUpgrade } = await eventually('the newer version has changed it', async () => {
		const { status } = await readInstallation(mesh.api, name);
		return status?.inventory?.operator === newer ? status : undefined;
	});
	t.like(operatorUpgrade, { from: older, to: newer, objects: 1, state: 'Applied' });
	t.is(await markOf(), undefined);
});
