import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import { readProxy, SharedProxies } from './read-proxy.ts';

const container = {
	name: 'istio-proxy',
	image: 'docker.io/istio/proxyv2:1.3.8',
	args: ['proxy', 'sidecar', '--discoveryAddress', 'istio-pilot.istio-system:15010'],
};
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4f', uid: 'u', controller: true };

function pod(fields: { metadata?: object; spec?: unknown; status?: unknown } = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'web-5d4f-x',
			namespace: 'shop',
			labels: { 'pod-template-hash': '5d4f' },
			ownerReferences: [owner],
			...fields.metadata,
		},
		spec: 'spec' in fields ? fields.spec : { containers: [{ name: 'web', image: 'web:1' }, container] },
		status: fields.status ?? { phase: 'Running' },
	};
}

test('a pod with a proxy is kept as its image, whom it asks and what makes it', (t) => {
	t.deepEqual(readProxy(pod()), {
		namespace: 'shop',
		image: 'docker.io/istio/proxyv2:1.3.8',
		controlPlane: 'istio-system',
		owner: { kind: 'Deployment', name: 'web' },
	});
	const native = { initContainers: [{ ...container, restartPolicy: 'Always' }], containers: [{ name: 'web' }] };
	t.is(readProxy(pod({ spec: native }))?.image, container.image);
	t.is(readProxy(pod({ status: { phase: 'Pending' } }))?.image, container.image);
});

const without: readonly [title: string, pod: KubeObject][] = [
	['without a proxy', pod({ spec: { containers: [{ name: 'web' }] } })],
	['that has ended well', pod({ status: { phase: 'Succeeded' } })],
	['that has failed', pod({ status: { phase: 'Failed' } })],
	['that is about to end', pod({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })],
	['of a component of the mesh', pod({ metadata: { labels: { 'app.kubernetes.io/managed-by': 'meshwright' } } })],
	['of whatever form', pod({ spec: 'x' })],
	['with containers of whatever form', pod({ spec: { containers: ['x', null, 1, { name: 1 }], initContainers: {} } })],
];
for (const [title, one] of without) test(`a pod ${title} does not count`, (t) => t.is(readProxy(one), undefined));

for (const [args, controlPlane] of [
	[['--discoveryAddress', 'istio-pilot.mesh.svc:15011'], 'mesh'],
	[['--discoveryAddress', 'istio-pilot.mesh.svc.cluster.local:15011'], 'mesh'],
	[['--discoveryAddress', '10.0.0.1:15010'], undefined],
	[['--discoveryAddress', 'pilot.example.com:15010'], undefined],
	[['--discoveryAddress'], undefined],
	[['--discoveryAddress', 7], undefined],
	['x', undefined],
	[undefined, undefined],
] as const) {
	test(`with the arguments ${JSON.stringify(args)} it asks ${controlPlane ?? 'nobody who is known'}`, (t) => {
		t.is(readProxy(pod({ spec: { containers: [{ ...container, args }] } }))?.controlPlane, controlPlane);
	});
}

for (const [reference, expected] of [
	[
		{ ...owner, kind: 'StatefulSet', name: 'db' },
		{ kind: 'StatefulSet', name: 'db' },
	],
	[
		{ ...owner, name: 'alone' },
		{ kind: 'ReplicaSet', name: 'alone' },
	],
	[{ ...owner, controller: false }, undefined],
] as const) {
	test(`a pod of ${reference.kind} ${reference.name}, controller ${reference.controller}: its workload is told`, (t) => {
		t.deepEqual(readProxy(pod({ metadata: { ownerReferences: [reference] } }))?.owner, expected);
	});
}

test('pods that are alike share one object, until none is left', (t) => {
	const shared = new SharedProxies();
	const first = shared.read(pod());
	t.is(shared.read(pod({ metadata: { name: 'web-5d4f-y' } })), first);
	t.not(shared.read(pod({ metadata: { namespace: 'other' } })), first);
	t.is(shared.size, 2);
	shared.keep(first === undefined ? [] : [first]);
	t.is(shared.size, 1);
	t.is(shared.read(pod()), first);
});
