import test from 'ava';
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, meshOf, only } from '../testing.ts';

type Fields = Readonly<Record<string, unknown>>;

function named(objects: readonly KubeObject[], kind: string, name: string): KubeObject {
	return only(
		objects.filter(({ metadata }) => metadata.name === name),
		kind,
	);
}

function container(objects: readonly KubeObject[], deployment: string, name: string): Fields {
	const containers = at(
		named(objects, 'Deployment', deployment),
		'spec',
		'template',
		'spec',
		'containers',
	) as readonly Fields[];
	const found = containers.find((entry) => entry.name === name);
	if (found === undefined) {
		throw new Error(`${deployment} has no container ${name}`);
	}
	return found;
}

function citadel(spec: Fields = {}, version = '1.4.10'): readonly KubeObject[] {
	return render(meshOf({ version, citadel: { enabled: true }, ...spec }));
}

const ns = 'istio-system';
const pilotDns = `istio-pilot-service-account.${ns}:istio-pilot.${ns}`;

const args: Readonly<Record<string, readonly string[]>> = {
	'1.0': [
		'--append-dns-names=true',
		'--grpc-port=8060',
		`--citadel-storage-namespace=${ns}`,
		`--custom-dns-names=${pilotDns},istio-ingressgateway-service-account.${ns}:istio-ingressgateway.${ns}`,
		'--monitoring-port=9093',
		'--self-signed-ca=true',
		'--workload-cert-ttl=2160h',
	],
	later: [
		'--append-dns-names=true',
		'--grpc-port=8060',
		`--citadel-storage-namespace=${ns}`,
		`--custom-dns-names=${pilotDns}`,
		'--monitoring-port=15014',
		'--self-signed-ca=true',
		'--workload-cert-ttl=2160h',
	],
};

