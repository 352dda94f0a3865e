/** The operator as a program: its rights, its endpoints, its figures, and an API server that comes and goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { classicReleases } from '../operator/releases/classic/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../operator/runtime/object.ts';
import { startOperatorProcess } from './support/crash-operator.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	readLive,
	renderedChildren,
	untilEvent,
	untilInstalled,
} from './support/installation.ts';
import { installCrd, type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { launchOperator, type RunningOperator, startOperator } from './support/operator.ts';
import { differences } from './support/owned-fields.ts';
import { changesOf, describeWrite, requestsOf } from './support/writes.ts';

const workload = { autoscaling: { minReplicas: 2, maxReplicas: 4 }, disruptionBudget: { maxUnavailable: 1 } };

/** Samples of a metric in Prometheus' text format, by their labels as written. */
function samples(metrics: string, name: string): ReadonlyMap<string, number> {
	const lines = metrics.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
	return new Map(
		lines.map((line) => {
			const space = line.lastIndexOf(' ');
			return [line.slice(name.length, space), Number(line.slice(space + 1))];
		}),
	);
}

function sum(metrics: string, name: string, ...labels: readonly string[]): number {
	return [...samples(metrics, name)]
		.filter(([text]) => labels.every((label) => text.includes(label)))
		.reduce((total, [, value]) => total + value, 0);
}

/** Waits until the operator has sent nothing but watches for a while. */
async function untilSilent({ cluster }: MeshCluster): Promise<void> {
	let before = -1;
	await eventually('the operator is silent', async () => {
		const now = (await requestsOf(cluster, operatorUser)).length;
		const isSilent = now === before;
		before = now;
		if (!isSilent) await sleep(700);
		return isSilent;
	});
}

/** What the API server has received and what the operator reports about it, with no request between the two. */
async function atOneMoment({ cluster }: MeshCluster, operator: RunningOperator) {
	return eventually('nothing is asked while the figures are told', async () => {
		// Figures are told anew only some time after they were asked for last.
		await sleep(1_100);
		const requests = await requestsOf(cluster, operatorUser);
		const changes = await changesOf(cluster, operatorUser);
		const { body: metrics } = await operator.ask('/metrics');
		const { length } = await requestsOf(cluster, operatorUser);
		return requests.length === length && { requests, changes, metrics };
	});
}

async function untilAsRendered({ api }: MeshCluster, objects: readonly KubeObject[]): Promise<void> {
	for (const object of objects) {
		await eventually(
			`${object.kind} ${object.metadata.name} is as rendered`,
			async () => differences(object, await readLive(api, object)).length === 0,
		);
	}
}

// One cluster at a time: five that start at once take both cores for a minute.
test.serial(
	'with nothing but the rights that deploy/ gives, nothing is ever forbidden; the figures agree with the audit log',
	async (t) => {
		await using mesh = await startMeshCluster();
		await using operator = await startOperator(mesh);
		const { api } = mesh;
		for (const { version } of classicReleases) {
			const name = `mesh-${version.replaceAll('.', '-')}`;
			const spec = { version, namespace: `istio-${name}`, pilot: workload };
			await applyInstallation(api, name, spec);
			await untilInstalled(api, name);
			const children = renderedChildren(name, spec);
			for (const [index, child] of children.entries()) {
				if (index % 2 === 0) await api.delete(referenceOf(child));
				else
					await api.patch(
						referenceOf(child),
						{ metadata: { labels: { 'app.kubernetes.io/part-of': null } } },
						{ type: 'merge' },
					);
			}
			await untilAsRendered(mesh, children);
			// Without autoscaler and budget, so both are pruned.
			await applyInstallation(api, name, { version, namespace: `istio-${name}` });
			await eventually('both are pruned', async () => (await liveChildren(api, name)).length === children.length - 2);
			await untilEvent(api, name, 'Pruned');
			await untilInstalled(api, name);
		}
		await untilSilent(mesh);
		const { body } = await operator.ask('/metrics');
		t.is(sum(body, 'meshwright_installation_ready'), 0, 'without controllers none of them runs');
		t.is(samples(body, 'meshwright_installation_ready').size, classicReleases.length);
		for (const { version } of classicReleases) await deleteInstallation(api, `mesh-${version.replaceAll('.', '-')}`);
		await untilSilent(mesh);

		const { requests, changes, metrics } = await atOneMoment(mesh, operator);
		t.true(requests.length > 200);
		t.deepEqual(
			requests
				.filter(({ responseStatus }) => responseStatus?.code === 403 || responseStatus?.code === 401)
				.map(describeWrite),
			[],
		);

		const verbs = { PATCH: 'patch', DELETE: 'delete', POST: 'create' } as const;
		for (const [method, verb] of Object.entries(verbs)) {
			const told = sum(metrics, 'rest_client_requests_total', `method="${method}"`);
			t.is(told, requests.filter((request) => request.verb === verb).length, method);
		}
		const writes = changes.filter(({ objectRef }) => objectRef?.resource !== 'meshinstallations');
		const applied = ['created', 'changed', 'unchanged', 'conflict', 'failed'].map((outcome) =>
			sum(metrics, 'meshwright_apply_total', `outcome="${outcome}"`),
		);
		t.is(
			applied.reduce((total, count) => total + count, 0),
			writes.filter(({ verb }) => verb === 'patch').length,
		);
		t.is(
			sum(metrics, 'meshwright_apply_total', 'outcome="created"'),
			writes.filter(({ responseStatus }) => responseStatus?.code === 201).length,
		);
		t.is(
			sum(metrics, 'meshwright_apply_total', 'outcome="deleted"'),
			writes.filter(({ verb }) => verb === 'delete').length,
		);
		t.is(samples(metrics, 'meshwright_installation_ready').size, 0, 'what is gone is no longer told');
		t.is(sum(metrics, 'controller_runtime_reconcile_panics_total'), 0);
		t.true(sum(metrics, 'controller_runtime_reconcile_total', 'result="requeue_after"') > 0);
		t.is(sum(metrics, 'meshwright_build_info'), 1);
	},
);

