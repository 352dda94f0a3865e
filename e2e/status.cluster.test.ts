/** What the status says, and that it never says too much: not ready too early, not failed while a roll-out goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { ParsedStatus } from '../api/v1/index.ts';
import { classicReleases } from '../operator/releases/classic/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { eventually, orAbsent } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	eventsAbout,
	liveChildren,
	readInstallation,
	untilCondition,
	untilEvent,
	untilGone,
	untilReady,
	versionsOf,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { freePods, limitPods } from './support/quota.ts';
import { recordInstallation } from './support/recording.ts';
import { changesOf, describeWrite, mark, restMs, untilCalm, writesOf } from './support/writes.ts';

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

type Installation = KubeObject & { readonly status?: ParsedStatus };

/** Judges an object as kstatus does (sigs.k8s.io/cli-utils `pkg/kstatus/status`), for kubectl, Flux and Argo CD. */
function kstatus({ metadata, status }: Installation): 'Current' | 'InProgress' | 'Failed' | 'Terminating' {
	if (metadata.deletionTimestamp !== undefined) return 'Terminating';
	if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation)
		return 'InProgress';
	const is = (type: string, value: string) =>
		status?.conditions?.some((condition) => condition.type === type && condition.status === value) === true;
	if (is('Reconciling', 'True')) return 'InProgress';
	if (is('Stalled', 'True')) return 'Failed';
	return is('Ready', 'False') || is('Ready', 'Unknown') ? 'InProgress' : 'Current';
}

test.serial('each status on the way to Ready and through a change is a lawful step', async (t) => {
	const { api } = mesh;
	const name = 'steps';
	const recording = await recordInstallation<Installation>(api, name);
	await applyInstallation(api, name, { namespace: 'istio-steps', version: '1.3.8' });
	await untilReady(api, name);
	await applyInstallation(api, name, { namespace: 'istio-steps', version: '1.4.10', pilot: { replicas: 2 } });
	await untilReady(api, name);
	await deleteInstallation(api, name);
	const versions = await recording.stop();
	t.true(versions.length >= 6, `${versions.length} versions`);

	// From the first version on: there, observedGeneration -1 tells every tool that nobody has looked yet.
	for (const object of versions) {
		const { status } = object;
		const told = JSON.stringify(status);
		const verdict = kstatus(object);
		t.not(verdict, 'Failed', told);
		if (verdict !== 'Current') continue;
		t.is(status?.phase, 'Ready', told);
		const { ready = 0, desired = 1, version } = status?.components?.[0] ?? {};
		t.is(ready, desired, told);
		t.is(version, (object.spec as { readonly version: string }).version, told);
	}
	const phases = versions.flatMap(({ status }) => (status?.phase === undefined ? [] : [status.phase]));
	const changes = phases.filter((phase, index) => phase !== phases[index - 1]);
	const stages = ['CRDs', 'Configuration', 'Pilot'].map((stage) => `Upgrading (${stage})`);
	t.deepEqual(changes, ['Installing', 'Ready', 'Upgrading', ...stages, 'Ready', 'Deleting']);
	for (const [index, { status }] of versions.entries()) {
		const before = versions[index - 1]?.status;
		for (const condition of status?.conditions ?? []) {
			const previous = before?.conditions?.find(({ type }) => type === condition.type);
			if (previous === undefined) continue;
			const isSame = previous.status === condition.status;
			t.true(
				isSame
					? previous.lastTransitionTime === condition.lastTransitionTime
					: previous.lastTransitionTime <= condition.lastTransitionTime,
			);
		}
		t.true((status?.observedGeneration ?? 0) >= (before?.observedGeneration ?? -1));
	}
});

