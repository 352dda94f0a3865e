/** No field is accepted and ignored: each supported field changes what is rendered, or controls the operator itself. */
import test from 'ava';
import { z } from 'zod';
import { supportGap } from '../../api/v1/index.ts';
import { multiCluster } from '../../api/v1/schema/multi-cluster.ts';
import { spec as specSchema } from '../../api/v1/schema/spec.ts';
import { render } from '../lines/testing.ts';
import { cniChanges } from './istiod/cni-testing.ts';
import { meshOf } from './testing.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields of what releases of istiod have on each node: `render/istiod/cni.test.ts` shows what each changes. */
const nodeFields = [...Object.keys(cniChanges).map((field) => `spec.cni.${field}`), 'spec.images.digests.cni'];

/** Fields that control the operator, not what is rendered. */
const control = [
	'spec.paused',
	'spec.deletion.policy',
	'spec.deletion.force',
	'spec.deletion.timeout',
	'spec.deletion.blockWhileInUse',
	'spec.upgrade.restartWorkloads.enabled',
	'spec.upgrade.restartWorkloads.maxUnavailable',
	'spec.sidecarInjector.namespaces',
	'spec.upgrade.holdOperatorChanges',
	'spec.upgrade.approved.operator',
	// How a change of version is walked.
	'spec.upgrade.strategy',
	'spec.upgrade.progressDeadline',
	'spec.upgrade.onFailure',
	'spec.upgrade.pauseBefore',
	'spec.upgrade.approved.version',
	'spec.upgrade.approved.stage',
	'spec.upgrade.windows',
	'spec.upgrade.tags',
	'spec.upgrade.inactiveRevisionGracePeriod',
	// Of releases of istiod alone, whose tests show it.
	'spec.citadel.external.address',
	'spec.citadel.intermediates.rootSecret.name',
	'spec.citadel.intermediates.rootSecret.namespace',
	'spec.citadel.intermediates.lifetime',
	'spec.multiCluster.exposeControlPlane',
	...nodeFields,
	// How other clusters are reached, told apart and joined.
	'spec.multiCluster.clusterName',
	'spec.multiCluster.server',
	'spec.multiCluster.podCIDRs',
	'spec.multiCluster.serviceCIDRs',
	'spec.multiCluster.credentials.lifetime',
	'spec.multiCluster.credentials.renewAt',
];

/** Fields whose every value is refused. The schema has them because other components have them. */
const refused = ['spec.citadel.disruptionBudget.minAvailable'];

const cluster = { name: 'eu-west', kubeconfigSecret: { name: 'eu-west', namespace: 'meshwright-system' } };
const two = { pilot: { replicas: 2 } };
const autoscaling = { minReplicas: 2, maxReplicas: 4, targetCPUUtilization: 60 };
const digest = `sha256:${'a'.repeat(64)}`;

function withInjector(fields: Fields): Fields {
	return { sidecarInjector: { enabled: true, ...fields } };
}

/** What goes into pods shows in the injector's template. */
function inPods(proxy: Fields): { readonly from: Fields; readonly to: Fields } {
	return { from: withInjector({}), to: { ...withInjector({}), proxy } };
}

function withCitadel(fields: Fields): Fields {
	return { citadel: { enabled: true, ...fields } };
}

