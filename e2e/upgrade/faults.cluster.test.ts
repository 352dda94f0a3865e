/**
 * What goes wrong in the middle of a change of version: each time it is told by its name, the pods that serve go on serving,
 * and when it is mended the walk ends by itself.
 */
import test from 'ava';
import { upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	type Spec,
	untilCondition,
	untilReady,
	untilSaid,
} from '../support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import { watchReadyPods } from '../support/observing.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';

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

/** A webhook that nobody answers. */
function deadWebhook(name: string, namespace: string): KubeObject {
	return {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'ValidatingWebhookConfiguration',
		metadata: { name },
		webhooks: [
			{
				name: `${name}.example.com`,
				clientConfig: { url: 'https://127.0.0.1:1/' },
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

async function remove(...objects: readonly KubeObject[]): Promise<void> {
	for (const { kind, metadata } of objects)
		await mesh.api.request({ method: 'DELETE', path: `${pathOf(kind)}/${metadata.name}` });
}

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
