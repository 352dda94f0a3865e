/** Others edit what we keep, in ways that make our apply invalid. A real API server says what is valid. */
import test from 'ava';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { type KubeObject, referenceOf } from '../runtime/object.ts';
import { asChild, fieldManager, repairFieldManager } from './identity.ts';
import { child, deployment, namespace } from './testing.ts';
import { type Connections, connectTo, World } from './testing-world.ts';

let cluster: Cluster;
let admin: ApiServer;
let connect: Connections['connect'];

test.before(async () => {
	cluster = await startCluster();
	({ admin, connect } = connectTo(cluster));
});

test.after.always(async () => {
	await admin?.close();
	await cluster?.stop();
});

interface Container {
	readonly [field: string]: unknown;
}

/** A Deployment whose fields can be excluded or bounded by others. */
const pilot: KubeObject = (() => {
	const plain = deployment('pilot', { replicas: 2 }) as KubeObject & {
		spec: { template: { spec: { containers: Container[] } } };
	};
	const [container] = plain.spec.template.spec.containers;
	return {
		...plain,
		spec: {
			...plain.spec,
			template: {
				...plain.spec.template,
				spec: {
					containers: [
						{
							...container,
							env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
							resources: { requests: { cpu: '500m', memory: '2Gi' } },
							readinessProbe: { httpGet: { path: '/ready', port: 8080 } },
							volumeMounts: [{ name: 'config', mountPath: '/etc/istio/config' }],
						},
					],
					volumes: [{ name: 'config', configMap: { name: 'istio' } }],
				},
			},
		},
	};
})();

const budget = child({
	apiVersion: 'policy/v1',
	kind: 'PodDisruptionBudget',
	metadata: { name: 'pilot', namespace: 'mesh' },
	spec: { minAvailable: 1, selector: { matchLabels: { app: 'pilot' } } },
});

const container = '/spec/template/spec/containers/0';

interface Edit {
	readonly title: string;
	readonly object: KubeObject;
	/** A JSON patch by `kubectl-edit`. Zero pods come with each, and have to be repaired too. */
	readonly patch: readonly object[];
	readonly took: RegExp;
	/** What stays of it in the container. */
	readonly stays?: Container;
}

const edits: readonly Edit[] = [
	{
		title: 'a value where we have valueFrom',
		object: pilot,
		patch: [
			{ op: 'remove', path: `${container}/env/0/valueFrom` },
			{ op: 'add', path: `${container}/env/0/value`, value: 'mine' },
		],
		took: /env\[name=POD_NAME\]\.value \(set by kubectl-edit\)/,
	},
	{
		title: 'a limit below our request',
		object: pilot,
		patch: [
			{
				op: 'replace',
				path: `${container}/resources`,
				value: { requests: { cpu: '10m' }, limits: { cpu: '100m', memory: '4Gi' } },
			},
		],
		took: /resources\.limits\.cpu \(set by kubectl-edit\)/,
		stays: { resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { memory: '4Gi' } } },
	},
	{
		title: 'another type of volume',
		object: pilot,
		patch: [{ op: 'replace', path: '/spec/template/spec/volumes/0', value: { name: 'config', emptyDir: {} } }],
		took: /volumes\[name=config\]\.emptyDir/,
	},
	{
		title: 'another type of probe',
		object: pilot,
		patch: [{ op: 'replace', path: `${container}/readinessProbe`, value: { tcpSocket: { port: 8080 } } }],
		took: /readinessProbe\.tcpSocket/,
	},
	{
		title: 'maxUnavailable where we have minAvailable',
		object: budget,
		patch: [
			{ op: 'remove', path: '/spec/minAvailable' },
			{ op: 'add', path: '/spec/maxUnavailable', value: 1 },
		],
		took: /spec\.maxUnavailable \(set by kubectl-edit\)/,
	},
];