test.serial(
	'a quota that keeps pods away is told at once in the words of the API server, and goes with it',
	async (t) => {
		const { api } = mesh;
		const name = 'quota';
		const namespace = 'istio-quota';
		await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
		await limitPods(api, namespace, 0);
		await applyInstallation(api, name, { namespace, version: '1.4.10' });
		const { message } = await untilCondition(api, name, 'Ready', 'Unknown', 'PodsRefused');
		t.regex(message, /istio-pilot.*0 of 1 pods updated.*exceeded quota: none/);
		await freePods(api, namespace);
		await untilReady(api, name);
		await deleteInstallation(api, name);
	},
);

test.serial('why a pod does not run is told in the words of scheduler and kubelet, and goes with it', async (t) => {
	const { api } = mesh;
	const name = 'pods';
	const namespace = 'istio-pods';
	const nowhere = { nodeSelector: { 'example.com/no-such-node': 'true' } };
	await applyInstallation(api, name, { namespace, version: '1.4.10', pilot: nowhere });
	const unscheduled = await untilCondition(api, name, 'Ready', 'Unknown', 'PodsUnschedulable');
	t.regex(unscheduled.message, /none of 1 pods.*is not scheduled: 0\/\d+ nodes are available.*node affinity/);
	const [pod] = (await api.list(kinds.Pod, { namespace })).items;
	const state = (waiting: object) => ({
		status: {
			conditions: [{ type: 'PodScheduled', status: 'True' }],
			containerStatuses: [
				{ name: 'discovery', ready: false, restartCount: 0, image: 'a', imageID: '', state: { waiting } },
			],
		},
	});
	const path = `/api/v1/namespaces/${namespace}/pods/${pod?.metadata.name}/status`;
	const contentType = 'application/merge-patch+json';
	for (const [waiting, reason, words] of [
		[{ reason: 'ErrImagePull', message: 'manifest unknown' }, 'ImageNotPulled', /manifest unknown/],
		[
			{ reason: 'CreateContainerConfigError', message: 'secret "x" not found' },
			'ContainerNotStarted',
			/secret "x" not found/,
		],
	] as const) {
		await api.request({ method: 'PATCH', path, body: state(waiting), contentType });
		t.regex((await untilCondition(api, name, 'Ready', 'Unknown', reason)).message, words);
	}
	await applyInstallation(api, name, { namespace, version: '1.4.10' });
	await untilReady(api, name);
	await deleteInstallation(api, name);
});

test.serial('a webhook that an earlier installer has left, and nobody answers, is told until it is gone', async (t) => {
	const { api } = mesh;
	const name = 'dead';
	await api.create({ ...kinds.Namespace, metadata: { name: 'later' } });
	const sidecarInjector = { enabled: true, namespaces: ['later'] };
	await applyInstallation(api, name, { namespace: 'istio-dead', version: '1.4.10', sidecarInjector });
	await untilReady(api, name);
	const configuration = {
		...kinds.MutatingWebhookConfiguration,
		metadata: { name: 'istio-sidecar-injector' },
		webhooks: [
			{
				name: 'sidecar-injector.istio.io',
				admissionReviewVersions: ['v1beta1', 'v1'],
				sideEffects: 'None',
				clientConfig: { service: { name: 'istio-sidecar-injector', namespace: 'istio-control', path: '/inject' } },
				namespaceSelector: { matchLabels: { 'istio-injection': 'enabled' } },
				rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
			},
		],
	};
	await api.create(configuration);
	const { message } = await untilCondition(api, name, 'WebhooksAnswer', 'False', 'WebhookDead');
	t.regex(
		message,
		/^MutatingWebhookConfiguration istio-sidecar-injector, webhook sidecar-injector\.istio\.io, .*namespace later/,
	);
	t.regex(message, /Service istio-control\/istio-sidecar-injector does not exist/);
	await untilCondition(api, name, 'Ready', 'False', 'WebhookDead');
	await orAbsent(api.delete({ ...kinds.MutatingWebhookConfiguration, name: configuration.metadata.name }));
	await untilReady(api, name);
	t.is(
		(await readInstallation(api, name)).status?.conditions?.find(({ type }) => type === 'WebhooksAnswer'),
		undefined,
	);
	await deleteInstallation(api, name);
});

