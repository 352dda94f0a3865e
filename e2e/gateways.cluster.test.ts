/** Gateways and overlays as a cluster sees them: applied, kept, told of where they can't be, and taken back. */
import test from 'ava';
import { at } from '../operator/render/testing.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { objectKey } from '../operator/runtime/object.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	untilCondition,
	untilReady,
	versionsOf,
} from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

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

const name = 'edge';
const namespace = 'istio-edge';
const version = '1.4.10';
const gateways = { ingress: { enabled: true }, egress: { enabled: true } };

async function live(kind: 'Deployment' | 'Service', objectName: string) {
	return mesh.api.get({ apiVersion: kinds[kind].apiVersion, kind, name: objectName, namespace });
}

test.serial('gateways are switched on and off with exactly their objects', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, name, { version, namespace });
	await untilReady(api, name);
	const without = Object.keys(await versionsOf(api, name));
	await applyInstallation(api, name, { version, namespace, gateways });
	await untilReady(api, name);
	const names = ['istio-ingressgateway', 'istio-egressgateway'];
	const added = Object.keys(await versionsOf(api, name)).filter((key) => !without.includes(key));
	t.deepEqual(
		added.sort(),
		names
			.flatMap((gateway) => [
				`Deployment.apps ${namespace}/${gateway}`,
				`Service ${namespace}/${gateway}`,
				`ServiceAccount ${namespace}/${gateway}-service-account`,
			])
			.sort(),
	);
	const { status } = await readInstallation(api, name);
	t.deepEqual(status?.components?.map((component) => component.name).sort(), [
		'egressgateway',
		'ingressgateway',
		'pilot',
	]);

	// The mesh is ready while the cluster has not made its load balancer, which here nothing does.
	const ingress = (of: typeof status) => of?.components?.find((one) => one.name === 'ingressgateway');
	t.regex(ingress(status)?.message ?? '', /load balancer/);
	t.is(ingress(status)?.reason, undefined);
	await api.apply(
		{
			apiVersion: 'v1',
			kind: 'Service',
			metadata: { name: 'istio-ingressgateway', namespace },
			status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } },
		},
		{ fieldManager: 'cloud', subresource: 'status' },
	);
	await eventually('the address is in the status', async () => {
		const found = ingress((await readInstallation(api, name)).status);
		return found?.addresses?.includes('192.0.2.7') === true && found.message === undefined;
	});

	await applyInstallation(api, name, { version, namespace, gateways: { ingress: { enabled: false } } });
	await eventually('the gateways are gone', async () => {
		const keys = Object.keys(await versionsOf(api, name));
		return keys.length === without.length && keys.every((key) => without.includes(key));
	});
	await untilReady(api, name);
	t.pass();
});

const dnsConfig = { options: [{ name: 'ndots', value: '2' }] };
const overlays = [
	{
		target: { kind: 'Deployment', name: 'istio-pilot' },
		patch: [
			{ op: 'add', path: '/spec/template/spec/dnsConfig', value: dnsConfig },
			{ op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'scratch', emptyDir: {} } },
		],
	},
	{ target: { kind: 'Service', name: 'istio-pilot' }, mergePatch: { metadata: { annotations: { team: 'mesh' } } } },
];

test.serial('an overlay reaches its object, stays, and leaves nothing to write', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, name, { version, namespace, overlays });
	await untilReady(api, name);
	const pod = at(await live('Deployment', 'istio-pilot'), 'spec', 'template', 'spec');
	t.deepEqual(at(pod, 'dnsConfig'), dnsConfig);
	t.deepEqual(at(pod, 'volumes', 1), { name: 'scratch', emptyDir: {} });
	t.is((await live('Service', 'istio-pilot')).metadata.annotations?.team, 'mesh');
	const before = await contents();
	// A change of the spec that concerns no object makes another pass.
	await applyInstallation(api, name, { version, namespace, overlays, deletion: { timeout: '5m' } });
	await untilReady(api, name);
	t.deepEqual(await contents(), before);
});

/** What changes when somebody writes an object of the mesh: of Deployments, whose status changes by itself, the generation. */
async function contents(): Promise<Readonly<Record<string, unknown>>> {
	const children = await liveChildren(mesh.api, name);
	return Object.fromEntries(
		children.map((child) => [
			objectKey(child),
			child.kind === 'Deployment' ? child.metadata.generation : child.metadata.resourceVersion,
		]),
	);
}

test.serial(
	'an overlay for nothing is told with what there is; what stands stays, and the correction is taken',
	async (t) => {
		const { api } = mesh;
		const count = (await liveChildren(api, name)).length;
		const target = { kind: 'Deployment', name: 'istio-pilto' };
		await applyInstallation(api, name, { version, namespace, overlays: [{ target, mergePatch: {} }] });
		const { message } = await untilCondition(api, name, 'Valid', 'False', 'OverlayTargetNotFound');
		t.regex(message, /spec\.overlays\[0\]\.target.*there is istio-pilot/);
		t.is((await liveChildren(api, name)).length, count);
		t.deepEqual(at(await live('Deployment', 'istio-pilot'), 'spec', 'template', 'spec', 'dnsConfig'), dnsConfig);

		const patch = [{ op: 'test', path: '/spec/template/spec/dnsPolicy', value: 'None' }];
		await applyInstallation(api, name, {
			version,
			namespace,
			overlays: [{ target: { ...target, name: 'istio-pilot' }, patch }],
		});
		const second = await untilCondition(api, name, 'Valid', 'False', 'OverlayNotApplicable');
		t.regex(second.message, /spec\.overlays\[0\]\.patch\[0\]/);

		await applyInstallation(api, name, { version, namespace });
		await untilReady(api, name);
		const pod = at(await live('Deployment', 'istio-pilot'), 'spec', 'template', 'spec');
		t.is(at(pod, 'dnsConfig'), undefined);
		t.is((at(pod, 'volumes') as readonly unknown[]).length, 1);
		t.is((await live('Service', 'istio-pilot')).metadata.annotations?.team, undefined);
	},
);
