/**
 * What goes wrong in the middle of a change of version: each time it is told by its name, the pods that serve go on serving,
 * and when it is mended the walk ends by itself.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test from 'ava';
import { type UpgradeStage, upgradeDespiteAnnotation, upgradeStages } from '../../api/v1/index.ts';
import { ConflictError, isNotFound, TransientError } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { playNetwork } from '../control-plane/network.ts';
import { playCitadel } from '../support/citadel.ts';
import { eventually, longestWaitMs } from '../support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	renderedChildren,
	type Spec,
	untilCondition,
	untilReady,
	untilSaid,
} from '../support/installation.ts';
import { type MeshCluster, makeNamespace, startMeshCluster } from '../support/mesh-cluster.ts';
import { type ReadyPods, watchReadyPods } from '../support/observing.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { playInjector } from '../support/played-injector.ts';
import { watchInjection } from '../support/pod-witness.ts';

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

/** A rule about Deployments of one namespace, as webhooks and policies of others have it. */
const deployments = {
	apiGroups: ['apps'],
	apiVersions: ['v1'],
	operations: ['CREATE', 'UPDATE'],
	resources: ['deployments'],
};

function inNamespace(namespace: string) {
	return { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
}

/** A webhook that nobody answers. Of what a mesh is made it is asked about all that its stages write, as far as webhooks are asked. */
function stormyWebhook(name: string, instance: string, url: string): KubeObject {
	const asked = (apiGroup: string, ...resources: readonly string[]) => ({
		apiGroups: [apiGroup],
		apiVersions: ['*'],
		operations: ['CREATE', 'UPDATE'],
		resources,
	});
	const { webhooks, ...rest } = deadWebhook(name, '', url) as KubeObject & { readonly webhooks: readonly object[] };
	const rules = [
		asked('', 'configmaps', 'secrets', 'services', 'serviceaccounts'),
		asked('apps', 'deployments'),
		asked('rbac.authorization.k8s.io', '*'),
		asked('apiextensions.k8s.io', 'customresourcedefinitions'),
	];
	// Definitions are of no instance.
	const selectors = [
		{ matchLabels: { 'app.kubernetes.io/instance': instance } },
		{ matchExpressions: [{ key: 'app.kubernetes.io/instance', operator: 'DoesNotExist' }] },
	];
	return {
		...rest,
		webhooks: selectors.map((objectSelector, index) => ({
			...webhooks[0],
			name: `${index}.${name}.example.com`,
			namespaceSelector: {},
			objectSelector,
			rules: index === 0 ? rules : rules.slice(-1),
		})),
	} as KubeObject;
}

/** A webhook that nobody answers. */
function deadWebhook(name: string, namespace: string, url = 'https://127.0.0.1:1/'): KubeObject {
	return {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'ValidatingWebhookConfiguration',
		metadata: { name },
		webhooks: [
			{
				name: `${name}.example.com`,
				clientConfig: { url },
				namespaceSelector: inNamespace(namespace),
				rules: [deployments],
				failurePolicy: 'Fail',
				timeoutSeconds: 1,
				sideEffects: 'None',
				admissionReviewVersions: ['v1'],
			},
		],
	} as KubeObject;
}

/** A policy that refuses every change of a Deployment. */
function refusal(name: string, namespace: string): readonly KubeObject[] {
	const apiVersion = 'admissionregistration.k8s.io/v1';
	return [
		{
			apiVersion,
			kind: 'ValidatingAdmissionPolicy',
			metadata: { name },
			spec: {
				matchConstraints: { namespaceSelector: inNamespace(namespace), resourceRules: [deployments] },
				validations: [{ expression: 'false', message: 'no change on a Friday' }],
			},
		} as KubeObject,
		{
			apiVersion,
			kind: 'ValidatingAdmissionPolicyBinding',
			metadata: { name },
			spec: { policyName: name, validationActions: ['Deny'] },
		} as KubeObject,
	];
}

/** How far the walk of a test has come: it waits before stage Pilot. `go` lets it go on. */
async function upToPilot(name: string) {
	const { api } = mesh;
	const namespace = `istio-${name}`;
	const spec: Spec = { version: '1.3.8', profile: 'minimal', namespace, pilot: { replicas: 2 } };
	await applyInstallation(api, name, spec);
	await untilReady(api, name);
	const pods = await watchReadyPods(api, namespace);
	pods.forget();
	const next = { ...spec, version: '1.4.10' };
	const upgrade = { pauseBefore: ['Pilot'] };
	await applyInstallation(api, name, { ...next, upgrade });
	await untilCondition(api, name, 'Reconciling', 'True', 'WaitingForApproval');
	const approved = { version: '1.4.10', stage: 'Pilot' };
	return {
		namespace,
		pods,
		go: (fields: Spec = {}, annotations: Readonly<Record<string, string>> = {}) =>
			applyInstallation(api, name, { ...next, ...fields, upgrade: { ...upgrade, approved } }, annotations),
	};
}

/** Everything runs the new version, and at no moment fewer pods of Pilot were ready than before. */
async function isOver(name: string, pods: Awaited<ReturnType<typeof watchReadyPods>>): Promise<boolean> {
	await untilReady(mesh.api, name);
	await pods.caughtUp();
	pods.stop();
	const { status } = await readInstallation(mesh.api, name);
	const versions = (await liveChildren(mesh.api, name)).map(
		({ metadata }) => metadata.labels?.['app.kubernetes.io/version'],
	);
	return (
		status?.version === '1.4.10' &&
		status.upgrade === undefined &&
		versions.every((version) => version === '1.4.10') &&
		pods.fewest('istio-pilot') >= 2
	);
}

/** Where webhooks and policies of others are stored. */
const admission = '/apis/admissionregistration.k8s.io/v1';

function pathOf(kind: string): string {
	return `${admission}/${kind.toLowerCase().replace(/y$/, 'ie')}s`;
}

async function create(...objects: readonly KubeObject[]): Promise<void> {
	for (const object of objects) await mesh.api.request({ method: 'POST', path: pathOf(object.kind), body: object });
}

/** Waits until the API server asks a webhook about Deployments of a namespace. */
async function untilAsked(namespace: string, webhook: string): Promise<void> {
	const probe = { ...kinds.Deployment, namespace, name: 'istio-pilot' };
	const patch = { metadata: { annotations: { probe: 'x' } } };
	await eventually(`webhook ${webhook} is asked`, () =>
		mesh.api.patch(probe, patch, { type: 'merge', dryRun: true }).then(
			() => false,
			({ message }: Error) => message.includes(webhook),
		),
	);
}

async function remove(...objects: readonly KubeObject[]): Promise<void> {
	for (const { kind, metadata } of objects)
		await mesh.api.request({ method: 'DELETE', path: `${pathOf(kind)}/${metadata.name}` });
}

/** As `kubectl drain`: nothing new comes to the node, and what is there goes as far as budgets let it. */
async function drain(node: string, namespace: string) {
	const { api } = mesh;
	const gone = new Set<string>();
	const setUnschedulable = async (unschedulable: boolean | null) => {
		await api.patch({ ...kinds.Node, name: node }, { spec: { unschedulable } }, { type: 'merge' });
	};
	await setUnschedulable(true);
	await eventually(`node ${node} is drained`, async () => {
		const { items } = await api.list<KubeObject & { readonly spec?: { readonly nodeName?: string } }>(kinds.Pod, {
			namespace,
		});
		const there = items.filter(({ spec }) => spec?.nodeName === node);
		for (const { metadata } of there.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined)) {
			const { name } = metadata;
			gone.add(name);
			const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
			const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
			// TransientError: its budget has no room now (429).
			await api.request({ method: 'POST', path, body }).catch((error: unknown) => {
				if (!isNotFound(error) && !(error instanceof ConflictError || error instanceof TransientError)) throw error;
			});
		}
		return there.length === 0;
	});
	return { gone: [...gone], restore: () => setUnschedulable(null) };
}