/** For each field's path: a value that differs from the default, and the rest of the spec that it needs. */
const changes: Readonly<Record<string, { readonly from?: Fields; readonly to: Fields }>> = {
	'spec.version': { to: { version: '1.3.8' } },
	'spec.namespace': { to: { namespace: 'mesh' } },
	'spec.images.registry': { to: { images: { registry: 'registry.local/istio' } } },
	'spec.images.tag': { to: { images: { tag: '1.4.10-distroless' } } },
	'spec.images.pullPolicy': { to: { images: { pullPolicy: 'Always' } } },
	'spec.images.pullSecrets': { to: { images: { pullSecrets: [{ name: 'regcred' }] } } },
	'spec.images.digests.pilot': { to: { images: { digests: { pilot: digest } } } },
	'spec.images.digests.proxy': {
		from: { gateways: { egress: { enabled: true } } },
		to: { gateways: { egress: { enabled: true } }, images: { digests: { proxy: digest } } },
	},
	'spec.overlays': {
		to: { overlays: [{ target: { kind: 'Deployment', name: 'istio-pilot' }, mergePatch: { spec: { paused: true } } }] },
	},
	'spec.mesh.tracing.enabled': { to: { mesh: { tracing: { enabled: true } } } },
	'spec.mesh.tracing.sampling': { to: { mesh: { tracing: { sampling: 50 } } } },
	'spec.mesh.tracing.zipkin.address': { to: { mesh: { tracing: { zipkin: { address: 'zipkin:9411' } } } } },
	'spec.mesh.statsd.address': { to: { mesh: { statsd: { address: 'statsd:8125' } } } },
	'spec.mesh.accessLog.file': { to: { mesh: { accessLog: { file: '/dev/stderr' } } } },
	'spec.mesh.accessLog.encoding': { to: { mesh: { accessLog: { encoding: 'JSON' } } } },
	'spec.mesh.outboundTraffic': { to: { mesh: { outboundTraffic: 'REGISTRY_ONLY' } } },
	'spec.images.digests.citadel': {
		from: withCitadel({}),
		to: { ...withCitadel({}), images: { digests: { citadel: digest } } },
	},
	'spec.mesh.mtls.mode': { from: withCitadel({}), to: { ...withCitadel({}), mesh: { mtls: { mode: 'STRICT' } } } },
	'spec.mesh.mtls.controlPlane': {
		from: withCitadel({}),
		to: { ...withCitadel({}), mesh: { mtls: { controlPlane: true } } },
	},
	'spec.citadel.enabled': { to: withCitadel({}) },
	'spec.citadel.caSecretName': { from: withCitadel({}), to: withCitadel({ caSecretName: 'cacerts' }) },
	'spec.citadel.workloadCertTTL': { from: withCitadel({}), to: withCitadel({ workloadCertTTL: '24h' }) },
	'spec.mesh.trustDomain': { to: { mesh: { trustDomain: 'example.org' } } },
	'spec.mesh.config': { to: { mesh: { config: { enableAutoMtls: false } } } },
	'spec.proxy.interceptionMode': { to: { proxy: { interceptionMode: 'TPROXY' } } },
	'spec.proxy.concurrency': { to: { proxy: { concurrency: 4 } } },
	'spec.proxy.adminPort': { to: { proxy: { adminPort: 15001 } } },
	'spec.proxy.drainDuration': { to: { proxy: { drainDuration: '30s' } } },
	'spec.proxy.parentShutdownDuration': { to: { proxy: { parentShutdownDuration: '2m' } } },
	'spec.proxy.discoveryRefreshDelay': {
		from: { version: '1.0.9' },
		to: { version: '1.0.9', proxy: { discoveryRefreshDelay: '5s' } },
	},
	'spec.proxy.connectTimeout': { to: { proxy: { connectTimeout: '5s' } } },
	'spec.proxy.serviceCluster': { to: { proxy: { serviceCluster: 'shop' } } },
	'spec.pilot.replicas': { to: two },
	'spec.pilot.autoscaling.minReplicas': {
		from: { pilot: { autoscaling } },
		to: { pilot: { autoscaling: { ...autoscaling, minReplicas: 3 } } },
	},
	'spec.pilot.autoscaling.maxReplicas': {
		from: { pilot: { autoscaling } },
		to: { pilot: { autoscaling: { ...autoscaling, maxReplicas: 9 } } },
	},
	'spec.pilot.autoscaling.targetCPUUtilization': {
		from: { pilot: { autoscaling } },
		to: { pilot: { autoscaling: { ...autoscaling, targetCPUUtilization: 90 } } },
	},
	'spec.pilot.disruptionBudget.minAvailable': {
		from: two,
		to: { pilot: { replicas: 2, disruptionBudget: { minAvailable: '30%' } } },
	},
	'spec.pilot.disruptionBudget.maxUnavailable': { to: { pilot: { disruptionBudget: { maxUnavailable: 1 } } } },
	'spec.pilot.resources.requests': { to: { pilot: { resources: { requests: { cpu: '1' } } } } },
	'spec.pilot.resources.limits': { to: { pilot: { resources: { limits: { memory: '4Gi' } } } } },
	'spec.pilot.nodeSelector': { to: { pilot: { nodeSelector: { pool: 'mesh' } } } },
	'spec.pilot.tolerations': { to: { pilot: { tolerations: [{ operator: 'Exists' }] } } },
	'spec.pilot.affinity': { to: { pilot: { affinity: { podAffinity: {} } } } },
	'spec.pilot.topologySpreadConstraints': {
		to: {
			pilot: { topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] },
		},
	},
	'spec.pilot.priorityClassName': { to: { pilot: { priorityClassName: 'system-cluster-critical' } } },
	'spec.pilot.podAnnotations': { to: { pilot: { podAnnotations: { 'example.com/a': 'b' } } } },
	'spec.pilot.podLabels': { to: { pilot: { podLabels: { team: 'mesh' } } } },
	'spec.pilot.env': { to: { pilot: { env: [{ name: 'GODEBUG', value: 'gctrace=1' }] } } },
	'spec.pilot.kubeconfigSecret.name': { to: { pilot: { kubeconfigSecret: { name: 'served' } } } },
	'spec.pilot.kubeconfigSecret.key': {
		from: { pilot: { kubeconfigSecret: { name: 'served' } } },
		to: { pilot: { kubeconfigSecret: { name: 'served', key: 'eu' } } },
	},
	'spec.multiCluster.network': { to: { multiCluster: { network: 'here' } } },
	// Names and networks of the entries are tested below.
	'spec.multiCluster.clusters': {
		from: { multiCluster: { network: 'here' } },
		to: { multiCluster: { network: 'here', clusters: [cluster] } },
	},
	'spec.pilot.extraArgs': { to: { pilot: { extraArgs: ['--resync=5m'] } } },
};

