import test from 'ava';
import { checkMeshConfig, isKnown } from './mesh-config-check.ts';
import { meshConfigFields, proxyConfigFields } from './mesh-config-fields.ts';
import type { ClassicRelease } from './release.ts';
import { classicReleases } from './releases.ts';

function release(minor: string): ClassicRelease {
	const found = classicReleases.find((candidate) => candidate.minor === minor);
	if (found === undefined) {
		throw new Error(`no release ${minor}`);
	}
	return found;
}

/** Path below spec.mesh.config and reason of each problem. */
function problems(minor: string, config: Readonly<Record<string, unknown>>): readonly string[] {
	return checkMeshConfig(release(minor), config).map(
		({ path, reason }) => `${path.replace('spec.mesh.config.', '')} ${reason}`,
	);
}

test('the mesh configuration of 1.0 has exactly the fields of its strict parser', (t) => {
	const known = (fields: typeof meshConfigFields) =>
		Object.entries(fields)
			.filter(([, field]) => isKnown(field, '1.0'))
			.map(([name]) => name);
	t.deepEqual(known(meshConfigFields), [
		'accessLogFile',
		'authPolicy',
		'connectTimeout',
		'defaultConfig',
		'disablePolicyChecks',
		'enableClientSidePolicyCheck',
		'enableTracing',
		'ingressClass',
		'ingressControllerMode',
		'ingressService',
		'mixerAddress',
		'mixerCheckServer',
		'mixerReportServer',
		'policyCheckFailOpen',
		'proxyHttpPort',
		'proxyListenPort',
		'rdsRefreshDelay',
		'sdsRefreshDelay',
		'sdsUdsPath',
	]);
	t.deepEqual(known(proxyConfigFields), [
		'availabilityZone',
		'binaryPath',
		'concurrency',
		'configPath',
		'connectTimeout',
		'controlPlaneAuthPolicy',
		'customConfigFile',
		'discoveryAddress',
		'discoveryRefreshDelay',
		'drainDuration',
		'interceptionMode',
		'parentShutdownDuration',
		'proxyAdminPort',
		'proxyBootstrapTemplatePath',
		'serviceCluster',
		'statNameLength',
		'statsdUdpAddress',
		'zipkinAddress',
	]);
});

test('a field that came later is refused for an older release, with the release that has it', (t) => {
	t.deepEqual(problems('1.0', { dnsRefreshRate: '5s' }), ['dnsRefreshRate FieldNotInRelease']);
	t.regex(checkMeshConfig(release('1.0'), { dnsRefreshRate: '5s' })[0]?.remedy ?? '', /1\.1 or newer/);
	t.deepEqual(problems('1.1', { dnsRefreshRate: '5s' }), []);
	t.deepEqual(problems('1.2', { reportBatchMaxEntries: 10 }), ['reportBatchMaxEntries FieldNotInRelease']);
	t.deepEqual(problems('1.3', { reportBatchMaxEntries: 10 }), []);
});

test('a field that no release has is refused, and a near name is offered', (t) => {
	t.deepEqual(problems('1.4', { nonsense: 1 }), ['nonsense FieldNotInRelease']);
	t.is(checkMeshConfig(release('1.4'), { dns_refresh_rate: '5s' })[0]?.remedy, 'Write dnsRefreshRate.');
	t.deepEqual(problems('1.4', { toString: 'x', constructor: 'x' }), [
		'toString FieldNotInRelease',
		'constructor FieldNotInRelease',
	]);
});

test('what has a field of its own in the MeshInstallation is sent there', (t) => {
	for (const minor of ['1.0', '1.4']) {
		const [problem] = checkMeshConfig(release(minor), { enableTracing: true });
		t.like(problem, { reason: 'Invalid', remedy: 'Set spec.mesh.tracing.enabled instead.' });
	}
	t.deepEqual(problems('1.4', { defaultConfig: { concurrency: 1, tracing: { zipkin: { address: 'a:1' } } } }), [
		'defaultConfig.concurrency Invalid',
		'defaultConfig.tracing.zipkin Invalid',
	]);
});

test('what breaks Pilot on today’s Kubernetes is refused in every release that has it', (t) => {
	for (const { minor } of classicReleases) {
		t.deepEqual(problems(minor, { ingressControllerMode: 'STRICT' }), ['ingressControllerMode Invalid']);
		t.deepEqual(problems(minor, { ingressControllerMode: 'OFF' }), [], 'saying what is so is no mistake');
	}
	t.deepEqual(problems('1.1', { configSources: [{ address: 'istio-galley:9901' }] }), ['configSources Invalid']);
	t.deepEqual(problems('1.4', { certificates: [] }), ['certificates Invalid']);
});

test('what a release parses and never reads is refused', (t) => {
	t.deepEqual(problems('1.0', { rdsRefreshDelay: '5s' }), []);
	t.deepEqual(problems('1.1', { rdsRefreshDelay: '5s' }), ['rdsRefreshDelay FieldNotInRelease']);
	t.deepEqual(problems('1.4', { ingressService: 'gw', ingressClass: 'istio', mixerAddress: 'a:1' }), [
		'ingressService FieldNotInRelease',
		'ingressClass FieldNotInRelease',
		'mixerAddress FieldNotInRelease',
	]);
});

test('every problem is reported, each at its own path', (t) => {
	t.deepEqual(
		problems('1.4', {
			disablePolicyChecks: 'yes',
			connectTimeout: '31s',
			proxyListenPort: 70000,
			mixerCheckServer: 'istio-policy',
			trustDomainAliases: ['a', 1],
			h2UpgradePolicy: 'SOMETIMES',
			tcpKeepalive: { probes: 3, time: 'soon', often: true },
			localityLbSetting: { distribute: [{ from: 'a/b', to: { 'c/d': 'half' } }] },
			defaultConfig: ['x'],
			sdsUdsPath: '',
			dnsRefreshRate: null,
		}),
		[
			'disablePolicyChecks Invalid',
			'connectTimeout Invalid',
			'proxyListenPort Invalid',
			'mixerCheckServer Invalid',
			'trustDomainAliases[1] Invalid',
			'h2UpgradePolicy Invalid',
			'tcpKeepalive.time Invalid',
			'tcpKeepalive.often FieldNotInRelease',
			'localityLbSetting.distribute[0].to[c/d] Invalid',
			'defaultConfig Invalid',
			'sdsUdsPath Invalid',
			'dnsRefreshRate Invalid',
		],
	);
});

test('values that Istio takes are taken', (t) => {
	t.deepEqual(
		problems('1.4', {
			mixerCheckServer: 'istio-policy.istio-system.svc.cluster.local:15004',
			mixerReportServer: '[fd00::1]:15004',
			connectTimeout: '30s',
			protocolDetectionTimeout: '0s',
			enableAutoMtls: true,
			localityLbSetting: { failover: [{ from: 'eu', to: 'us' }], distribute: [{ from: 'a', to: { b: 80, c: 20 } }] },
			defaultConfig: {
				tracing: { datadog: { address: '$(HOST_IP):8126' } },
				envoyMetricsService: { address: 'metrics:9000', tcpKeepalive: { time: '10s' } },
			},
		}),
		[],
	);
});

test('every message starts with its path and every problem has a remedy', (t) => {
	for (const { minor } of classicReleases) {
		for (const name of Object.keys(meshConfigFields)) {
			for (const problem of checkMeshConfig(release(minor), { [name]: Symbol.iterator })) {
				t.true(problem.message.startsWith(problem.path), problem.message);
				t.regex(problem.remedy, /^[A-Z].*\.$/);
			}
		}
	}
});
