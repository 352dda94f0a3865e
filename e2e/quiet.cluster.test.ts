/**
 * When nothing is wrong, nothing is written: not over time, not after a restart, not when others change their own fields.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { upgradeDespiteAnnotation } from '../api/v1/index.ts';
import { MeshController } from '../operator/mesh/controller.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { loadKubeconfig } from '../operator/runtime/credentials/credentials.ts';
import { isWebhook, kinds } from '../operator/runtime/kinds.ts';
import { createLogger } from '../operator/runtime/log/logger.ts';
import { type KubeObject, objectKey, referenceOf } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	renderedChildren,
	untilCondition,
	untilEvent,
	untilReady,
	versionOf,
	versionsOf,
} from './support/installation.ts';
import { versionUnderTest } from './support/lines-under-test.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { noClusters } from './support/no-clusters.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { type PlayedIstiods, playIstiods } from './support/played-istiod.ts';
import { record } from './support/recording.ts';
import { describeWrite, type Mark, mark, restMs, untilCalm, writesOf } from './support/writes.ts';

const plain = { name: 'plain', spec: { namespace: 'istio-plain' } };
const scaled = {
	name: 'scaled',
	spec: {
		namespace: 'istio-scaled',
		pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 }, disruptionBudget: { maxUnavailable: 1 } },
	},
};

const today = {
	name: 'today',
	spec: {
		version: versionUnderTest('istiod'),
		namespace: 'istio-today',
		sidecarInjector: { enabled: true },
		mesh: { mtls: { mode: 'STRICT' } },
	},
};
const meshes = [plain, scaled, today];
const names = meshes.map(({ name }) => name);

let mesh: MeshCluster;
let istiods: PlayedIstiods;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	istiods = await playIstiods(mesh.api, mesh.cluster);
	operator = await startOperator(mesh);
	for (const { name, spec } of meshes) await applyInstallation(mesh.api, name, spec);
	for (const name of names) {
		await untilReady(mesh.api, name);
		await untilEvent(mesh.api, name, 'Ready');
	}
	// What waits for istiod comes after its pods are ready, and then it writes its authority there.
	await eventually('istiod has all its webhooks', async () => {
		const live = (await liveChildren(mesh.api, today.name)).filter(isWebhook);
		const rendered = renderedChildren(today.name, today.spec).filter(isWebhook);
		return live.length === rendered.length && live.every((one) => JSON.stringify(one).includes('"caBundle"'));
	});
});
test.after.always(async () => {
	await operator?.stop();
	await istiods?.stop();
	await mesh?.stop();
});

/** What the operator wrote since a place in the audit log, one line each. */
async function written(since: Mark): Promise<readonly string[]> {
	return (await writesOf(mesh.cluster, operatorUser, since)).map(describeWrite);
}

function pilotOf({ spec }: { readonly spec: { readonly namespace: string } }) {
	return { namespace: spec.namespace, name: 'istio-pilot' };
}

/** Waits until the operator has seen everything so far: it repairs a drift that was made last. */
async function untilCaughtUp(): Promise<void> {
	const reference = { ...kinds.ConfigMap, namespace: plain.spec.namespace, name: 'istio' };
	const { uid } = (await mesh.api.get(reference)).metadata;
	await mesh.api.delete(reference);
	await eventually('the ConfigMap is made anew', async () => (await mesh.api.get(reference)).metadata.uid !== uid);
}

/** The writes since a place in the log that don't belong to the drift of `untilCaughtUp`. */
async function otherWrites(since: Mark): Promise<readonly string[]> {
	await untilCaughtUp();
	// The kinds are watched in parallel, so another watch may still bring something.
	await untilCalm(mesh.cluster, operatorUser, restMs);
	const isOwn = (line: string) => /configmaps istio-plain\/istio |events|meshinstallations\/status plain/.test(line);
	return (await written(since)).filter((line) => !isOwn(line));
}

test.serial('30 s after all is ready: no write', async (t) => {
	await untilCalm(mesh.cluster, operatorUser, restMs);
	const before = await mark(mesh.cluster);
	const versions = await versionsOf(mesh.api, plain.name, today.name);
	await sleep(30_000);
	t.deepEqual(await written(before), []);
	t.deepEqual(await versionsOf(mesh.api, plain.name, today.name), versions);
	for (const name of names)
		t.like((await readInstallation(mesh.api, name)).status, { phase: 'Ready' }, 'and still ready');
});