/**
 * The fields that every component's pods have, each with a value that differs from the default. `place` puts it into a
 * spec.
 */
function podChanges(path: string, place: (fields: Fields) => Fields, extraArg: string): typeof changes {
	const fields: Readonly<Record<string, Fields>> = {
		'disruptionBudget.maxUnavailable': { disruptionBudget: { maxUnavailable: 1 } },
		'resources.requests': { resources: { requests: { cpu: '3' } } },
		'resources.limits': { resources: { limits: { memory: '5Gi' } } },
		nodeSelector: { nodeSelector: { pool: 'mesh' } },
		tolerations: { tolerations: [{ operator: 'Exists' }] },
		affinity: { affinity: { podAffinity: {} } },
		topologySpreadConstraints: {
			topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }],
		},
		priorityClassName: { priorityClassName: 'system-cluster-critical' },
		podAnnotations: { podAnnotations: { 'example.com/a': 'b' } },
		podLabels: { podLabels: { team: 'mesh' } },
		env: { env: [{ name: 'GODEBUG', value: 'gctrace=2' }] },
		extraArgs: { extraArgs: [extraArg] },
	};
	return Object.fromEntries(
		Object.entries(fields).map(([name, value]) => [`${path}.${name}`, { from: place({}), to: place(value) }]),
	);
}

/** The same for components that can run as several pods. */
function workloadChanges(path: string, place: (fields: Fields) => Fields, extraArg: string): typeof changes {
	const scaled = (fields: Fields) => place({ autoscaling: { ...autoscaling, ...fields } });
	return {
		...podChanges(path, place, extraArg),
		[`${path}.replicas`]: { from: place({ replicas: 2 }), to: place({ replicas: 3 }) },
		[`${path}.autoscaling.minReplicas`]: { from: scaled({}), to: scaled({ minReplicas: 3 }) },
		[`${path}.autoscaling.maxReplicas`]: { from: scaled({}), to: scaled({ maxReplicas: 9 }) },
		[`${path}.autoscaling.targetCPUUtilization`]: { from: scaled({}), to: scaled({ targetCPUUtilization: 90 }) },
		[`${path}.disruptionBudget.minAvailable`]: {
			from: place({ replicas: 2 }),
			to: place({ replicas: 2, disruptionBudget: { minAvailable: '30%' } }),
		},
	};
}

function gatewayChanges(key: 'ingress' | 'egress'): typeof changes {
	const path = `spec.gateways.${key}`;
	const place = (fields: Fields) => ({ gateways: { [key]: { enabled: true, ...fields } } });
	const service = (fields: Fields) => place({ service: { type: 'LoadBalancer', ...fields } });
	const from = service({});
	return {
		...workloadChanges(path, place, '--proxyLogLevel=debug'),
		[`${path}.enabled`]: { to: place({}) },
		[`${path}.service.type`]: { from, to: service({ type: 'NodePort' }) },
		[`${path}.service.ports`]: { from, to: service({ ports: [{ name: 'http2', port: 8080 }] }) },
		[`${path}.service.annotations`]: { from, to: service({ annotations: { 'example.com/lb': 'internal' } }) },
		[`${path}.service.externalTrafficPolicy`]: { from, to: service({ externalTrafficPolicy: 'Local' }) },
		[`${path}.service.loadBalancerSourceRanges`]: { from, to: service({ loadBalancerSourceRanges: ['10.0.0.0/8'] }) },
	};
}

