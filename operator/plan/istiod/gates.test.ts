import test from 'ava';
import { toChild } from '../../apply/child.ts';
import { istiodMeshOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { gatewayInto } from '../../releases/istiod/index.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { istiodGates } from './gates.ts';
import { istiodStageOf } from './upgrade.ts';

const mesh = istiodMeshOf({
	version: '1.31.4',
	profile: 'default',
	gateways: { ingress: { enabled: true }, egress: { enabled: true } },
	multiCluster: { network: 'here' },
});
const objects = renderIstiod(mesh);

const webhook = objects.filter(({ kind }) => kind === 'MutatingWebhookConfiguration');
const gateway = objects.filter(({ kind, metadata }) => kind === 'Deployment' && /ingress/.test(metadata.name));
const istiod = (availableReplicas: number) =>
	objects
		.filter(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'istiod')
		.map((object) => ({ ...object, status: { availableReplicas } }) as KubeObject);

/** Names of what waits for the webhook while these objects stand. */
function heldGateways(...standing: readonly (readonly KubeObject[])[]): readonly string[] {
	const children = new Map(standing.flat().map((object) => [objectKey(object), toChild(object)]));
	const sight = { child: (key: string) => children.get(key), secret: () => undefined };
	const context = { mesh, facts: {}, objects, sight, configFollowedInMs: 0, nowMs: 0 };
	return istiodGates
		.flatMap((rule) => rule(context))
		.filter(({ name, effect }) => name === 'webhook-before-gateways' && effect === 'held')
		.flatMap((gate) => gate.objects)
		.map((key) => key.split('/').at(-1) ?? '');
}

const both = ['istio-ingressgateway', 'istio-egressgateway'];

test('no pod of a gateway is made before istiod can put a proxy into it', (t) => {
	t.deepEqual(heldGateways(), both);
	t.deepEqual(heldGateways(istiod(1)), both);
	t.deepEqual(heldGateways(webhook), both);
	t.deepEqual(heldGateways(webhook, istiod(0)), both);
	t.deepEqual(heldGateways(webhook, istiod(1)), []);
});

test('a gateway that stands is changed while istiod is away, and not while its webhook is gone: such a pod would have no proxy', (t) => {
	t.deepEqual(heldGateways(webhook, istiod(0), gateway), ['istio-egressgateway']);
	t.deepEqual(heldGateways(istiod(1), gateway), both);
});

test('gateways change after the webhooks, and what they need before', (t) => {
	const all = renderIstiod({ ...mesh, gateways: [...mesh.gateways, gatewayInto('here', { kind: 'fixed', count: 1 })] });
	const kindsIn = (stage: string) => [
		...new Set(
			all
				.filter(({ metadata }) => /gateway/.test(metadata.name))
				.filter((object) => istiodStageOf(object) === stage)
				.map(({ kind }) => kind),
		),
	];
	t.deepEqual(kindsIn('Gateways').sort(), ['Deployment', 'Service']);
	t.deepEqual(kindsIn('Configuration').sort(), ['Gateway', 'Role', 'RoleBinding', 'ServiceAccount']);
	t.deepEqual(kindsIn('Pilot'), []);
});
