/** The number of pods never dips on the way to another one, and the operator never fights others who scale. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { fieldManager, handoverFieldManager } from '../operator/apply/identity.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import { applyInstallation, untilEvent, untilReady } from './support/installation.ts';
import { type MeshCluster, operatorUser, person, startMeshCluster } from './support/mesh-cluster.ts';
import { type Observing, observe, type ReadyPods, watchReadyPods } from './support/observing.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { changesOf, describeWrite, type Mark, mark, requestsOf, untilCalm } from './support/writes.ts';

const name = 'scaling';
const namespace = 'istio-scaling';

const workloads = [
	'istio-pilot',
	'istio-policy',
	'istio-telemetry',
	'istio-ingressgateway',
	'istio-sidecar-injector',
] as const;
type WorkloadName = (typeof workloads)[number];

interface Autoscaling {
	readonly minReplicas: number;
	readonly maxReplicas: number;
	readonly targetCPUUtilization?: number;
}
type Scale = { readonly replicas: number } | { readonly autoscaling: Autoscaling };
type Scales = Readonly<Record<WorkloadName, Scale>>;

const fixed = (replicas: number): Scale => ({ replicas });
const between = (minReplicas: number, maxReplicas: number, more: Partial<Autoscaling> = {}): Scale => ({
	autoscaling: { minReplicas, maxReplicas, ...more },
});

function specOf(scales: Scales, pilot: object = {}) {
	return {
		namespace,
		pilot: { ...scales['istio-pilot'], ...pilot },
		mixer: {
			policy: { enabled: true, ...scales['istio-policy'] },
			telemetry: { enabled: true, ...scales['istio-telemetry'] },
		},
		gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' }, ...scales['istio-ingressgateway'] } },
		sidecarInjector: { enabled: true, ...scales['istio-sidecar-injector'] },
	};
}

const initial: Scales = {
	'istio-pilot': fixed(2),
	'istio-policy': fixed(1),
	'istio-telemetry': fixed(2),
	'istio-ingressgateway': fixed(2),
	'istio-sidecar-injector': fixed(2),
};

/** Twenty changes, one after the other. */
const changes: readonly Partial<Scales>[] = [
	{ 'istio-pilot': fixed(4) },
	{ 'istio-pilot': between(2, 6) },
	{ 'istio-pilot': fixed(3) },
	{ 'istio-pilot': between(3, 5) },
	{ 'istio-pilot': between(4, 8) },
	{ 'istio-pilot': between(1, 2) },
	{ 'istio-pilot': fixed(5) },
	{ 'istio-policy': fixed(3) },
	{ 'istio-policy': between(2, 4) },
	{ 'istio-policy': fixed(1) },
	{ 'istio-policy': between(1, 3) },
	{ 'istio-telemetry': between(2, 5) },
	{ 'istio-telemetry': between(2, 5, { targetCPUUtilization: 50 }) },
	{ 'istio-telemetry': fixed(4) },
	{ 'istio-ingressgateway': between(2, 3) },
	{ 'istio-ingressgateway': between(3, 6) },
	{ 'istio-ingressgateway': fixed(1) },
	{ 'istio-sidecar-injector': between(1, 4) },
	{ 'istio-sidecar-injector': fixed(3) },
	{
		'istio-pilot': between(2, 6),
		'istio-policy': fixed(2),
		'istio-telemetry': between(3, 6),
		'istio-ingressgateway': fixed(3),
		'istio-sidecar-injector': between(2, 3),
	},
];

/** How many pods there are in the end: an autoscaler without load moves the number into its bounds and no further. */
function countOf(scale: Scale, before: number): number {
	if ('replicas' in scale) return scale.replicas;
	const { minReplicas, maxReplicas } = scale.autoscaling;
	return Math.min(Math.max(before, minReplicas), maxReplicas);
}

function isAutoscaled(scale: Scale): boolean {
	return 'autoscaling' in scale;
}

interface DeploymentObject extends KubeObject {
	readonly spec: {
		readonly replicas: number;
		readonly template: { readonly spec: { readonly affinity: { readonly podAntiAffinity?: object } } };
	};
	readonly status?: Readonly<Record<string, number>>;
}

