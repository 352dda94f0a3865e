import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { resolve } from '../../lines/testing.ts';
import { classicReleases } from './releases.ts';
import type { ResolvedClassicMesh } from './resolved.ts';

type Fields = Readonly<Record<string, unknown>>;

const on = { enabled: true };
const off = { enabled: false };
const both = { policy: on, telemetry: on };

function result(spec: Fields) {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', ...spec },
	});
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems));
	}
	return resolve(parsed.installation);
}

function problems(spec: Fields): readonly string[] {
	const resolved = result(spec);
	return resolved.ok ? [] : resolved.problems.map(({ path, reason }) => `${path} ${reason}`);
}

function mesh(spec: Fields): ResolvedClassicMesh {
	const resolved = result(spec);
	if (!resolved.ok) {
		throw new Error(JSON.stringify(resolved.problems));
	}
	return resolved.mesh;
}

/** The part of the mesh configuration about Mixer. */
function mixerFields(spec: Fields): Fields {
	const ofMixer = /^(mixer|disablePolicy|policyCheck|reportBatch)/;
	return Object.fromEntries(Object.entries(mesh(spec).meshConfig).filter(([name]) => ofMixer.test(name)));
}

test('a mesh without Mixer says nothing of it', (t) => {
	t.deepEqual(mixerFields({}), {});
	t.deepEqual(mesh({}).mixer, { adapters: [] });
});

test('proxies find both services, and check as they are asked to', (t) => {
	t.deepEqual(mixerFields({ mixer: both }), {
		disablePolicyChecks: false,
		policyCheckFailOpen: false,
		mixerCheckServer: 'istio-policy.istio-system.svc.cluster.local:9091',
		mixerReportServer: 'istio-telemetry.istio-system.svc.cluster.local:9091',
		reportBatchMaxEntries: 100,
		reportBatchMaxTime: '1s',
	});
	t.deepEqual(mixerFields({ version: '1.0.9', namespace: 'mesh', mixer: both }), {
		disablePolicyChecks: false,
		policyCheckFailOpen: false,
		mixerCheckServer: 'istio-policy.mesh.svc.cluster.local:9091',
		mixerReportServer: 'istio-telemetry.mesh.svc.cluster.local:9091',
	});
});

test('under mutual TLS with the control plane proxies dial the secure port', (t) => {
	t.like(mixerFields({ mixer: both, citadel: on, mesh: { mtls: { controlPlane: true } } }), {
		mixerCheckServer: 'istio-policy.istio-system.svc.cluster.local:15004',
		mixerReportServer: 'istio-telemetry.istio-system.svc.cluster.local:15004',
	});
});

test('with one service alone the other is not asked, in every release', (t) => {
	for (const { version } of classicReleases) {
		const telemetry = mixerFields({ version, mixer: { telemetry: on } });
		t.is(telemetry.disablePolicyChecks, true, version);
		t.is(telemetry.mixerCheckServer, undefined);
		const policy = mixerFields({ version, mixer: { policy: on } });
		t.is(policy.disablePolicyChecks, false, version);
		t.is(policy.mixerReportServer, undefined);
	}
});

test('what is said about checks and reports is written', (t) => {
	const mixer = {
		policy: { ...on, failOpen: true },
		telemetry: { ...on, reportBatch: { maxEntries: 10, maxTime: '250ms' } },
	};
	t.like(mixerFields({ mixer }), {
		policyCheckFailOpen: true,
		reportBatchMaxEntries: 10,
		reportBatchMaxTime: '250ms',
	});
	const config = { disablePolicyChecks: true };
	t.like(mixerFields({ mixer, mesh: { config } }), config, 'checks by annotation alone');
});

test('a Mixer elsewhere is found by further fields, and beside a Mixer here they are refused', (t) => {
	const config = { mixerCheckServer: 'istio-policy.other:9091', mixerReportServer: 'istio-telemetry.other:9091' };
	t.deepEqual(mixerFields({ mesh: { config } }), config);
	t.deepEqual(problems({ mixer: both, mesh: { config: { ...config, reportBatchMaxTime: '2s' } } }).toSorted(), [
		'spec.mesh.config.mixerCheckServer Invalid',
		'spec.mesh.config.mixerReportServer Invalid',
		'spec.mesh.config.reportBatchMaxTime Invalid',
	]);
	t.deepEqual(
		mixerFields({ mixer: { telemetry: on }, mesh: { config: { mixerCheckServer: config.mixerCheckServer } } }),
		{
			mixerReportServer: 'istio-telemetry.istio-system.svc.cluster.local:9091',
			reportBatchMaxEntries: 100,
			reportBatchMaxTime: '1s',
			mixerCheckServer: 'istio-policy.other:9091',
		},
		'whether they are checked is left to what is said of them',
	);
	t.deepEqual(problems({ version: '1.0.9', mixer: both, mesh: { config: { mixerAddress: 'a:1' } } }), [
		'spec.mesh.config.mixerAddress Invalid',
	]);
});