test.serial('a restart of the operator writes nothing and moves no resourceVersion', async (t) => {
	const versions = () => Promise.all(names.map((name) => versionsOf(mesh.api, name)));
	await untilCalm(mesh.cluster, operatorUser, restMs);
	const before = await versions();
	t.true(Object.keys(before[0] ?? {}).length > renderedChildren(plain.name, plain.spec).length);
	const place = await mark(mesh.cluster);
	await operator.stop();
	operator = await startOperator(mesh);
	// What is asked for now is done after the passes of the start.
	await applyInstallation(mesh.api, 'last', { namespace: 'istio-last' });
	await untilReady(mesh.api, 'last');
	t.deepEqual(await versions(), before);
	// When its pass comes first, the new one applies the CRDs, which all share. That changed nothing, as the test has just
	// shown.
	const ofLast = /istio-last|\blast\b|^patch customresourcedefinitions .* 200$/;
	t.deepEqual(
		(await written(place)).filter((line) => !ofLast.test(line)),
		[],
	);
});

test.serial('twenty forced passes and relists leave every generation and resourceVersion', async (t) => {
	await operator.stop();
	const api = new ApiServer(await loadKubeconfig({ path: mesh.kubeconfig }));
	let passes = 0;
	const controller = new MeshController({
		api,
		log: createLogger({ level: 'error' }),
		clusters: noClusters,
		queueHooks: { onPassEnd: () => void passes++ },
	});
	await controller.start();
	controller.lead();
	try {
		const objects = async (): Promise<readonly KubeObject[]> => [
			...(await liveChildren(mesh.api)),
			...(await Promise.all(names.map((name) => readInstallation(mesh.api, name)))),
		];
		const versions = async () =>
			(await objects()).map((object) => `${objectKey(object)} ${object.metadata.generation} ${versionOf(object)}`);
		await eventually(
			'the passes of the start',
			() => passes > meshes.length && controller.queue.snapshot().running.length === 0,
		);
		await untilCalm(mesh.cluster, operatorUser, restMs);
		const before = await versions();
		const place = await mark(mesh.cluster);
		for (let round = 1; round <= 20; round++) {
			const seen = passes;
			if (round % 5 === 0) controller.caches.relist();
			for (const name of names) controller.queue.add(name, { reason: `round ${round}` });
			await eventually(`a pass of each in round ${round}`, () => passes >= seen + meshes.length);
		}
		await eventually('no pass goes on', () => controller.queue.snapshot().running.length === 0);
		t.deepEqual(await written(place), []);
		t.deepEqual(await versions(), before);
	} finally {
		await controller.stop(5_000);
		await api.close();
		operator = await startOperator(mesh);
	}
});