let mesh: MeshCluster;
let operator: RunningOperator;
let pods: ReadyPods;
let deployments: Observing;
/** All versions of the Deployments since the last `forget`, in order. */
let versions: DeploymentObject[] = [];
let scales = initial;
let counts: Readonly<Record<WorkloadName, number>> = forEach((workload) => countOf(initial[workload], 1));

function forEach<T>(of: (workload: WorkloadName) => T): Readonly<Record<WorkloadName, T>> {
	return Object.fromEntries(workloads.map((workload) => [workload, of(workload)])) as Record<WorkloadName, T>;
}

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all', nodes: 3 });
	operator = await startOperator(mesh);
	pods = await watchReadyPods(mesh.api, namespace);
	deployments = await observe<DeploymentObject>(mesh.api, kinds.Deployment, namespace, ({ type, object }) => {
		if (type === 'present') versions.push(object);
	});
	await applyInstallation(mesh.api, name, specOf(scales));
	await untilSettled();
});
test.after.always(async () => {
	pods?.stop();
	deployments?.stop();
	await operator?.stop();
	await mesh?.stop();
});

function read(workload: WorkloadName): Promise<DeploymentObject> {
	return mesh.api.get<DeploymentObject>({ ...kinds.Deployment, namespace, name: workload });
}

/** Whether a roll-out is over, its surplus pods are gone and the rest is ready: then its status stays as it is. */
function isSettled({ metadata, spec, status = {} }: DeploymentObject, count: number): boolean {
	return (
		spec.replicas === count &&
		status.observedGeneration === metadata.generation &&
		status.updatedReplicas === count &&
		status.replicas === count &&
		status.availableReplicas === count &&
		(status.terminatingReplicas ?? 0) === 0
	);
}

/** Waits until the numbers are right, the installation says Ready and the operator is done. */
async function untilSettled(): Promise<void> {
	for (const workload of workloads) {
		await eventually(`${workload} has ${counts[workload]} pods`, async () =>
			isSettled(await read(workload), counts[workload]),
		);
	}
	await untilReady(mesh.api, name);
	await untilCalm(mesh.cluster, operatorUser);
	await Promise.all([pods.caughtUp(), deployments.caughtUp()]);
}

function ownsReplicas({ metadata }: KubeObject): boolean {
	return (metadata.managedFields ?? []).some(({ manager, fieldsV1 }) => {
		const spec = fieldsV1?.['f:spec'];
		return manager === fieldManager && typeof spec === 'object' && spec !== null && 'f:replicas' in spec;
	});
}

async function handoversSince(since: Mark): Promise<number> {
	const requests = await requestsOf(mesh.cluster, operatorUser, since);
	return requests.filter(({ requestURI }) => requestURI.includes(`fieldManager=${handoverFieldManager}`)).length;
}

async function exists(kind: (typeof kinds)['HorizontalPodAutoscaler' | 'PodDisruptionBudget'], workload: string) {
	return (await orAbsent(mesh.api.get({ ...kind, namespace, name: workload }))) !== undefined;
}

function describe(change: Partial<Scales>): string {
	return Object.entries(change)
		.map(([workload, scale]) => {
			if ('replicas' in scale) return `${workload} to ${scale.replicas}`;
			const { minReplicas, maxReplicas, targetCPUUtilization } = scale.autoscaling;
			const target = targetCPUUtilization === undefined ? '' : ` at ${targetCPUUtilization} %`;
			return `${workload} to ${minReplicas}–${maxReplicas}${target}`;
		})
		.join(', ');
}

async function scaleByHand(workload: WorkloadName, replicas: number): Promise<void> {
	const deployment = { ...kinds.Deployment, namespace, name: workload };
	await mesh.api.patch(
		deployment,
		{ spec: { replicas } },
		{ type: 'merge', subresource: 'scale', fieldManager: person },
	);
}

// This test is first, because the number of Events about one object is limited.
test.serial('a fixed number that a person changes is repaired, and the Event says so', async (t) => {
	t.deepEqual(scales['istio-ingressgateway'], fixed(2));
	await scaleByHand('istio-ingressgateway', 5);
	const note = await untilEvent(mesh.api, name, 'DriftRepaired', `${namespace}/istio-ingressgateway`);
	t.true(note.includes(person), note);
	await untilSettled();
	t.true(ownsReplicas(await read('istio-ingressgateway')));
});

