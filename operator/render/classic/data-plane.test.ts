import test from 'ava';
import { parse } from 'yaml';
import { applySetLabel, clusterLabel, instanceLabel, meshLabel } from '../../../api/v1/index.ts';
import { render, renderReader } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import { kindOf } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { injectPod } from '../../sidecar/index.ts';
import { at, meshOf, only } from '../testing.ts';
import { checkDataPlane, dataPlaneMesh, type RemoteDataPlane, renderDataPlane } from './index.ts';

type Fields = Readonly<Record<string, unknown>>;

const remote: RemoteDataPlane = {
	cluster: 'eu-west',
	readBy: 'primary',
	applySet: 'applyset-there',
	addresses: { pilot: ['10.1.0.4', '10.1.0.5'], policy: ['10.1.0.6'], telemetry: ['10.1.0.7'] },
	facts: {
		injectorRoots: 'roots',
		injectorCertificate: { certChain: 'chain', key: 'key', roots: 'roots' },
		caSecretHash: 'authority',
	},
};

/** A spec with everything that a data plane can have. */
function spec(version: string, more: Fields = {}): Fields {
	return {
		version,
		namespace: 'mesh',
		profile: 'default',
		citadel: { enabled: true, caSecretName: 'cacerts' },
		mesh: { mtls: { mode: 'STRICT', controlPlane: true }, tracing: { zipkin: { address: 'zipkin.tracing:9411' } } },
		gateways: { ingress: { enabled: true }, egress: { enabled: true } },
		...more,
	};
}