test.serial('a policy that changes images is one story: all run, and who may have done it is told', async (t) => {
	const { api } = mesh;
	const name = 'mirrored';
	const namespace = 'istio-mirrored';
	await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
	const path = '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolic';
	const image = 'object.spec.template.spec.containers[0].image';
	const expression = `${image}.startsWith("docker.io/") ? [JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror.example/" + ${image}.substring(10)}] : []`;
	const rule = {
		apiGroups: ['apps'],
		apiVersions: ['v1'],
		operations: ['CREATE', 'UPDATE'],
		resources: ['deployments'],
	};
	const policy = {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingAdmissionPolicy',
		metadata: { name: 'mirror-images' },
		spec: {
			matchConstraints: {
				resourceRules: [rule],
				namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
			},
			failurePolicy: 'Fail',
			reinvocationPolicy: 'Never',
			mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
		},
	};
	const binding = { ...policy, kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: 'mirror-images' } };
	await api.request({ method: 'POST', path: `${path}ies`, body: policy });
	await api.request({ method: 'POST', path: `${path}ybindings`, body: binding });
	const probe = {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'probe', namespace },
		spec: {
			selector: { matchLabels: { app: 'probe' } },
			template: {
				metadata: { labels: { app: 'probe' } },
				spec: { containers: [{ name: 'a', image: 'docker.io/a/b:1' }] },
			},
		},
	};
	await eventually('the policy is in force', async () => {
		const { object } = await api.create(probe, { dryRun: true });
		return JSON.stringify(object).includes('mirror.example/a/b:1');
	});
	await applyInstallation(api, name, { namespace, version: '1.4.10' });
	await untilReady(api, name);
	const { message } = await untilCondition(api, name, 'Installed', 'True', 'ChangedAtAdmission');
	t.regex(
		message,
		/perhaps MutatingAdmissionPolicy mirror-images.*Deployment istio-mirrored\/istio-pilot \(spec\..*image\)/,
	);
	const { status } = await readInstallation(api, name);
	t.is(status?.version, '1.4.10');
	t.is(status?.conditions?.find(({ type }) => type === 'UpToDate')?.status, 'True');
	t.is(status?.components?.[0]?.image, 'mirror.example/istio/pilot:1.4.10');
	await api.request({ method: 'DELETE', path: `${path}ybindings/mirror-images` });
	await api.request({ method: 'DELETE', path: `${path}ies/mirror-images` });
	await deleteInstallation(api, name);
});

test.serial(
	'a version that nobody knows: all that are known are listed, nothing is made, and it is quiet',
	async (t) => {
		const { api, cluster } = mesh;
		await applyInstallation(api, 'unknown', { namespace: 'istio-unknown', version: '1.4.99' });
		const { message } = await untilCondition(api, 'unknown', 'Stalled', 'True', 'UnsupportedVersion');
		for (const { version } of classicReleases) t.true(message.includes(version), message);
		await untilCondition(api, 'unknown', 'Ready', 'False', 'UnsupportedVersion');
		await untilCondition(api, 'unknown', 'Compatible', 'False', 'UnsupportedVersion');
		await untilEvent(api, 'unknown', 'UnsupportedVersion');
		t.deepEqual(await liveChildren(api, 'unknown'), []);
		const { metadata, status } = await readInstallation(api, 'unknown');
		t.is(status?.phase, 'Incompatible');
		t.is(status?.version, undefined, 'nothing runs');
		await untilCalm(cluster, operatorUser, restMs);
		const place = await mark(cluster);
		await sleep(5_000);
		t.deepEqual((await writesOf(cluster, operatorUser, place)).map(describeWrite), []);
		t.is(status?.observedGeneration, metadata.generation);

		await applyInstallation(api, 'unknown', { namespace: 'istio-unknown' });
		await untilReady(api, 'unknown');
		const running = await versionsOf(api, 'unknown');
		await applyInstallation(api, 'unknown', { namespace: 'istio-unknown', version: '1.4.99' });
		await untilCondition(api, 'unknown', 'Stalled', 'True', 'UnsupportedVersion');
		t.is((await readInstallation(api, 'unknown')).status?.version, '1.4.10', 'what runs, not what was asked');
		const { 'MeshInstallation.meshwright.io unknown': _before, ...before } = running;
		const { 'MeshInstallation.meshwright.io unknown': _after, ...after } = await versionsOf(api, 'unknown');
		t.deepEqual(after, before, 'and what runs is left alone');
		await deleteInstallation(api, 'unknown');
	},
);

