import test from 'ava';
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, meshOf } from '../testing.ts';

type Fields = Readonly<Record<string, unknown>>;

const on = { enabled: true };
const both = { policy: on, telemetry: on };

function objects(spec: Fields): readonly KubeObject[] {
	return render(meshOf({ version: '1.4.10', mixer: both, ...spec }));
}

function find(all: readonly KubeObject[], kind: string, name: string): KubeObject {
	const found = all.find((object) => object.kind === kind && object.metadata.name === name);
	if (found === undefined) {
		throw new Error(`no ${kind} ${name}`);
	}
	return found;
}

function pod(all: readonly KubeObject[], name: string): unknown {
	return at(find(all, 'Deployment', name), 'spec', 'template', 'spec');
}

function args(all: readonly KubeObject[], name: string, container = 0): unknown {
	return at(pod(all, name), 'containers', container, 'args');
}

const common = ['--address=unix:///sock/mixer.socket', '--configStoreURL=k8s://'];
const common11 = ['--monitoringPort=15014', ...common, '--log_output_level=default:info'];
const namespace = '--configDefaultNamespace=istio-system';
const noCache = '--numCheckCacheEntries=0';
const shedding = ['--averageLatencyThreshold=100ms', '--loadsheddingMode=enforce'];
const noTypedKinds = ['--useAdapterCRDs=false', '--useTemplateCRDs=false'];

const expected: Readonly<
	Record<string, { readonly policy: readonly string[]; readonly telemetry: readonly string[] }>
> = {
	'1.0.9': { policy: [...common, namespace, noCache], telemetry: [...common, namespace] },
	'1.1.17': {
		policy: [...common11, '--useAdapterCRDs=true', namespace, noCache],
		telemetry: [...common11, '--useAdapterCRDs=true', namespace, ...shedding],
	},
	'1.2.10': {
		policy: [...common11, ...noTypedKinds, namespace, noCache],
		telemetry: [...common11, ...noTypedKinds, namespace, ...shedding],
	},
	'1.3.8': {
		policy: [...common11, ...noTypedKinds, namespace, noCache],
		telemetry: [...common11, ...noTypedKinds, namespace, ...shedding],
	},
	'1.4.10': {
		policy: [...common11, ...noTypedKinds, namespace, noCache],
		telemetry: [...common11, ...noTypedKinds, namespace, ...shedding],
	},
};