/** Where the last pod of a Deployment went with its node. */
async function nodeOf(namespace: string, pod: string): Promise<string> {
	const { spec } = await mesh.api.get<KubeObject & { readonly spec: { readonly nodeName?: string } }>({
		...kinds.Pod,
		namespace,
		name: pod,
	});
	return spec.nodeName ?? '';
}

/** Those that serve, each twice. */
const serving = ['istio-pilot', 'istio-sidecar-injector', 'istio-ingressgateway'] as const;

/** Waits until each of them is there twice. From then on fewer are noticed. */
async function untilWhole(pods: ReadyPods): Promise<void> {
	await eventually('all that serve are there twice', () => serving.every((one) => pods.of(one).length === 2));
	await pods.caughtUp();
	pods.forget();
}

test.serial(
	'at each stage a webhook that is dead or hangs, and a node that is drained: told by its name, never fewer ready pods but for those of the node, no pod refused',
	async (t) => {
		t.timeout(longestWaitMs);
		const { api } = mesh;
		const name = 'stormy';
		const namespace = 'istio-stormy';
		t.teardown(playCitadel(api, namespace));
		const injector = await playInjector(api, namespace);
		t.teardown(injector.stop);
		const network = await playNetwork(mesh.cluster, injector.network);
		t.teardown(network.stop);
		// Takes connections, and never says a word.
		const silence = createServer().listen(0, '127.0.0.1');
		await once(silence, 'listening');
		t.teardown(() => silence.close());
		const hanging = `https://127.0.0.1:${(silence.address() as AddressInfo).port}/`;

		await makeNamespace(api, 'shop');
		const spec: Spec = {
			version: '1.3.8',
			profile: 'minimal',
			namespace,
			mesh: { mtls: { mode: 'DISABLED' } },
			citadel: { enabled: true },
			pilot: { replicas: 2 },
			mixer: { telemetry: { enabled: true }, adapters: [] },
			sidecarInjector: { enabled: true, replicas: 2, namespaces: ['shop'] },
			gateways: { ingress: { enabled: true, replicas: 2, service: { type: 'ClusterIP' } } },
		};
		await applyInstallation(api, name, spec);
		await untilReady(api, name);
		const witness = await watchInjection(api, 'shop');
		t.teardown(witness.stop);
		const pods = await watchReadyPods(api, namespace);
		t.teardown(pods.stop);
		const stages = upgradeStages.filter((stage) => stage !== 'DataPlanes' && stage !== 'Workloads');
		const approve = (stage?: UpgradeStage) =>
			applyInstallation(api, name, {
				...spec,
				version: '1.4.10',
				upgrade: {
					pauseBefore: stages,
					...(stage === undefined ? {} : { approved: { version: '1.4.10', stage } }),
				},
			});
		const isOver = (stage: UpgradeStage) =>
			eventually(`stage ${stage} is over`, async () => {
				const { status, metadata } = await readInstallation(api, name);
				if (status?.observedGeneration !== metadata.generation) return false;
				const { upgrade } = status ?? {};
				const isDone = upgrade?.plan?.find((one) => one.stage === stage)?.state === 'Done';
				return upgrade === undefined || (upgrade.state === 'WaitingForApproval' && isDone);
			});
		await approve();
		await untilCondition(api, name, 'Reconciling', 'True', 'WaitingForApproval');
		for (const [index, stage] of stages.entries()) {
			t.timeout(longestWaitMs);
			await untilWhole(pods);
			const title = `storm-${stage.toLowerCase()}`;
			const webhook = stormyWebhook(title, name, index % 2 === 0 ? 'https://127.0.0.1:1/' : hanging);
			await create(webhook);
			await untilAsked(namespace, title);
			await approve(stage);
			const message = await untilSaid(api, name, 'Installed', `${title}.example.com`);
			t.true(message.includes('does not answer as it should'), message);
			t.is((await readInstallation(api, name)).status?.upgrade?.stage, stage);
			await pods.caughtUp();
			for (const one of serving) t.true(pods.fewest(one) >= 2, `${stage}: ${one} while nobody answers`);

			await remove(webhook);
			const [first = ''] = pods.of('istio-pilot');
			const { gone, restore } = await drain(await nodeOf(namespace, first), namespace);
			await isOver(stage);
			await restore();
			await pods.caughtUp();
			// Where one of the two has gone with its node, its budget keeps the other.
			for (const one of serving) {
				const kept = gone.some((pod) => pod.startsWith(`${one}-`)) ? 1 : 2;
				t.true(pods.fewest(one) >= kept, `${stage}: ${one} while a node is drained`);
			}
		}
		await untilReady(api, name);
		t.like((await readInstallation(api, name)).status, { version: '1.4.10', phase: 'Ready', upgrade: undefined });
		await witness.untilInjected('1.4.10');
		t.deepEqual([...injector.refusals, ...witness.troubles], []);
		const rendered = renderedChildren(name, { ...spec, version: '1.4.10' }).map(objectKey);
		t.deepEqual((await liveChildren(api, name)).map(objectKey).sort(), rendered.toSorted());
	},
);