test.serial('the generation is observed whatever the spec says: valid, invalid, paused', async (t) => {
	const { api } = mesh;
	const base = { namespace: 'istio-observed' };
	const generations: number[] = [];
	for (const spec of [
		base,
		{ ...base, version: '1.4.99' },
		{ ...base, version: '1.0.9', mesh: { config: { noSuchField: true } } },
		{ ...base, paused: true },
		{ ...base, paused: true, pilot: { replicas: 2 } },
		{ ...base, pilot: { replicas: 2 } },
	]) {
		const { generation = 0 } = (await applyInstallation(api, 'observed', spec)).metadata;
		const seen = await eventually(`generation ${generation} is observed`, async () => {
			const { status } = await readInstallation(api, 'observed');
			return status?.observedGeneration === generation ? status : undefined;
		});
		t.true(seen.conditions?.every(({ observedGeneration }) => observedGeneration === generation));
		generations.push(generation);
	}
	t.deepEqual(generations, [1, 2, 3, 4, 5, 6]);
	await deleteInstallation(api, 'observed');
});

interface Scheduled extends KubeObject {
	readonly status?: {
		readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
	};
}

/** Waits until the scheduler, which watches nodes and pods in parallel, has no node for a new pod any more. */
async function untilNoPodIsScheduled(namespace: string): Promise<void> {
	const { api } = mesh;
	const asking = { ...kinds.Pod, namespace, name: 'asking' };
	const { apiVersion, kind } = kinds.Pod;
	await eventually('a new pod gets no node', async () => {
		const metadata = { namespace, name: asking.name };
		await api.create({ apiVersion, kind, metadata, spec: { containers: [{ name: 'app', image: 'example.com/app' }] } });
		const verdict = await eventually('the scheduler has decided', async () => {
			const { status } = await api.get<Scheduled>(asking);
			return status?.conditions?.find(({ type }) => type === 'PodScheduled');
		});
		await api.delete(asking, { gracePeriodSeconds: 0 });
		await untilGone(api, asking);
		return verdict.status === 'False' && verdict.reason === 'Unschedulable';
	});
}

test.serial('pods that vanish: degraded, by name, and back', async (t) => {
	const { api } = mesh;
	const namespace = 'istio-outage';
	await applyInstallation(api, 'outage', { namespace });
	await untilReady(api, 'outage');
	const { items: nodes } = await api.list<KubeObject>(kinds.Node);
	const setUnschedulable = (unschedulable: boolean | null) =>
		Promise.all(
			nodes.map(({ metadata }) =>
				api.patch({ ...kinds.Node, name: metadata.name }, { spec: { unschedulable } }, { type: 'merge' }),
			),
		);
	await setUnschedulable(true);
	try {
		await untilNoPodIsScheduled(namespace);
		const { items: pods } = await api.list<KubeObject>(kinds.Pod, { namespace });
		for (const { metadata } of pods)
			await orAbsent(api.delete({ ...kinds.Pod, namespace, name: metadata.name }, { gracePeriodSeconds: 0 }));
		const { message } = await untilCondition(api, 'outage', 'Ready', 'False', 'PodsUnschedulable');
		t.regex(message, /Deployment istio-outage\/istio-pilot.*unschedulable/);
		const { status } = await readInstallation(api, 'outage');
		t.like(status, { phase: 'Degraded', ready: '0/1', version: '1.4.10' });
		t.is(status?.components?.[0]?.reason, 'PodsUnschedulable');
		// Why its pods do not run may be known when it is told, or a moment later.
		await eventually('a warning about it', async () =>
			(await eventsAbout(api, 'outage')).some(({ reason }) =>
				['ComponentNotReady', 'PodsUnschedulable'].includes(String(reason)),
			),
		);
	} finally {
		await setUnschedulable(null);
	}
	await untilReady(api, 'outage');
	await deleteInstallation(api, 'outage');
});