function mixerChanges(): typeof changes {
	const policy = (fields: Fields) => ({ mixer: { policy: { enabled: true, ...fields } } });
	const telemetry = (fields: Fields) => ({ mixer: { telemetry: { enabled: true, ...fields } } });
	const from = telemetry({});
	const batch = (fields: Fields) => telemetry({ reportBatch: fields });
	return {
		...workloadChanges('spec.mixer.policy', policy, '--log_as_json'),
		...workloadChanges('spec.mixer.telemetry', telemetry, '--log_as_json'),
		'spec.mixer.policy.enabled': { to: policy({}) },
		'spec.mixer.policy.failOpen': { from: policy({}), to: policy({ failOpen: true }) },
		'spec.mixer.telemetry.enabled': { to: telemetry({}) },
		'spec.mixer.telemetry.reportBatch.maxEntries': { from, to: batch({ maxEntries: 10 }) },
		'spec.mixer.telemetry.reportBatch.maxTime': { from, to: batch({ maxTime: '5s' }) },
		'spec.mixer.adapters': { from, to: { mixer: { ...from.mixer, adapters: [{ stdio: {} }] } } },
		'spec.images.digests.mixer': { from, to: { ...from, images: { digests: { mixer: digest } } } },
	};
}

/** Backends of Mixer, by the path of each field below an entry of the list. */
const adapterChanges: Readonly<Record<string, readonly [from: Fields, to: Fields]>> = {
	'prometheus.metricsExpiry': [{ prometheus: {} }, { prometheus: { metricsExpiry: '1h' } }],
	'stdio.json': [{ stdio: {} }, { stdio: { json: false } }],
	...Object.fromEntries(
		Object.entries({
			address: 'other:8125',
			prefix: 'istio',
			flushDuration: '1s',
			flushBytes: 1432,
			samplingRate: 0.5,
			metrics: { requestcount: { nameTemplate: 'requests' } },
		}).map(([name, value]) => [
			`statsd.${name}`,
			[{ statsd: { address: 'statsd:8125' } }, { statsd: { address: 'statsd:8125', [name]: value } }] as const,
		]),
	),
	...Object.fromEntries(
		Object.entries({ name: 'other', address: 'other:80', templates: ['logentry'], params: { key: 'value' } }).map(
			([name, value]) => {
				const custom = { name: 'own', address: 'own:80', templates: ['metric'] };
				return [`custom.${name}`, [{ custom }, { custom: { ...custom, [name]: value } }] as const];
			},
		),
	),
};

for (const [path, [from, to]] of Object.entries(adapterChanges)) {
	test(`${path} of a backend changes what is rendered`, (t) => {
		const spec = (adapter: Fields) => ({ mixer: { telemetry: { enabled: true }, adapters: [adapter] } });
		t.not(rendered(spec(to)), rendered(spec(from)));
	});
}

/** Fields of a joined cluster that change what is rendered here. */
const clusterChanges: Readonly<Record<string, Fields>> = {
	name: { name: 'other' },
	network: { network: 'there' },
};

/** The other fields of a joined cluster: how it is reached, and what is rendered for it (`data-plane.test.ts`). */
const clusterControl = [
	'role',
	'kubeconfigSecret.name',
	'kubeconfigSecret.namespace',
	'kubeconfigSecret.key',
	'server',
	'podCIDRs',
	'serviceCIDRs',
	'dataPlane.enabled',
	'dataPlane.controlPlaneAddresses',
];

test('every field of a joined cluster is known here, and nothing else is', (t) => {
	const { clusters } = multiCluster.shape;
	const list = clusters.unwrap();
	t.true(list instanceof z.ZodArray);
	const known = [...Object.keys(clusterChanges), ...clusterControl].map((path) => `clusters.${path}`);
	t.deepEqual([...leaves((list as z.ZodArray).element, 'clusters')].sort(), known.sort());
});

for (const [path, fields] of Object.entries(clusterChanges)) {
	test(`${path} of a joined cluster changes what is rendered`, (t) => {
		const spec = (entry: Fields) => ({ multiCluster: { network: 'here', clusters: [{ ...cluster, ...entry }] } });
		t.not(rendered(spec(fields)), rendered(spec({})));
	});
}