for (const [index, { title, object, patch, took, stays = {} }] of edits.entries()) {
	test(`${title}: taken away by name, and nothing else`, async (t) => {
		const world = new World(t, { connect, admin }, `clear-${index}`);
		world.set([namespace, object]);
		const process = world.start();
		t.deepEqual((await process.settle()).errors, []);
		const placed = world.objects[1] as KubeObject;
		const before = await admin.get(referenceOf(placed));
		const harmless = [
			{ op: 'add', path: '/metadata/annotations', value: { ...before.metadata.annotations, note: 'stays' } },
			...(object.kind === 'Deployment'
				? [
						{ op: 'replace', path: '/spec/replicas', value: 0 },
						{ op: 'add', path: '/spec/template/spec/priorityClassName', value: 'system-cluster-critical' },
					]
				: []),
		];
		await admin.patch(referenceOf(placed), [...patch, ...harmless], { type: 'json', fieldManager: 'kubectl-edit' });

		t.deepEqual((await process.pass()).errors, []);
		t.deepEqual(process.reasons(), ['DriftRepaired', 'DriftRepaired']);
		t.regex(process.notices[0]?.message ?? '', took);
		const after = await admin.get<KubeObject & { spec: Record<string, unknown> }>(referenceOf(placed));
		t.is(after.metadata.annotations?.note, 'stays');
		t.deepEqual(
			after.metadata.managedFields?.filter(({ manager }) => manager === repairFieldManager),
			[],
		);
		t.deepEqual(after.spec, {
			...(before as typeof after).spec,
			...(object.kind === 'Deployment' ? { template: withPriority(before, stays) } : {}),
		});
		const { resourceVersion } = await admin.apply(asChild(placed, process.owner), { fieldManager, force: true });
		t.is(after.metadata.resourceVersion, resourceVersion, 'all of our fields are ours again');

		await process.pass();
		t.deepEqual(process.requests, [], 'nothing is left to do');
	});
}

/** The template of `object` with what its editor may keep. */
function withPriority(object: KubeObject, stays: Container): unknown {
	const { template } = object.spec as { template: { spec: { containers: readonly [Container] } } };
	const [first] = template.spec.containers;
	const spec = { ...template.spec, priorityClassName: 'system-cluster-critical', containers: [{ ...first, ...stays }] };
	return { ...template, spec };
}

test('a port that another Service took: the rest is repaired, and the refusal says what is in the way', async (t) => {
	const world = new World(t, { connect, admin }, 'clear-port');
	const service = (name: string, nodePort?: number) =>
		child({
			apiVersion: 'v1',
			kind: 'Service',
			metadata: { name, namespace: 'mesh' },
			spec: {
				type: 'NodePort',
				selector: { app: name },
				ports: [{ name: 'http', port: 80, protocol: 'TCP', ...(nodePort === undefined ? {} : { nodePort }) }],
			},
		});
	world.set([namespace, service('gateway', 31_380)]);
	const process = world.start();
	t.deepEqual((await process.settle()).errors, []);
	const gateway = referenceOf(world.objects[1] as KubeObject);
	const patch = [
		{ op: 'replace', path: '/spec/ports/0/nodePort', value: 31_381 },
		{ op: 'replace', path: '/spec/selector', value: { app: 'elsewhere' } },
	];
	await admin.patch(gateway, patch, { type: 'json', fieldManager: 'kubectl-edit' });
	const taker = world.place(service('taker', 31_380));
	await admin.create(taker);

	const { errors } = await process.pass();
	t.is(errors.length, 1);
	t.regex(String(errors[0]), /nodePort.*already allocated/);
	const { spec } = await admin.get<KubeObject & { spec: { selector: object } }>(gateway);
	t.deepEqual(spec.selector, { app: 'gateway' }, 'pods are reached again');

	await admin.delete(referenceOf(taker));
	t.deepEqual((await process.pass()).errors, []);
	const { metadata } = await admin.get(gateway);
	t.deepEqual(
		metadata.managedFields?.filter(({ manager }) => manager === repairFieldManager),
		[],
	);
	await process.pass();
	t.deepEqual(process.requests, []);
});

test('a port that was renumbered keeps its node port from ours: the API server calls that an error of its own, and it is mended all the same', async (t) => {
	const world = new World(t, { connect, admin }, 'clear-renumbered');
	const ports = [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 31_390 }];
	const service = child({
		apiVersion: 'v1',
		kind: 'Service',
		metadata: { name: 'gateway', namespace: 'mesh' },
		spec: { type: 'NodePort', selector: { app: 'gateway' }, ports },
	});
	world.set([namespace, service]);
	const process = world.start();
	t.deepEqual((await process.settle()).errors, []);
	const gateway = referenceOf(world.objects[1] as KubeObject);
	const patch = [{ op: 'replace', path: '/spec/ports/0/port', value: 81 }];
	await admin.patch(gateway, patch, { type: 'json', fieldManager: 'kubectl-edit' });

	t.deepEqual((await process.pass()).errors, []);
	t.regex(process.notices[0]?.message ?? '', /port=81/);
	const { spec } = await admin.get<KubeObject & { spec: { ports: readonly object[] } }>(gateway);
	t.like(spec.ports, [{ port: 80, nodePort: 31_390 }]);
	t.is(spec.ports.length, 1);
});
