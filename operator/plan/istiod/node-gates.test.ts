import test from 'ava';
import { toChild } from '../../apply/child.ts';
import { istiodMeshOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { nodeGates } from './node-gates.ts';
import { istiodStageOf } from './upgrade.ts';

const spec = { profile: 'default', cni: { enabled: true } };
const mesh = istiodMeshOf({ version: '1.31.4', ...spec });
const objects = renderIstiod(mesh);
const before = renderIstiod(istiodMeshOf({ version: '1.30.8', ...spec }));
const withoutPlugin = renderIstiod(istiodMeshOf({ version: '1.31.4', profile: 'default' }));

function named(from: readonly KubeObject[], kind: string, name: string): KubeObject {
	const found = from.find((object) => object.kind === kind && object.metadata.name === name);
	if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
	return found;
}

function agent(from: readonly KubeObject[], available: number, desired = 3): KubeObject {
	const status = {
		desiredNumberScheduled: desired,
		currentNumberScheduled: desired,
		updatedNumberScheduled: desired,
		numberAvailable: available,
	};
	return { ...named(from, 'DaemonSet', 'istio-cni-node'), status };
}

function istiod(from: readonly KubeObject[], available = 1): KubeObject {
	const status = { replicas: 1, updatedReplicas: 1, availableReplicas: available };
	return { ...named(from, 'Deployment', 'istiod'), status };
}

/** Kinds and names of what waits while these objects stand. */
function held(...standing: readonly KubeObject[]): readonly string[] {
	const children = new Map(standing.map((object) => [objectKey(object), toChild(object)]));
	const sight = { child: (key: string) => children.get(key), secret: () => undefined };
	return nodeGates
		.flatMap((rule) => rule({ mesh, facts: {}, objects, sight, configFollowedInMs: 0, nowMs: 0 }))
		.flatMap((gate) => gate.objects.map((key) => key.replace(/ (istio-system\/)?/, ' ').replace(/\.\S+ /, ' ')));
}

const config = 'ConfigMap istio-sidecar-injector';
const [byCni, byInit] = [objects, withoutPlugin].map((from) => named(from, 'ConfigMap', 'istio-sidecar-injector')) as [
	KubeObject,
	KubeObject,
];
const webhook = 'MutatingWebhookConfiguration istio-sidecar-injector';

test('API servers ask about new pods when the plugin is on a node, and a webhook that stands is left to be repaired', (t) => {
	t.deepEqual(held(), [webhook]);
	t.deepEqual(held(byCni, agent(objects, 0)), [webhook]);
	t.deepEqual(held(byCni, agent(objects, 1)), []);
	t.deepEqual(
		held(byCni, agent(objects, 0), named(objects, 'MutatingWebhookConfiguration', 'istio-sidecar-injector')),
		[],
	);
});

test('where pods redirect their traffic themselves, they go on until the plugin is on each node', (t) => {
	t.deepEqual(held(byInit, istiod(objects)), [config]);
	t.deepEqual(held(byInit, istiod(objects), agent(objects, 2)), [config]);
	t.deepEqual(held(byInit, istiod(objects), agent(objects, 3)), []);
	t.deepEqual(held(byInit, istiod(before)), [config, 'Deployment istiod'], 'templates of another version do not fit');
});

test('the agent follows istiod to another version, in the same stage', (t) => {
	t.deepEqual(held(byCni, istiod(before), agent(before, 3)), ['DaemonSet istio-cni-node']);
	t.deepEqual(held(byCni, istiod(objects, 0), agent(before, 3)), ['DaemonSet istio-cni-node']);
	t.deepEqual(held(byCni, istiod(objects), agent(before, 3)), []);
	const stages = objects
		.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'cni')
		.map((object) => `${object.kind} ${istiodStageOf(object)}`);
	t.deepEqual(stages.sort(), [
		'ClusterRole Configuration',
		'ClusterRoleBinding Configuration',
		'DaemonSet Pilot',
		'ServiceAccount Configuration',
	]);
});