for (const [index, change] of changes.entries()) {
	test.serial(`no pod is missing on the way, change ${index + 1}: ${describe(change)}`, async (t) => {
		const before = { scales, counts };
		scales = { ...scales, ...change };
		counts = forEach((workload) => countOf(scales[workload], before.counts[workload]));
		pods.forget();
		versions = [];
		const since = await mark(mesh.cluster);
		await applyInstallation(mesh.api, name, specOf(scales));
		await untilSettled();

		let handovers = 0;
		for (const workload of workloads) {
			const floor = Math.min(before.counts[workload], counts[workload]);
			t.is(pods.of(workload).length, counts[workload], workload);
			t.true(pods.fewest(workload) >= floor, `${workload}: ${pods.fewest(workload)} of ${floor} pods`);
			const own = versions.filter(({ metadata }) => metadata.name === workload);
			for (const { spec } of own) t.true(spec.replicas >= floor, `${workload}: replicas ${spec.replicas} of ${floor}`);

			const wasAutoscaled = isAutoscaled(before.scales[workload]);
			const isNowAutoscaled = isAutoscaled(scales[workload]);
			if (!wasAutoscaled && isNowAutoscaled) handovers++;
			if (wasAutoscaled && isNowAutoscaled) t.false(own.some(ownsReplicas), `${workload}: the number is not ours`);
			t.is(ownsReplicas(await read(workload)), !isNowAutoscaled, workload);
			t.is(await exists(kinds.HorizontalPodAutoscaler, workload), isNowAutoscaled, `autoscaler of ${workload}`);
			const scale = scales[workload];
			const fewest = 'replicas' in scale ? scale.replicas : scale.autoscaling.minReplicas;
			t.is(await exists(kinds.PodDisruptionBudget, workload), fewest >= 2, `disruption budget of ${workload}`);
		}
		t.is(await handoversSince(since), handovers, 'the number is handed over once, and written in no other way');
		const untouched = workloads.filter((workload) => !(workload in change));
		t.deepEqual(
			versions.filter(({ metadata }) => untouched.includes(metadata.name as WorkloadName)),
			[],
			'the others are not touched',
		);
	});
}

test.serial('several pods keep apart, one alone has nothing to keep from', async (t) => {
	for (const workload of workloads) {
		const { spec } = await read(workload);
		const scale = scales[workload];
		const most = 'replicas' in scale ? scale.replicas : scale.autoscaling.maxReplicas;
		t.is(spec.template.spec.affinity.podAntiAffinity !== undefined, most > 1, workload);
	}
});

test.serial('then nothing is written any more, through a look of the autoscalers and longer', async (t) => {
	const since = await mark(mesh.cluster);
	// The controller of autoscalers looks every 15 s.
	await sleep(20_000);
	t.deepEqual((await changesOf(mesh.cluster, operatorUser, since)).map(describeWrite), []);
});

test.serial('under autoscaling the number that a person sets stays, also when the pods are changed', async (t) => {
	t.true(isAutoscaled(scales['istio-pilot']));
	const since = await mark(mesh.cluster);
	await scaleByHand('istio-pilot', 6);
	counts = { ...counts, 'istio-pilot': 6 };
	await untilSettled();
	const written = (await changesOf(mesh.cluster, operatorUser, since)).map(describeWrite);
	t.deepEqual(
		written.filter((line) => !line.includes('meshinstallations/status')),
		[],
		'only the status tells of it',
	);

	pods.forget();
	versions = [];
	const former = pods.of('istio-pilot');
	await applyInstallation(mesh.api, name, specOf(scales, { podAnnotations: { 'example.com/changed': 'yes' } }));
	await eventually('other pods run', () => former.every((pod) => !pods.of('istio-pilot').includes(pod)));
	await untilSettled();
	t.true(pods.fewest('istio-pilot') >= 6);
	t.true(versions.every(({ spec, metadata }) => metadata.name !== 'istio-pilot' || spec.replicas === 6));
});