test.serial('an operator that is there before the CRD is alive, not ready, waits, and then works', async (t) => {
	await using mesh = await startMeshCluster({ crd: false });
	await using operator = launchOperator(mesh);
	await eventually('it asks for the kind', async () =>
		(await requestsOf(mesh.cluster, operatorUser)).some(
			({ objectRef, responseStatus }) => objectRef?.resource === 'meshinstallations' && responseStatus?.code === 404,
		),
	);
	t.is((await operator.ask('/healthz')).status, 200);
	const { status, body } = await operator.ask('/readyz');
	t.is(status, 503);
	t.regex(body, /start failed: waits for .*the list of MeshInstallation \(404 Not Found: .*CustomResourceDefinition\)/);
	await installCrd(mesh.api);
	await applyInstallation(mesh.api, 'late', {});
	await operator.started;
	await untilInstalled(mesh.api, 'late');
	t.is((await operator.ask('/readyz')).status, 200);
	t.is((await operator.ask('/healthz')).status, 200);
});

test.serial('an API server that restarts or hangs in the middle of everything: nothing is lost', async (t) => {
	await using mesh = await startMeshCluster({ own: true });
	await using operator = await startOperator(mesh);
	const { api, cluster } = mesh;
	const spec = (name: string) => ({ namespace: `istio-${name}` });
	await applyInstallation(api, 'first', spec('first'));
	await eventually(
		'the finalizer',
		async () => (await readInstallation(api, 'first')).metadata.finalizers?.length === 1,
	);
	await cluster.restartApiServer();
	await untilInstalled(api, 'first');
	await untilAsRendered(mesh, renderedChildren('first', spec('first')));

	// One change is made at the last moment before the outage, and one at the first after it.
	const [configMap, service] = [kinds.ConfigMap, kinds.Service].map((kind) => ({
		...kind,
		namespace: 'istio-first',
		name: kind.kind === 'Service' ? 'istio-pilot' : 'istio',
	}));
	if (configMap === undefined || service === undefined) throw new Error('two objects');
	await api.patch(configMap, { data: { mesh: 'edited: true' } }, { type: 'merge' });
	await cluster.stopApiServer();
	await sleep(1_000);
	await cluster.startApiServer();
	await eventually('the Service is deleted', () => api.delete(service));
	await untilAsRendered(mesh, renderedChildren('first', spec('first')));

	await applyInstallation(api, 'second', spec('second'));
	cluster.pauseApiServer();
	await sleep(3_000);
	cluster.resumeApiServer();
	await untilInstalled(api, 'second');
	await untilAsRendered(mesh, renderedChildren('second', spec('second')));
	t.is((await operator.ask('/healthz')).status, 200);
	await deleteInstallation(api, 'first');
	await deleteInstallation(api, 'second');
	t.deepEqual(await liveChildren(api), []);
});

test.serial(
	'an operator that ends in the middle of its work leaves its endpoints closed and the rest to the next',
	async (t) => {
		await using mesh = await startMeshCluster();
		const operator: RunningOperator = await startOperator(mesh);
		await applyInstallation(mesh.api, 'handed', {});
		await eventually('the first write', async () => (await changesOf(mesh.cluster, operatorUser)).length > 0);
		await operator.stop();
		await t.throwsAsync(operator.ask('/healthz'));
		await untilSilent(mesh);
		await using _next = await startOperator(mesh);
		await untilInstalled(mesh.api, 'handed');
		await untilAsRendered(mesh, renderedChildren('handed'));
	},
);

test.serial('an operator process that still waits for the CRD ends in order when it is told to', async (t) => {
	await using mesh = await startMeshCluster({ crd: false });
	const operator = await startOperatorProcess({ kubeconfig: mesh.kubeconfig });
	t.teardown(operator.kill);
	await eventually('it asks for the kind', async () => (await requestsOf(mesh.cluster, operatorUser)).length > 0);
	operator.signal('SIGTERM');
	t.is(await operator.exit(), 0, operator.log());
});
