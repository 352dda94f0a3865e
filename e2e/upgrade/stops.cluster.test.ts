/**
 * What stops a change of version, and what lets it go on: blockers, a failed stage that is held or rolled back, an approval.
 * Whatever happens, the pods that serve go on serving.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type ParsedStatus, upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import {
	applyInstallation,
	installationReference,
	liveChildren,
	readInstallation,
	renderedChildren,
	type Spec,
	untilCondition,
	untilEvent,
	untilReady,
	versionsOf,
} from '../support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import { watchReadyPods } from '../support/observing.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { freePods, limitPods } from '../support/quota.ts';
import { recordInstallation } from '../support/recording.ts';
import { restMs } from '../support/writes.ts';

type Installation = KubeObject & { readonly status?: ParsedStatus };

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all', nodes: 3 });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

/** A mesh whose injector waits for nobody, and whose Pilot is there twice. */
function specOf(name: string, fields: Spec = {}): Spec {
	return { version: '1.3.8', profile: 'minimal', namespace: `istio-${name}`, pilot: { replicas: 2 }, ...fields };
}

async function install(name: string, spec: Spec): Promise<void> {
	await applyInstallation(mesh.api, name, spec);
	await untilReady(mesh.api, name);
}

async function upgradeOf(name: string): Promise<NonNullable<ParsedStatus['upgrade']>> {
	const { status } = await readInstallation(mesh.api, name);
	if (status?.upgrade === undefined) throw new Error(`${name}: ${JSON.stringify(status)}`);
	return status.upgrade;
}

function labelOf(objects: readonly KubeObject[], name: string): string | undefined {
	const object = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name);
	return object?.metadata.labels?.['app.kubernetes.io/version'];
}

/** Nothing of a mesh is written while nothing changes. Other meshes of the cluster go on meanwhile. */
async function isQuiet(t: ExecutionContext, name: string): Promise<void> {
	// A pass after the last write of objects may still write what has become of them.
	const before = await eventually('the last write of the status', async () => {
		const one = await versionsOf(mesh.api, name);
		await sleep(1_000);
		return isDeepStrictEqual(one, await versionsOf(mesh.api, name)) && one;
	});
	await sleep(restMs);
	t.deepEqual(await versionsOf(mesh.api, name), before);
}

const stage = { progressDeadline: '1m' };

test('a skipped minor is blocked by its name: the mesh is kept as before, repaired too, until its owner insists', async (t) => {
	const { api } = mesh;
	const name = 'skips';
	const spec = specOf(name, { version: '1.2.10' });
	await install(name, spec);
	await applyInstallation(api, name, { ...spec, version: '1.4.10' });
	const { message } = await untilCondition(api, name, 'Stalled', 'True', 'UpgradeBlocked');
	t.true(message.includes('minor-skipped'), message);
	t.like(await upgradeOf(name), { from: '1.2.10', to: '1.4.10', state: 'Blocked' });
	const { status } = await readInstallation(api, name);
	t.like(status, { version: '1.2.10', phase: 'UpgradeBlocked' });
	t.is(labelOf(await liveChildren(api, name), 'istio-pilot'), '1.2.10');
	await untilEvent(api, name, 'UpgradeBlocked', 'minor-skipped');

	const account = { ...kinds.ServiceAccount, namespace: `istio-${name}`, name: 'istio-pilot-service-account' };
	const { metadata } = await api.get<KubeObject>(account);
	await api.delete(account);
	await eventually('what was deleted is back', async () => {
		const found = await api.get<KubeObject>(account).catch(() => undefined);
		return found !== undefined && found.metadata.uid !== metadata.uid;
	});

	await applyInstallation(api, name, { ...spec, version: '1.4.10' }, { [upgradeDespiteAnnotation]: 'minor-skipped' });
	await untilReady(api, name);
	t.is((await readInstallation(api, name)).status?.version, '1.4.10');
	await untilEvent(api, name, 'UpgradeInsisted', 'minor-skipped');
});

test('an image that nobody can pull: held by name with the old pods serving on; mended, it goes on and ends', async (t) => {
	const { api } = mesh;
	const name = 'held';
	const spec = specOf(name);
	await install(name, spec);
	const pods = await watchReadyPods(api, `istio-${name}`);
	pods.forget();
	const broken = { ...spec, version: '1.4.10', images: { registry: 'registry.invalid/istio' }, upgrade: stage };
	await applyInstallation(api, name, broken);
	const { message } = await untilCondition(api, name, 'Stalled', 'True', 'ImageNotPulled');
	t.regex(message, /is held: stage Pilot made no progress for 1m: .*pod istio-pilot-.*its image is not pulled/);
	t.like(await upgradeOf(name), { state: 'Held', stage: 'Pilot' });
	t.is((await readInstallation(api, name)).status?.phase, 'Held (Pilot)');
	t.true(pods.fewest('istio-pilot') >= 2);
	await isQuiet(t, name);

	await applyInstallation(api, name, { ...spec, version: '1.4.10', upgrade: stage });
	await untilReady(api, name);
	await pods.caughtUp();
	t.true(pods.fewest('istio-pilot') >= 2, `${pods.fewest('istio-pilot')} pods at least`);
	const { status } = await readInstallation(api, name);
	t.like(status, { version: '1.4.10', phase: 'Ready', upgrade: undefined });
	const rendered = renderedChildren(name, { ...spec, version: '1.4.10' }).map(objectKey);
	t.deepEqual((await liveChildren(api, name)).map(objectKey).sort(), rendered.toSorted());
	pods.stop();
});