test.serial('a Deployment that somebody scales to zero is scaled back where the replicas are ours', async (t) => {
	const { api } = mesh;
	const deployment = { ...kinds.Deployment, namespace: 'istio-zero', name: 'istio-pilot' };
	const replicas = async () => ((await api.get(deployment)).spec as { readonly replicas: number }).replicas;
	await applyInstallation(api, 'zero', { namespace: 'istio-zero', pilot: { replicas: 2 } });
	await untilReady(api, 'zero');
	await api.patch(
		deployment,
		{ spec: { replicas: 0 } },
		{ type: 'merge', subresource: 'scale', fieldManager: 'kubectl' },
	);
	await eventually('two again', async () => (await replicas()) === 2);
	await eventually('both are ready', async () => (await readInstallation(api, 'zero')).status?.ready === '2/2');
	await untilReady(api, 'zero');
	await deleteInstallation(api, 'zero');
	t.pass();
});

test.serial('paused: drift stays and is counted, deletion works, resuming repairs', async (t) => {
	const { api, cluster } = mesh;
	const spec = { namespace: 'istio-paused' };
	const configMap = { ...kinds.ConfigMap, namespace: 'istio-paused', name: 'istio' };
	const service = { ...kinds.Service, namespace: 'istio-paused', name: 'istio-pilot' };
	const edited = async () =>
		((await api.get(configMap)).data as Readonly<Record<string, string>>).mesh === 'edited: true';
	await applyInstallation(api, 'paused', spec);
	await untilReady(api, 'paused');
	await applyInstallation(api, 'paused', { ...spec, paused: true });
	await eventually('it says so', async () => (await readInstallation(api, 'paused')).status?.phase === 'Paused');
	const place = await mark(cluster);
	await api.patch(configMap, { data: { mesh: 'edited: true' } }, { type: 'merge' });
	await api.delete(service);
	const { message } = await eventually('both are counted', async () => {
		const found = await untilCondition(api, 'paused', 'Installed', 'False', 'Paused');
		return found.message.startsWith('2 objects') ? found : undefined;
	});
	t.regex(message, /paused/);
	await operator.stop();
	operator = await startOperator(mesh);
	await sleep(1_000);
	t.true(await edited(), 'not repaired, not by a restart either');
	const others = (await changesOf(cluster, operatorUser, place)).filter(
		({ objectRef }) => objectRef?.subresource !== 'status',
	);
	t.deepEqual(others.map(describeWrite), []);

	await applyInstallation(api, 'paused', spec);
	await untilReady(api, 'paused');
	t.false(await edited());
	t.truthy(await api.get(service));

	await applyInstallation(api, 'paused', { ...spec, paused: true });
	await eventually('it says so', async () => (await readInstallation(api, 'paused')).status?.phase === 'Paused');
	await deleteInstallation(api, 'paused');
	t.deepEqual(await liveChildren(api, 'paused'), []);
});

test.serial('paused from the start: nothing is made, and resuming makes it', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, 'asleep', { namespace: 'istio-asleep', paused: true });
	await eventually('it says so', async () => (await readInstallation(api, 'asleep')).status?.phase === 'Paused');
	t.deepEqual(await liveChildren(api, 'asleep'), []);
	await applyInstallation(api, 'asleep', { namespace: 'istio-asleep', paused: false });
	await untilReady(api, 'asleep');
	await deleteInstallation(api, 'asleep');
});