function keys(objects: readonly KubeObject[]): readonly string[] {
	return objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

function named(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
	return only(
		objects.filter(({ metadata }) => metadata.name === name),
		kind,
	);
}

const entry = { name: 'eu-west', network: 'there', kubeconfigSecret: { name: 'a', namespace: 'b' } };

for (const { version, minor } of classicReleases) {
	const mesh = meshOf(spec(version));
	const objects = renderDataPlane(mesh, remote);

	test(`${version}: no object there has the label by which Argo CD prunes what has no owner, but pods keep it`, (t) => {
		for (const { kind, metadata, spec: given } of objects) {
			t.false(instanceLabel in (metadata.labels ?? {}), `${kind} ${metadata.name}`);
			if (kind !== 'Namespace') t.is(metadata.labels?.[meshLabel], mesh.name);
			if (kind === 'Deployment') t.is(at(given, 'template', 'metadata', 'labels', instanceLabel), mesh.name);
		}
	});

	test(`${version}: what a data plane is made of`, (t) => {
		const reads = minor === '1.4' ? [] : ['istio-sidecar-injector-mesh'];
		t.deepEqual([...keys(objects)].sort(), [
			'ClusterRole istio-citadel-mesh',
			'ClusterRole istio-reader-primary-mesh',
			...reads.map((name) => `ClusterRole ${name}`),
			'ClusterRoleBinding istio-citadel-mesh',
			'ClusterRoleBinding istio-reader-primary-mesh',
			...reads.map((name) => `ClusterRoleBinding ${name}`),
			'ConfigMap istio',
			'ConfigMap istio-sidecar-injector',
			`ConfigMap istio-sidecar-injector-${version.replaceAll('.', '-')}`,
			'Deployment istio-citadel',
			'Deployment istio-sidecar-injector',
			'Endpoints istio-pilot',
			'Endpoints istio-policy',
			'Endpoints istio-telemetry',
			'MutatingWebhookConfiguration istio-sidecar-injector-mesh',
			'Namespace mesh',
			...(minor === '1.0' ? [] : ['Role istio-citadel', 'RoleBinding istio-citadel']),
			'Service istio-citadel',
			'Service istio-pilot',
			'Service istio-policy',
			'Service istio-sidecar-injector',
			'Service istio-telemetry',
			'ServiceAccount istio-citadel-service-account',
			'ServiceAccount istio-reader-primary',
			'ServiceAccount istio-sidecar-injector-service-account',
		]);
	});

	test(`${version}: Services have the ports of this cluster's, and every port of theirs has an address behind it`, (t) => {
		const here = render(mesh);
		for (const [name, addresses] of [
			['istio-pilot', remote.addresses.pilot],
			['istio-policy', remote.addresses.policy],
			['istio-telemetry', remote.addresses.telemetry],
		] as const) {
			const service = named(objects, 'Service', name);
			t.is(at(service, 'spec', 'selector'), undefined);
			t.is(at(service, 'spec', 'clusterIP'), undefined);
			const ports = at(service, 'spec', 'ports') as readonly Fields[];
			t.deepEqual(ports, at(named(here, 'Service', name), 'spec', 'ports') as readonly Fields[]);
			t.deepEqual(named(objects, 'Endpoints', name).subsets, [
				{
					addresses: addresses.map((ip) => ({ ip })),
					ports: ports.map(({ name: port, targetPort, protocol }) => ({ name: port, port: targetPort, protocol })),
				},
			]);
		}
	});

	test(`${version}: without an address there are no Endpoints, but the Service, whose name is looked up`, (t) => {
		const none = renderDataPlane(mesh, { ...remote, addresses: { pilot: [], policy: ['10.1.0.6'], telemetry: [] } });
		t.deepEqual(
			keys(none).filter((key) => key.startsWith('Endpoints')),
			['Endpoints istio-policy'],
		);
		t.true(keys(none).includes('Service istio-telemetry'));
	});

	test(`${version}: the mesh configuration is this cluster's, under names that the data plane has`, (t) => {
		const map = named(objects, 'ConfigMap', 'istio');
		t.is(at(map, 'data', 'mesh'), at(named(render(mesh), 'ConfigMap', 'istio'), 'data', 'mesh'));
		t.is(at(map, 'data', 'meshNetworks'), undefined);
		const config: unknown = parse(String(at(map, 'data', 'mesh')), { version: '1.1' });
		const names = new Set(keys(objects).filter((key) => key.startsWith('Service ')));
		for (const address of [
			at(config, 'defaultConfig', 'discoveryAddress'),
			at(config, 'mixerCheckServer'),
			at(config, 'mixerReportServer'),
		]) {
			const [host = '', namespace] = String(address).split(/[.:]/);
			t.true(names.has(`Service ${host}`), host);
			t.is(namespace, 'mesh');
		}
	});

	test(`${version}: every object is in the set of that cluster, with the name of the cluster that keeps it`, (t) => {
		for (const object of objects) {
			const labels = object.metadata.labels ?? {};
			if (object.kind === 'Namespace') {
				t.is(labels[applySetLabel], undefined);
				continue;
			}
			t.is(labels[applySetLabel], 'applyset-there', object.metadata.name);
			t.is(labels[clusterLabel], 'primary', object.metadata.name);
			t.is(labels['app.kubernetes.io/managed-by'], 'meshwright');
			t.true(Object.isFrozen(object));
			t.is(object.metadata.namespace, kindOf(object).namespaced ? 'mesh' : undefined);
		}
	});

	test(`${version}: every subject and role of a binding, and every account of a pod, is there`, (t) => {
		const present = new Set(keys(objects));
		for (const object of objects) {
			if (object.kind.endsWith('Binding')) {
				t.true(present.has(`${at(object, 'roleRef', 'kind')} ${at(object, 'roleRef', 'name')}`));
				for (const subject of object.subjects as readonly Fields[]) {
					t.true(present.has(`ServiceAccount ${String(subject.name)}`));
					t.is(subject.namespace, 'mesh');
				}
			}
			if (object.kind === 'Deployment') {
				t.true(present.has(`ServiceAccount ${at(object, 'spec', 'template', 'spec', 'serviceAccountName')}`));
			}
		}
	});

	test(`${version}: the reader may look at what Pilot and Mixer look at, and do nothing else`, (t) => {
		const reader = renderReader(mesh, remote);
		t.deepEqual(keys(reader), [
			'ClusterRole istio-reader-primary-mesh',
			'ClusterRoleBinding istio-reader-primary-mesh',
			'Namespace mesh',
			'ServiceAccount istio-reader-primary',
		]);
		const verbs = ['get', 'list', 'watch'];
		const core = ['endpoints', 'nodes', 'pods', 'services'];
		t.deepEqual(
			only(reader, 'ClusterRole').rules,
			minor === '1.0'
				? [{ apiGroups: [''], resources: core, verbs }]
				: [
						{
							apiGroups: [''],
							resources: ['endpoints', 'nodes', 'pods', 'replicationcontrollers', 'services'],
							verbs,
						},
						{ apiGroups: ['apps'], resources: ['replicasets'], verbs },
					],
		);
		for (const object of reader) {
			t.deepEqual(
				objects.find((other) => other.kind === object.kind && other.metadata.name === object.metadata.name),
				object,
			);
		}
	});

	test(`${version}: injector and Citadel there follow what that cluster shows`, (t) => {
		t.deepEqual(
			at(
				named(objects, 'Deployment', 'istio-citadel'),
				'spec',
				'template',
				'metadata',
				'annotations',
				'meshwright.io/ca-hash',
			),
			'authority',
		);
		const args = at(named(objects, 'Deployment', 'istio-citadel'), 'spec', 'template', 'spec', 'containers', 0, 'args');
		t.true((args as readonly string[]).includes('--self-signed-ca=false'));
		t.truthy(
			at(
				named(objects, 'MutatingWebhookConfiguration', 'istio-sidecar-injector-mesh'),
				'webhooks',
				0,
				'clientConfig',
				'caBundle',
			),
		);
		const without = renderDataPlane(meshOf(spec(version, { citadel: { enabled: false }, mesh: {} })), remote);
		t.truthy(named(without, 'Secret', 'istio-sidecar-injector-certs'));
	});

	test(`${version}: overlays are about this cluster alone`, (t) => {
		const overlays = [
			{ target: { kind: 'Deployment', name: 'istio-citadel' }, mergePatch: { spec: { paused: true } } },
			{ target: { kind: 'Deployment', name: 'istio-pilot' }, mergePatch: { spec: { paused: true } } },
		];
		t.deepEqual(renderDataPlane(meshOf(spec(version, { overlays })), remote), objects);
	});
}

test('proxies of a data plane say which cluster and network they are in, injected by either way', (t) => {
	for (const { version, minor } of classicReleases.filter((release) => release.minor !== '1.0')) {
		const mesh = meshOf(spec(version, { multiCluster: { network: 'here', clusters: [entry] } }));
		const objects = renderDataPlane(mesh, { ...remote, network: 'there' });
		const template = String(at(named(objects, 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config'));
		t.regex(template, /ISTIO_META_NETWORK\n +value: "?there"?\n/, version);
		const knowsCluster = minor === '1.3' || minor === '1.4';
		t.is(/ISTIO_META_CLUSTER_ID\n +value: "?eu-west"?\n/.test(template), knowsCluster, version);
		const injected = injectPod(dataPlaneMesh(mesh, { cluster: 'eu-west', network: 'there' }), {
			metadata: {},
			spec: { containers: [{ name: 'app' }] },
		});
		if (injected.kind !== 'injected') throw new Error(injected.kind);
		const env = at(injected.spec, 'containers', 1, 'env') as readonly Fields[];
		t.is(env.find(({ name }) => name === 'ISTIO_META_NETWORK')?.value, 'there');
	}
});

test('a cluster of another network has a gateway like this one, for who comes from here; one of the same has none', (t) => {
	const mesh = meshOf(spec('1.4.10', { multiCluster: { network: 'here', clusters: [entry] } }));
	const gateways = (network?: string) =>
		renderDataPlane(mesh, { ...remote, ...(network === undefined ? {} : { network }) }).filter(
			({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith('gateway'),
		);
	t.deepEqual([gateways(), gateways('here')], [[], []]);
	const [gateway, ...others] = gateways('there');
	t.is(others.length, 0);
	const env = at(gateway, 'spec', 'template', 'spec', 'containers', 0, 'env') as readonly Fields[];
	t.like(Object.fromEntries(env.map(({ name, value }) => [name, value])), {
		ISTIO_META_CLUSTER_ID: 'eu-west',
		ISTIO_META_NETWORK: 'there',
		ISTIO_META_ROUTER_MODE: 'sni-dnat',
	});
});

test('what keeps a mesh from having a data plane', (t) => {
	const check = (more: Fields, network?: string, controlPlaneAddresses: readonly string[] = []) =>
		checkDataPlane(meshOf(spec('1.4.10', more)), {
			cluster: 'eu-west',
			controlPlaneAddresses,
			...(network === undefined ? {} : { network }),
		}).map(({ reason, path }) => [reason, path]);
	const networks = { multiCluster: { network: 'here', clusters: [entry] } };
	t.deepEqual(check({}), []);
	t.deepEqual(check({ citadel: { enabled: true } }), [['RootCertificateDiffers', 'spec.citadel.caSecretName']]);
	t.deepEqual(check({ citadel: { enabled: false }, mesh: {} }), [], 'no certificates, no authority');
	t.deepEqual(check(networks, 'there'), [
		['AddressesNeeded', 'spec.multiCluster.clusters[eu-west].dataPlane.controlPlaneAddresses'],
	]);
	t.deepEqual(check(networks, 'there', ['192.0.2.1']), []);
	t.deepEqual(check(networks), [], 'the network of this cluster');
});