test('onFailure Rollback: it goes back in the reverse order of stages, says why, rests there, and tries other settings anew', async (t) => {
	const { api } = mesh;
	const name = 'rolled';
	const namespace = `istio-${name}`;
	const spec = specOf(name);
	await install(name, spec);
	const pods = await watchReadyPods(api, namespace);
	pods.forget();
	await limitPods(api, namespace, 2);
	const recording = await recordInstallation<Installation>(api, name);
	// The pods of the new version do not fit beside the others. The checks say so, and the owner insists.
	const upgrade = { ...stage, onFailure: 'Rollback' };
	const insists = { [upgradeDespiteAnnotation]: 'quota-exceeded' };
	await applyInstallation(api, name, { ...spec, version: '1.4.10', upgrade }, insists);
	const { message } = await untilCondition(api, name, 'Stalled', 'True', 'RolledBack');
	t.regex(message, /^runs 1\.3\.8 again: stage Pilot made no progress for 1m: .*exceeded quota/);
	const told = await recording.stop();
	const steps = told.flatMap(({ status }) =>
		status?.upgrade === undefined ? [] : [`${status.upgrade.state} ${status.upgrade.stage ?? ''}`],
	);
	// Another mesh may have brought the definitions before. Then their stage is passed over.
	const mayBePassed = 'Progressing CRDs';
	t.deepEqual(
		steps.filter((step, index) => step !== steps[index - 1] && step !== mayBePassed),
		[
			...['', 'Configuration', 'Pilot'].map((one) => `Progressing ${one}`),
			...['Pilot', 'Configuration'].map((one) => `RollingBack ${one}`),
			'RolledBack ',
		],
	);
	t.true(pods.fewest('istio-pilot') >= 2);
	for (const object of await liveChildren(api, name))
		t.is(object.metadata.labels?.['app.kubernetes.io/version'], '1.3.8', objectKey(object));
	await freePods(api, namespace);
	// What failed is not tried again by itself.
	await isQuiet(t, name);

	await applyInstallation(api, name, { ...spec, version: '1.4.10', upgrade, mesh: { tracing: { sampling: 50 } } });
	await untilReady(api, name);
	t.is((await readInstallation(api, name)).status?.version, '1.4.10');
	pods.stop();
});

test('version and settings changed together and set back in the middle: what was not reached is repaired as before, and it goes back from where it stands', async (t) => {
	const { api } = mesh;
	const name = 'mind';
	const spec = specOf(name);
	await install(name, spec);
	const upgrade = { pauseBefore: ['Pilot'] };
	const changed = { pilot: { replicas: 3 }, mesh: { tracing: { sampling: 50 } } };
	await applyInstallation(api, name, { ...spec, ...changed, version: '1.4.10', upgrade });
	await untilCondition(api, name, 'Reconciling', 'True', 'WaitingForApproval');
	t.deepEqual((await upgradeOf(name)).previous, spec);
	const pilot = { ...kinds.Deployment, namespace: `istio-${name}`, name: 'istio-pilot' };
	await api.patch(pilot, { spec: { replicas: 1 } }, { type: 'merge', fieldManager: 'somebody' });
	const repaired = await eventually('what somebody changed is as it was', async () => {
		const { metadata, spec: now } = await api.get<KubeObject & { readonly spec: Spec }>(pilot);
		return now.replicas === 2 && metadata;
	});
	t.is(repaired.labels?.['app.kubernetes.io/version'], '1.3.8');
	await applyInstallation(api, name, spec);
	await untilReady(api, name);
	const { status } = await readInstallation(api, name);
	t.like(status, { version: '1.3.8', upgrade: undefined });
	const live = await liveChildren(api, name);
	t.deepEqual(live.map(objectKey).sort(), renderedChildren(name, spec).map(objectKey).sort());
	for (const object of live) t.is(object.metadata.labels?.['app.kubernetes.io/version'], '1.3.8', objectKey(object));
});

test('pauseBefore: it stops before the stage and is no failure; an approval for another version is told, the right one lets it go on', async (t) => {
	const { api } = mesh;
	const name = 'approved';
	const spec = specOf(name, { gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } } });
	await install(name, spec);
	const upgrade = { pauseBefore: ['Gateways'], approved: { version: '1.4.9', stage: 'Gateways' } };
	await applyInstallation(api, name, { ...spec, version: '1.4.10', upgrade });
	const { message } = await untilCondition(api, name, 'Ready', 'Unknown', 'WaitingForApproval');
	t.true(message.includes('spec.upgrade.approved is for 1.4.9, not for 1.4.10'), message);
	const { status } = await readInstallation(api, name);
	t.false(status?.conditions?.some(({ type }) => type === 'Stalled'));
	t.is(status?.phase, 'WaitingForApproval (Pilot)');
	const live = await liveChildren(api, name);
	t.is(labelOf(live, 'istio-pilot'), '1.4.10');
	t.is(labelOf(live, 'istio-ingressgateway'), '1.3.8');
	await isQuiet(t, name);

	// Without a status, as a restored backup leaves it, two versions are a walk in the middle.
	const lost = { type: 'merge', subresource: 'status', fieldManager: 'somebody' } as const;
	await api.patch(installationReference(name), { status: null }, lost);
	await untilCondition(api, name, 'Ready', 'Unknown', 'WaitingForApproval');
	t.like(await upgradeOf(name), { from: '1.3.8', to: '1.4.10', stage: 'Pilot', reached: 'Webhooks' });
	t.is(labelOf(await liveChildren(api, name), 'istio-ingressgateway'), '1.3.8');

	await applyInstallation(api, name, {
		...spec,
		version: '1.4.10',
		upgrade: { ...upgrade, approved: { version: '1.4.10', stage: 'Gateways' } },
	});
	await untilReady(api, name);
	t.is(labelOf(await liveChildren(api, name), 'istio-ingressgateway'), '1.4.10');
});