/** The paths of all fields without fields of their own. */
function leaves(schema: z.core.$ZodType, path: string): readonly string[] {
	if (schema instanceof z.ZodExactOptional || schema instanceof z.ZodDefault) {
		return leaves(schema.unwrap(), path);
	}
	return schema instanceof z.ZodObject
		? Object.entries(schema.shape as Readonly<Record<string, z.core.$ZodType>>).flatMap(([name, field]) =>
				leaves(field, `${path}.${name}`),
			)
		: [path];
}

/** The fields for the number of a component's pods. */
function replicaChanges(path: string, place: (fields: Fields) => Fields): typeof changes {
	const fields: Readonly<Record<string, readonly [Fields, Fields]>> = {
		replicas: [{}, { replicas: 3 }],
		'autoscaling.minReplicas': [{ autoscaling }, { autoscaling: { ...autoscaling, minReplicas: 3 } }],
		'autoscaling.maxReplicas': [{ autoscaling }, { autoscaling: { ...autoscaling, maxReplicas: 9 } }],
		'autoscaling.targetCPUUtilization': [
			{ autoscaling },
			{ autoscaling: { ...autoscaling, targetCPUUtilization: 90 } },
		],
		'disruptionBudget.minAvailable': [two.pilot, { replicas: 2, disruptionBudget: { minAvailable: '30%' } }],
	};
	return Object.fromEntries(
		Object.entries(fields).map(([name, [from, to]]) => [`${path}.${name}`, { from: place(from), to: place(to) }]),
	);
}

const injectionChanges: typeof changes = {
	'spec.profile': { to: { profile: 'default' } },
	'spec.sidecarInjector.enabled': { to: withInjector({}) },
	'spec.images.digests.sidecarInjector': {
		from: withInjector({}),
		to: { ...withInjector({}), images: { digests: { sidecarInjector: digest } } },
	},
	// Since 1.4 the init container has the image of the proxy.
	'spec.images.digests.proxyInit': {
		from: { ...withInjector({}), version: '1.3.8' },
		to: { ...withInjector({}), version: '1.3.8', images: { digests: { proxyInit: digest } } },
	},
	'spec.sidecarInjector.policy': { from: withInjector({}), to: withInjector({ policy: 'disabled' }) },
	'spec.sidecarInjector.neverInject': {
		from: withInjector({}),
		to: withInjector({ neverInject: [{ matchLabels: { a: 'b' } }] }),
	},
	'spec.sidecarInjector.alwaysInject': {
		from: withInjector({}),
		to: withInjector({ alwaysInject: [{ matchLabels: { a: 'b' } }] }),
	},
	'spec.proxy.includeIPRanges': inPods({ includeIPRanges: ['10.0.0.0/8'] }),
	'spec.proxy.excludeIPRanges': inPods({ excludeIPRanges: ['10.0.0.0/8'] }),
	'spec.proxy.includeInboundPorts': inPods({ includeInboundPorts: [80] }),
	'spec.proxy.excludeInboundPorts': inPods({ excludeInboundPorts: [22] }),
	'spec.proxy.uid': inPods({ uid: 4711 }),
	'spec.proxy.resources.requests': inPods({ resources: { requests: { cpu: '1' } } }),
	'spec.proxy.resources.limits': inPods({ resources: { limits: { cpu: '1' } } }),
	'spec.proxy.initResources.requests': inPods({ initResources: { requests: { cpu: '1' } } }),
	'spec.proxy.initResources.limits': inPods({ initResources: { limits: { cpu: '1' } } }),
};

const allChanges: typeof changes = {
	...changes,
	...podChanges('spec.citadel', withCitadel, '--key-size=4096'),
	...podChanges('spec.sidecarInjector', withInjector, '--log_as_json=true'),
	...replicaChanges('spec.sidecarInjector', withInjector),
	...injectionChanges,
	...gatewayChanges('ingress'),
	...gatewayChanges('egress'),
	...mixerChanges(),
};

const supported = leaves(specSchema, 'spec').filter((path) => supportGap(path) === undefined);

test('every supported field of the API is known here, and nothing else is', (t) => {
	t.deepEqual([...Object.keys(allChanges), ...control, ...refused].sort(), [...supported].sort());
});

function rendered(spec: Fields): string {
	return JSON.stringify(render(meshOf({ version: '1.4.10', ...spec })));
}

for (const [path, { from = {}, to }] of Object.entries(allChanges)) {
	test(`${path} changes what is rendered`, (t) => {
		t.not(rendered(to), rendered(from));
	});
}