for (const { version, mixer } of classicReleases) {
	const all = objects({ version });

	test(`${version}: both services are started with what their binary takes`, (t) => {
		t.deepEqual<unknown, unknown>(args(all, 'istio-policy'), expected[version]?.policy);
		t.deepEqual<unknown, unknown>(args(all, 'istio-telemetry'), expected[version]?.telemetry);
	});

	test(`${version}: proxy and Mixer meet at a socket, and are asked where they answer`, (t) => {
		for (const service of ['policy', 'telemetry']) {
			const spec = pod(all, `istio-${service}`);
			t.deepEqual(at(spec, 'containers', 1, 'args', 0), 'proxy');
			for (const index of [0, 1]) {
				t.true(
					(at(spec, 'containers', index, 'volumeMounts') as readonly Fields[]).some(
						({ name, mountPath }) => name === 'uds-socket' && mountPath === '/sock',
					),
				);
			}
			t.true((at(spec, 'volumes') as readonly Fields[]).some(({ emptyDir }) => emptyDir !== undefined));
			for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
				t.deepEqual(at(spec, 'containers', 0, probe, 'httpGet'), {
					path: '/version',
					port: version === '1.0.9' ? 9093 : 15014,
					scheme: 'HTTP',
				});
			}
			t.deepEqual(at(spec, 'containers', 1, 'readinessProbe', 'tcpSocket'), { port: 9091 });
		}
	});

	test(`${version}: Services offer what a container of their pods listens on, by the names of the charts`, (t) => {
		const monitoring = version === '1.0.9' ? 9093 : 15014;
		const names = (service: string) =>
			(at(find(all, 'Service', service), 'spec', 'ports') as readonly Fields[]).map(
				({ name, port, targetPort }) => `${String(name)} ${String(port)} ${String(targetPort)}`,
			);
		const shared = [
			'grpc-mixer 9091 9091',
			'grpc-mixer-mtls 15004 15004',
			`http-monitoring ${monitoring} ${monitoring}`,
		];
		t.deepEqual(names('istio-policy'), shared);
		t.deepEqual(names('istio-telemetry'), [...shared, 'prometheus 42422 42422']);
		for (const service of ['istio-policy', 'istio-telemetry']) {
			const containers = at(pod(all, service), 'containers') as readonly Fields[];
			const listening = containers.flatMap(({ ports }) =>
				(ports as readonly Fields[]).map(({ containerPort }) => containerPort),
			);
			t.is(new Set(listening).size, listening.length, 'no port twice');
			for (const { targetPort } of at(find(all, 'Service', service), 'spec', 'ports') as readonly Fields[]) {
				t.true(listening.includes(targetPort));
			}
			t.deepEqual(
				at(find(all, 'Service', service), 'spec', 'selector'),
				at(find(all, 'Deployment', service), 'spec', 'selector', 'matchLabels'),
			);
			t.like(
				at(find(all, 'Deployment', service), 'spec', 'template', 'metadata', 'labels'),
				at(find(all, 'Service', service), 'spec', 'selector') as Fields,
			);
		}
	});

	test(`${version}: Mixer may list and watch what it reads, and do nothing else`, (t) => {
		const rules = at(find(all, 'ClusterRole', 'istio-mixer-istio-system'), 'rules') as readonly Fields[];
		for (const { verbs } of rules) {
			t.deepEqual(verbs, ['list', 'watch']);
		}
		const byGroup = Object.fromEntries(
			rules.map(({ apiGroups, resources }) => [String((apiGroups as readonly string[])[0]), resources]),
		);
		t.deepEqual<unknown, unknown>(byGroup['config.istio.io'], [...mixer.configKinds].sort());
		t.deepEqual<unknown, unknown>(
			{ ...byGroup, 'config.istio.io': undefined },
			{
				'config.istio.io': undefined,
				...(version === '1.0.9' ? {} : { '': ['pods', 'replicationcontrollers'], apps: ['replicasets'] }),
				...(version < '1.3' ? { 'rbac.istio.io': ['servicerolebindings', 'serviceroles'] } : {}),
			},
		);
		const inNamespace = all.filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'istio-mixer');
		t.deepEqual(
			inNamespace.map((role) => at(role, 'rules')),
			version === '1.0.9' ? [] : [[{ apiGroups: [''], resources: ['secrets'], verbs: ['list', 'watch'] }]],
		);
		t.is(at(pod(all, 'istio-policy'), 'serviceAccountName'), 'istio-mixer-service-account');
		t.is(at(pod(all, 'istio-telemetry'), 'serviceAccountName'), 'istio-mixer-service-account');
		t.notThrows(() => find(all, 'ServiceAccount', 'istio-mixer-service-account'));
	});

	test(`${version}: each service alone has its own objects, and shares the rest`, (t) => {
		const names = (spec: Fields) =>
			objects({ version, ...spec }).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
		const policy = names({ mixer: { policy: on } });
		const telemetry = names({ mixer: { telemetry: on } });
		for (const kind of ['Deployment', 'Service', 'DestinationRule']) {
			t.true(policy.includes(`${kind}/istio-policy`) && !policy.includes(`${kind}/istio-telemetry`));
			t.true(telemetry.includes(`${kind}/istio-telemetry`) && !telemetry.includes(`${kind}/istio-policy`));
		}
		for (const shared of ['ServiceAccount/istio-mixer-service-account', 'attributemanifest/istioproxy']) {
			t.true(policy.includes(shared) && telemetry.includes(shared), shared);
		}
		t.deepEqual(
			names({ mixer: {} }).filter((name) => /mixer|policy|telemetry|config\.istio/.test(name)),
			[],
		);
	});

	test(`${version}: port 15004 is under mutual TLS where the control plane is, and nowhere else`, (t) => {
		const mode = (all: readonly KubeObject[], name: string) =>
			Object.fromEntries(
				(
					(at(find(all, 'DestinationRule', name), 'spec', 'trafficPolicy', 'portLevelSettings') ??
						[]) as readonly Fields[]
				).map((setting) => [String(at(setting, 'port', 'number')), at(setting, 'tls', 'mode')]),
			);
		const secure = objects({ version, citadel: on, mesh: { mtls: { controlPlane: true } } });
		for (const name of ['istio-policy', 'istio-telemetry']) {
			const explicit = version === '1.4.10';
			t.deepEqual<unknown, unknown>(mode(all, name), explicit ? { 15004: 'DISABLE', 9091: 'DISABLE' } : {});
			t.deepEqual<unknown, unknown>(
				mode(secure, name),
				explicit ? { 15004: 'ISTIO_MUTUAL', 9091: 'DISABLE' } : { 15004: 'ISTIO_MUTUAL' },
			);
			t.is((args(secure, name, 1) as readonly string[]).includes('MUTUAL_TLS'), true);
			t.is((args(all, name, 1) as readonly string[]).includes('NONE'), true);
		}
	});
}

test('Mixer sends spans where the mesh does, by a flag that is absent otherwise', (t) => {
	const tracing = { enabled: true, zipkin: { address: 'zipkin.tracing:9411' } };
	const flag = '--trace_zipkin_url=http://zipkin.tracing:9411/api/v1/spans';
	for (const service of ['istio-policy', 'istio-telemetry']) {
		t.true((args(objects({ mesh: { tracing } }), service) as readonly string[]).includes(flag));
		t.false(JSON.stringify(args(objects({}), service)).includes('zipkin'));
	}
});

test('each service has its own pods, autoscaler and budget, resources and further arguments', (t) => {
	const all = objects({
		mixer: {
			policy: { ...on, replicas: 3, extraArgs: ['--maxMessageSize=2097152'] },
			telemetry: { ...on, autoscaling: { minReplicas: 2, maxReplicas: 9 }, resources: { requests: { cpu: '2' } } },
		},
	});
	t.is(at(find(all, 'Deployment', 'istio-policy'), 'spec', 'replicas'), 3);
	t.is((args(all, 'istio-policy') as readonly string[]).at(-1), '--maxMessageSize=2097152');
	t.is(at(find(all, 'Deployment', 'istio-telemetry'), 'spec', 'replicas'), undefined);
	t.is(at(find(all, 'HorizontalPodAutoscaler', 'istio-telemetry'), 'spec', 'maxReplicas'), 9);
	t.deepEqual(at(pod(all, 'istio-telemetry'), 'containers', 0, 'resources'), { requests: { cpu: '2' } });
	for (const service of ['istio-policy', 'istio-telemetry']) {
		t.deepEqual(
			at(find(all, 'PodDisruptionBudget', service), 'spec', 'selector', 'matchLabels'),
			at(find(all, 'Deployment', service), 'spec', 'selector', 'matchLabels'),
		);
	}
});