test('checks that nobody would answer are refused', (t) => {
	const config = { disablePolicyChecks: false };
	t.deepEqual(problems({ mixer: { telemetry: on }, mesh: { config } }), [
		'spec.mesh.config.disablePolicyChecks Invalid',
	]);
	t.deepEqual(problems({ mixer: both, mesh: { config } }), []);
});

test('settings of a service that does not run are refused', (t) => {
	t.deepEqual(problems({ mixer: { policy: { failOpen: false }, telemetry: { replicas: 2 } } }), [
		'spec.mixer.policy.enabled Invalid',
		'spec.mixer.telemetry.enabled Invalid',
	]);
	t.deepEqual(problems({ mixer: { policy: { ...off, failOpen: false }, telemetry: { ...off, reportBatch: {} } } }), [
		'spec.mixer.policy.failOpen Invalid',
		'spec.mixer.telemetry.reportBatch Invalid',
	]);
	t.deepEqual(problems({ mixer: { policy: { ...off, replicas: 2 }, telemetry: {} } }), [], 'kept for later');
	t.deepEqual(problems({ mixer: { policy: on, telemetry: off, adapters: [{ stdio: {} }] } }), [
		'spec.mixer.adapters[0] Invalid',
	]);
	t.deepEqual(problems({ mixer: { policy: on, adapters: [] } }), []);
});

test('reports are gathered as told from 1.3 on', (t) => {
	const mixer = { telemetry: { ...on, reportBatch: { maxEntries: 10 } } };
	for (const { version, minor } of classicReleases) {
		t.deepEqual(
			problems({ version, mixer }),
			minor === '1.3' || minor === '1.4' ? [] : ['spec.mixer.telemetry.reportBatch FieldNotInRelease'],
		);
	}
});

test('flags, variables and labels that the operator decides are refused', (t) => {
	const workload = {
		...on,
		extraArgs: ['--configStoreURL=mcp://galley', '-p=9091', '--useTemplateCRDs', '--nonsense', '--maxMessageSize=1'],
		env: [{ name: 'POD_NAMESPACE', value: 'other' }],
		podLabels: { 'istio-mixer-type': 'policy' },
	};
	t.deepEqual(problems({ version: '1.1.17', mixer: { telemetry: workload } }), [
		'spec.mixer.telemetry.env[0].name Invalid',
		'spec.mixer.telemetry.extraArgs[0] Invalid',
		'spec.mixer.telemetry.extraArgs[1] Invalid',
		'spec.mixer.telemetry.extraArgs[2] Invalid',
		'spec.mixer.telemetry.extraArgs[3] FieldNotInRelease',
		'spec.mixer.telemetry.podLabels[istio-mixer-type] Invalid',
	]);
	t.deepEqual(problems({ version: '1.0.9', mixer: { policy: { ...on, extraArgs: ['--certFile=x'] } } }), [
		'spec.mixer.policy.extraArgs[0] FieldNotInRelease',
	]);
});

test('Prometheus is the backend when none is named, and only where there is something to tell', (t) => {
	t.deepEqual(mesh({ mixer: both }).mixer.adapters, [{ kind: 'prometheus', metricsExpiry: '10m' }]);
	t.deepEqual(mesh({ mixer: { policy: on } }).mixer.adapters, []);
	t.deepEqual(mesh({ mixer: { ...both, adapters: [] } }).mixer.adapters, []);
});

test('Mixer sends spans where the mesh does, once tracing is on', (t) => {
	const zipkin = { address: 'zipkin.tracing:9411' };
	t.is(
		mesh({ mixer: both, mesh: { tracing: { enabled: true, zipkin } } }).mixer.zipkinUrl,
		'http://zipkin.tracing:9411/api/v1/spans',
	);
	t.is(mesh({ mixer: both, mesh: { tracing: { zipkin } } }).mixer.zipkinUrl, undefined);
});