for (const { version, minor, citadel: release } of classicReleases) {
	test(`${version}: Citadel is started with arguments that its binary knows`, (t) => {
		const { args: given } = container(citadel({}, version), 'istio-citadel', 'citadel');
		t.deepEqual(given, args[minor] ?? args.later);
		for (const arg of given as readonly string[]) {
			t.true(release.flags.includes(/^--([^=]+)=/.exec(arg)?.[1] ?? ''), arg);
		}
	});

	test(`${version}: Citadel may do what it does, and nothing else`, (t) => {
		const objects = citadel({}, version);
		const rules = (kind: string, name: string) => named(objects, kind, name).rules;
		const namespaces = minor === '1.3' || minor === '1.4' ? ['namespaces', 'serviceaccounts'] : ['serviceaccounts'];
		t.deepEqual<unknown, unknown>(rules('ClusterRole', 'istio-citadel-istio-system'), [
			{ apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'list', 'update', 'watch'] },
			{ apiGroups: [''], resources: namespaces, verbs: ['get', 'list', 'watch'] },
			{ apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
		]);
		const publishing = [
			{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
			{ apiGroups: [''], resourceNames: ['istio-security'], resources: ['configmaps'], verbs: ['get', 'update'] },
		];
		const [create, ...change] = minor === '1.0' ? [] : publishing;
		t.deepEqual<unknown, unknown>(rules('Role', 'istio-citadel'), [
			...(create === undefined ? [] : [create]),
			{ apiGroups: [''], resourceNames: ['istio-ca-secret'], resources: ['secrets'], verbs: ['get'] },
			...change,
		]);
	});

	test(`${version}: there is one Citadel, never two, and it is probed where it answers`, (t) => {
		const objects = citadel({}, version);
		const deployment = named(objects, 'Deployment', 'istio-citadel');
		t.like(deployment.spec, { replicas: 1, strategy: { type: 'Recreate' } });
		const { readinessProbe, livenessProbe, ports } = container(objects, 'istio-citadel', 'citadel');
		const port = minor === '1.0' ? 9093 : 15014;
		t.like(readinessProbe, { httpGet: { path: '/version', port } });
		t.like(livenessProbe, { httpGet: { path: '/version', port } });
		t.deepEqual(
			(ports as readonly Fields[]).map(({ containerPort }) => containerPort),
			[8060, port],
		);
		t.deepEqual<unknown, unknown>(
			(at(named(objects, 'Service', 'istio-citadel'), 'spec', 'ports') as readonly Fields[]).map(
				({ name, targetPort }) => [name, targetPort],
			),
			[
				['grpc-citadel', 8060],
				['http-monitoring', port],
			],
		);
	});

	test(`${version}: with Citadel, Pilot has a proxy that shows its certificate; without, none and no TLS port`, (t) => {
		const objects = citadel({}, version);
		const proxy = container(objects, 'istio-pilot', 'istio-proxy');
		t.is(proxy.image, `docker.io/istio/proxyv2:${version}`);
		const domain = minor === '1.0' ? [] : ['--domain', '$(POD_NAMESPACE).svc.cluster.local'];
		const log = minor === '1.4' ? ['--log_output_level=default:info'] : [];
		t.deepEqual(proxy.args, [
			'proxy',
			...domain,
			'--serviceCluster',
			'istio-pilot',
			'--templateFile',
			'/etc/istio/proxy/envoy_pilot.yaml.tmpl',
			'--configPath',
			'/var/run/istio-proxy',
			'--controlPlaneAuthPolicy',
			'NONE',
			'--disableInternalTelemetry',
			...log,
		]);
		t.deepEqual(
			(proxy.env as readonly Fields[]).map(({ name, value }) => [name, value]),
			[
				['POD_NAME', undefined],
				['POD_NAMESPACE', undefined],
				['INSTANCE_IP', undefined],
				...(minor === '1.3' || minor === '1.4' ? [['SDS_ENABLED', 'false']] : []),
			],
		);
		t.deepEqual(
			(proxy.ports as readonly Fields[]).map(({ containerPort }) => containerPort),
			[15003, 15005, 15007, 15011],
		);
		t.deepEqual(proxy.volumeMounts, [
			{ mountPath: '/etc/certs', name: 'istio-certs', readOnly: true },
			{ mountPath: '/var/run/istio-proxy', name: 'proxy-config' },
		]);
		t.is(at(proxy, 'securityContext', 'readOnlyRootFilesystem'), undefined, 'it writes envoy.yaml');
		const pod = at(named(objects, 'Deployment', 'istio-pilot'), 'spec', 'template', 'spec');
		t.deepEqual((at(pod, 'volumes') as readonly Fields[])[1], {
			name: 'istio-certs',
			secret: { optional: true, secretName: 'istio.istio-pilot-service-account' },
		});
		const servicePorts = (all: readonly KubeObject[]) =>
			(at(named(all, 'Service', 'istio-pilot'), 'spec', 'ports') as readonly Fields[]).map(({ name }) => name);
		t.true(servicePorts(objects).includes('https-xds'));

		const without = render(meshOf({ version }));
		t.is(
			(at(named(without, 'Deployment', 'istio-pilot'), 'spec', 'template', 'spec', 'containers') as Fields[]).length,
			1,
		);
		t.false(servicePorts(without).includes('https-xds'));
		t.false(without.some(({ metadata: { name } }) => name.startsWith('istio-citadel')));
	});

	test(`${version}: mutual TLS with the control plane is said to Pilot, to its proxy and to all others`, (t) => {
		const objects = citadel({ mesh: { mtls: { controlPlane: true } } }, version);
		const { args: given } = container(objects, 'istio-pilot', 'istio-proxy');
		t.is(
			(given as readonly string[])[(given as readonly string[]).indexOf('--controlPlaneAuthPolicy') + 1],
			'MUTUAL_TLS',
		);
		const mesh = String(at(named(objects, 'ConfigMap', 'istio'), 'data', 'mesh'));
		t.regex(mesh, /controlPlaneAuthPolicy: MUTUAL_TLS/);
		t.true(mesh.includes(`discoveryAddress: istio-pilot.istio-system:${minor === '1.0' ? 15005 : 15011}`));
		// Pilot 1.0 ends when it finds no certificate, although its proxy has the TLS port.
		const mounts = container(objects, 'istio-pilot', 'discovery').volumeMounts as readonly Fields[];
		t.is(
			mounts.some(({ mountPath }) => mountPath === '/etc/certs'),
			minor === '1.0',
		);
	});

	test(`${version}: the proxy reports where there is somebody to report to, and can be reached`, (t) => {
		const reports = (controlPlaneSecurity: boolean) => {
			const mesh = meshOf({ version, citadel: { enabled: true } });
			const objects = render({ ...mesh, controlPlaneSecurity, mixer: { ...mesh.mixer, telemetry: mesh.pilot } });
			return !(container(objects, 'istio-pilot', 'istio-proxy').args as readonly string[]).includes(
				'--disableInternalTelemetry',
			);
		};
		t.true(reports(false));
		t.is(reports(true), minor !== '1.2' && minor !== '1.3', 'these expect a name that no certificate has');
	});
}

test('a CA of the user is mounted and named, and Citadel follows its changes', (t) => {
	const mesh = meshOf({ version: '1.4.10', citadel: { enabled: true, caSecretName: 'cacerts' } });
	const objects = render(mesh, { caSecretHash: 'abc' });
	const { args: given, volumeMounts } = container(objects, 'istio-citadel', 'citadel');
	t.deepEqual((given as readonly string[]).slice(5, 10), [
		'--self-signed-ca=false',
		'--signing-cert=/etc/cacerts/ca-cert.pem',
		'--signing-key=/etc/cacerts/ca-key.pem',
		'--root-cert=/etc/cacerts/root-cert.pem',
		'--cert-chain=/etc/cacerts/cert-chain.pem',
	]);
	t.deepEqual(volumeMounts, [{ mountPath: '/etc/cacerts', name: 'cacerts', readOnly: true }]);
	const template = at(named(objects, 'Deployment', 'istio-citadel'), 'spec', 'template');
	t.deepEqual(at(template, 'spec', 'volumes'), [{ name: 'cacerts', secret: { secretName: 'cacerts' } }]);
	t.is(at(template, 'metadata', 'annotations', 'meshwright.io/ca-hash'), 'abc');
	t.deepEqual<unknown, unknown>(
		named(objects, 'Role', 'istio-citadel').rules,
		[
			{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
			{ apiGroups: [''], resourceNames: ['istio-security'], resources: ['configmaps'], verbs: ['get', 'update'] },
		],
		'it reads no CA through the API',
	);
	const unhashed = render(mesh);
	t.is(
		at(
			named(unhashed, 'Deployment', 'istio-citadel'),
			'spec',
			'template',
			'metadata',
			'annotations',
			'meshwright.io/ca-hash',
		),
		undefined,
	);
});

test('a self-signed CA has no hash: Citadel itself changes it', (t) => {
	const objects = render(meshOf({ version: '1.4.10', citadel: { enabled: true } }), { caSecretHash: 'abc' });
	t.false(JSON.stringify(named(objects, 'Deployment', 'istio-citadel')).includes('abc'));
});

test('1.0 with a CA of the user needs no role in the namespace', (t) => {
	const objects = citadel({ citadel: { enabled: true, caSecretName: 'cacerts' } }, '1.0.9');
	t.false(objects.some(({ kind, metadata }) => kind.startsWith('Role') && metadata.name === 'istio-citadel'));
});

test('certificates longer than Citadel allows are allowed', (t) => {
	const lifetime = (workloadCertTTL: string) =>
		(
			container(citadel({ citadel: { enabled: true, workloadCertTTL } }), 'istio-citadel', 'citadel')
				.args as readonly string[]
		).filter((arg) => arg.includes('ttl'));
	t.deepEqual(lifetime('2160h'), ['--workload-cert-ttl=2160h']);
	t.deepEqual(lifetime('1h'), ['--workload-cert-ttl=1h']);
	t.deepEqual(lifetime('2161h'), ['--workload-cert-ttl=2161h', '--max-workload-cert-ttl=2161h']);
});

test('the trust domain is known to Citadel, Pilot and its proxy', (t) => {
	const objects = citadel({ mesh: { trustDomain: 'example.org' } });
	for (const [deployment, name] of [
		['istio-citadel', 'citadel'],
		['istio-pilot', 'discovery'],
		['istio-pilot', 'istio-proxy'],
	] as const) {
		t.true((container(objects, deployment, name).args as readonly string[]).includes('--trust-domain=example.org'));
	}
});

/** Istio's own objects, without labels. */
function policies(spec: Fields): unknown {
	return citadel(spec)
		.filter(({ kind }) => kind === 'MeshPolicy' || kind === 'DestinationRule')
		.map((object) => [object.kind, object.metadata.namespace, object.metadata.name, object.spec]);
}

test('PERMISSIVE, the default with Citadel, takes both and changes nothing for clients', (t) => {
	const expected = [['MeshPolicy', undefined, 'default', { peers: [{ mtls: { mode: 'PERMISSIVE' } }] }]];
	t.deepEqual<unknown, unknown>(policies({}), expected);
	t.deepEqual<unknown, unknown>(policies({ mesh: { mtls: { mode: 'PERMISSIVE' } } }), expected);
});

test('STRICT takes mutual TLS alone, and clients use it, but not towards the API server', (t) => {
	t.deepEqual<unknown, unknown>(policies({ mesh: { mtls: { mode: 'STRICT' } } }), [
		[
			'DestinationRule',
			'istio-system',
			'api-server',
			{ host: 'kubernetes.default.svc.cluster.local', trafficPolicy: { tls: { mode: 'DISABLE' } } },
		],
		[
			'DestinationRule',
			'istio-system',
			'default',
			{ host: '*.local', trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } } },
		],
		['MeshPolicy', undefined, 'default', { peers: [{ mtls: {} }] }],
	]);
});

test('DISABLED leaves the policy of the cluster to others', (t) => {
	t.deepEqual(policies({ mesh: { mtls: { mode: 'DISABLED' } } }), []);
});