test.serial(
	'an operator that is ended at a stage, and a pod that is evicted meanwhile: the next one goes on from there',
	async (t) => {
		const name = 'evicted';
		const { namespace, pods, go } = await upToPilot(name);
		await operator.stop();
		await go();
		const [first] = pods.of('istio-pilot');
		if (first === undefined) throw new Error('no pod of Pilot');
		await mesh.api.delete({ ...kinds.Pod, namespace, name: first });
		await eventually(
			'its Deployment has replaced it',
			() => pods.of('istio-pilot').length === 2 && !pods.of('istio-pilot').includes(first),
		);
		pods.forget();
		operator = await startOperator(mesh);
		t.true(await isOver(name, pods));
	},
);

test('a webhook of somebody else that does not answer: told by its name; without it the walk goes on', async (t) => {
	const name = 'hanging';
	const { namespace, pods, go } = await upToPilot(name);
	const webhook = deadWebhook('hanging', namespace);
	await create(webhook);
	await go();
	const message = await untilSaid(mesh.api, name, 'Installed', 'hanging.example.com');
	t.true(message.includes('does not answer as it should'), message);
	t.is((await readInstallation(mesh.api, name)).status?.upgrade?.stage, 'Pilot');
	t.true(pods.fewest('istio-pilot') >= 2);
	await remove(webhook);
	t.true(await isOver(name, pods));
});