test('a backend is named once', (t) => {
	const custom = { name: 'own', address: 'own:80', templates: ['metric'] };
	t.deepEqual(
		problems({
			mixer: {
				...both,
				adapters: [{ stdio: {} }, { stdio: {} }, { custom }, { custom: { ...custom, name: 'other' } }, { custom }],
			},
		}),
		['spec.mixer.adapters[1].stdio Invalid', 'spec.mixer.adapters[4].custom.name Invalid'],
	);
});

test('an adapter outside of Mixer takes templates that need no further words, from services that run', (t) => {
	const adapters = [
		{ custom: { name: 'own', address: 'own:80', templates: ['metric', 'quota', 'checknothing', 'reportnothing'] } },
	];
	t.deepEqual(problems({ mixer: { telemetry: on, adapters } }), [
		'spec.mixer.adapters[0].custom.templates[1] Invalid',
		'spec.mixer.adapters[0].custom.templates[2] Invalid',
	]);
	t.deepEqual(problems({ mixer: { policy: on, adapters } }), [
		'spec.mixer.adapters[0].custom.templates[0] Invalid',
		'spec.mixer.adapters[0].custom.templates[1] Invalid',
		'spec.mixer.adapters[0].custom.templates[3] Invalid',
	]);
});

const statsd = (metrics: Fields) => ({
	mixer: { telemetry: on, adapters: [{ statsd: { address: 's:8125', metrics } }] },
});

test('metrics for statsd are those of the release, or instances of the user’s own', (t) => {
	const path = 'spec.mixer.adapters[0].statsd.metrics';
	const own = { type: 'GAUGE' };
	t.deepEqual(problems(statsd({ 'queue.instance.shop': own, requestcount: {} })), []);
	t.deepEqual(problems(statsd({ 'queue.metric.shop': own })), [`${path}[queue.metric.shop] Invalid`]);
	t.deepEqual(problems({ version: '1.1.17', ...statsd({ 'queue.metric.shop': own }) }), []);
	t.deepEqual(problems(statsd({ 'requestcount.instance.istio-system': {}, queue: {}, 'a.b': {} })), [
		`${path}[requestcount.instance.istio-system] Invalid`,
		`${path}.queue Invalid`,
		`${path}[a.b] Invalid`,
	]);
	t.deepEqual(problems({ version: '1.0.9', ...statsd({ tcpconnectionsopened: {} }) }), [
		`${path}.tcpconnectionsopened FieldNotInRelease`,
	]);
});

test('types that statsd would drop and dimensions that a metric does not have are refused', (t) => {
	const path = 'spec.mixer.adapters[0].statsd.metrics';
	t.deepEqual(
		problems(
			statsd({
				requestduration: { type: 'COUNTER' },
				requestsize: { type: 'DISTRIBUTION' },
				requestcount: { type: 'GAUGE', nameTemplate: 'r.{{.response_code}}.{{.reporter}}' },
				tcpbytesent: { nameTemplate: '{{.reporter}}.{{.response_code}}' },
			}),
		),
		[
			`${path}.requestduration.type Invalid`,
			`${path}.requestsize.type Invalid`,
			`${path}.tcpbytesent.nameTemplate Invalid`,
		],
	);
});

test('statsd gets all default metrics, each under a name that tells its service', (t) => {
	const [adapter] = mesh({
		version: '1.0.9',
		mixer: {
			telemetry: on,
			adapters: [{ statsd: { address: 's:8125', prefix: 'istio.', metrics: { requestcount: { nameTemplate: 'n' } } } }],
		},
	}).mixer.adapters;
	t.like(adapter, {
		kind: 'statsd',
		prefix: 'istio',
		flushDuration: '300ms',
		flushBytes: 512,
		samplingRate: 1,
	});
	const metrics = adapter?.kind === 'statsd' ? adapter.metrics : {};
	t.deepEqual(Object.keys(metrics), [
		'requestcount',
		'requestduration',
		'requestsize',
		'responsesize',
		'tcpbytesent',
		'tcpbytereceived',
	]);
	t.deepEqual(metrics.requestcount, { type: 'COUNTER', nameTemplate: 'n' });
	t.deepEqual(metrics.requestduration, {
		type: 'DISTRIBUTION',
		nameTemplate: '{{.reporter}}.{{.destination_service_namespace}}.{{.destination_service_name}}.requestduration',
	});
});