test.serial('what others write into fields of their own is no cause to write', async (t) => {
	const { api } = mesh;
	const deployment = { ...kinds.Deployment, ...pilotOf(scaled) };
	const foreign = { metadata: { annotations: { 'example.com/note': 'x' }, labels: { 'example.com/team': 'mesh' } } };
	await untilCalm(mesh.cluster, operatorUser, restMs);
	const place = await mark(mesh.cluster);
	for (const reference of [
		deployment,
		{ ...kinds.HorizontalPodAutoscaler, ...pilotOf(scaled) },
		{ ...kinds.PodDisruptionBudget, ...pilotOf(scaled) },
		{ ...kinds.Service, ...pilotOf(scaled) },
		{ ...kinds.ConfigMap, namespace: scaled.spec.namespace, name: 'istio' },
		{ ...kinds.ClusterRole, name: `istio-pilot-${scaled.spec.namespace}` },
		...renderedChildren(today.name, today.spec).map(referenceOf),
	]) {
		await api.patch(reference, foreign, { type: 'merge' });
	}
	await api.patch(
		{ ...kinds.HorizontalPodAutoscaler, ...pilotOf(scaled) },
		{ status: { currentReplicas: 2, desiredReplicas: 2, lastScaleTime: '2026-01-01T00:00:00Z' } },
		{ type: 'merge', subresource: 'status' },
	);
	await api.patch(
		{ ...kinds.PodDisruptionBudget, ...pilotOf(scaled) },
		{
			status: {
				conditions: [
					{ type: 'Example', status: 'True', reason: 'Test', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
				],
			},
		},
		{ type: 'merge', subresource: 'status' },
	);
	t.deepEqual(await otherWrites(place), []);
	const { metadata } = await api.get(deployment);
	t.is(metadata.annotations?.['example.com/note'], 'x');
	t.is(metadata.labels?.['example.com/team'], 'mesh');
});

test.serial(
	'a pull secret that somebody gives to the ServiceAccount stays, also when the account is written again',
	async (t) => {
		const { api } = mesh;
		const account = { ...kinds.ServiceAccount, namespace: scaled.spec.namespace, name: 'istio-pilot-service-account' };
		const secrets = { imagePullSecrets: [{ name: 'regcred' }], secrets: [{ name: 'token' }] };
		await untilCalm(mesh.cluster, operatorUser, restMs);
		const place = await mark(mesh.cluster);
		await api.patch(account, secrets, { type: 'merge' });
		t.deepEqual(await otherWrites(place), []);
		await api.patch(account, { automountServiceAccountToken: true }, { type: 'merge' });
		const repaired = await eventually('the repair', async () => {
			const live = await api.get(account);
			return live.automountServiceAccountToken === false ? live : undefined;
		});
		t.like(repaired, secrets);
	},
);

test.serial(
	'the number of pods belongs to the autoscaler while there is one, and never dips when it changes hands',
	async (t) => {
		const { api } = mesh;
		const deployment = { ...kinds.Deployment, ...pilotOf(scaled) };
		const autoscaler = { ...kinds.HorizontalPodAutoscaler, ...pilotOf(scaled) };
		const replicas = async () => ((await api.get(deployment)).spec as { readonly replicas: number }).replicas;
		const scaleTo = (count: number) =>
			api.patch(
				deployment,
				{ spec: { replicas: count } },
				{ type: 'merge', subresource: 'scale', fieldManager: 'autoscaler' },
			);
		const base = scaled.spec;
		const apply = async (spec: Readonly<Record<string, unknown>>) => {
			await applyInstallation(api, scaled.name, spec, { [upgradeDespiteAnnotation]: 'downgrade' });
			await untilReady(api, scaled.name);
		};

		await scaleTo(4);
		await untilReady(api, scaled.name);
		t.is(await replicas(), 4);
		await api.patch(deployment, { metadata: { labels: { 'app.kubernetes.io/part-of': null } } }, { type: 'merge' });
		await eventually(
			'the label is back',
			async () => (await api.get(deployment)).metadata.labels?.['app.kubernetes.io/part-of'],
		);
		t.is(await replicas(), 4, 'after a repair');
		await apply({ ...base, pilot: { ...base.pilot, podAnnotations: { 'example.com/changed': 'true' } } });
		t.is(await replicas(), 4, 'after a change of the spec');
		await operator.stop();
		operator = await startOperator(mesh);
		await untilCaughtUp();
		t.is(await replicas(), 4, 'after a restart');
		await apply({ ...base, version: '1.3.8' });
		t.is(await replicas(), 4, 'after a change of the version');

		const recording = await record<KubeObject & { readonly spec: { readonly replicas: number } }>(
			api,
			kinds.Deployment,
			pilotOf(scaled),
		);
		await apply({ namespace: base.namespace, pilot: { replicas: 2 } });
		t.is(await replicas(), 2, 'without an autoscaler it is what the spec says');
		await eventually('the autoscaler is gone', async () =>
			(await liveChildren(api, scaled.name)).every(({ kind }) => kind !== 'HorizontalPodAutoscaler'),
		);
		await apply({ namespace: base.namespace, pilot: { autoscaling: { minReplicas: 2, maxReplicas: 6 } } });
		await api.get(autoscaler);
		await scaleTo(5);
		await untilReady(api, scaled.name);
		await untilCaughtUp();
		t.is(await replicas(), 5, 'with an autoscaler it is no longer ours');
		const seen = (await recording.stop()).map(({ spec }) => spec.replicas);
		t.deepEqual([...new Set(seen)], [4, 2, 5], 'no other number on the way, above all no 1 and no 0');
		await untilCondition(api, scaled.name, 'Ready', 'True');
	},
);