test('a policy that refuses one kind: told in its own words; without it the walk goes on', async (t) => {
	const name = 'friday';
	const { namespace, pods, go } = await upToPilot(name);
	const policy = refusal('friday', namespace);
	await create(...policy);
	// An API server learns of a policy a moment after it is stored.
	const probe = { ...kinds.Deployment, namespace, name: 'istio-pilot' };
	await eventually('the policy holds', async () => {
		const patch = { metadata: { annotations: { probe: 'x' } } };
		return mesh.api.patch(probe, patch, { type: 'merge', dryRun: true }).then(
			() => false,
			() => true,
		);
	});
	await go();
	const message = await untilSaid(mesh.api, name, 'Installed', 'no change on a Friday');
	t.true(message.includes('friday'), message);
	t.true(pods.fewest('istio-pilot') >= 2);
	await remove(...policy);
	t.true(await isOver(name, pods));
});

test('pods that no node takes: told in the scheduler’s words while the stage waits; with other settings the walk goes on', async (t) => {
	const name = 'nowhere';
	const { pods, go } = await upToPilot(name);
	// The checks before a walk see that. Its owner insists.
	const insists = { [upgradeDespiteAnnotation]: 'no-room' };
	await go({ pilot: { replicas: 2, nodeSelector: { disk: 'none' } } }, insists);
	const { message } = await untilCondition(mesh.api, name, 'Ready', 'Unknown', 'PodsUnschedulable');
	t.regex(message, /stage Pilot: .*2 available.*; .*0\/3 nodes are available/);
	t.true(pods.fewest('istio-pilot') >= 2);
	await go();
	t.true(await isOver(name, pods));
});
