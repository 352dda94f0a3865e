import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { resolve } from '../../lines/testing.ts';
import type { ResolveOptions, ResolveResult } from '../index.ts';
import { guardedCitadelFlags, guardedMixerFlags, guardedPilotFlags } from './guarded-flags.ts';
import { checkMeshConfig } from './mesh-config-check.ts';
import { classicReleases } from './releases.ts';
import type { ResolvedClassicMesh } from './resolved.ts';

function resolveSpec(
	spec: Readonly<Record<string, unknown>>,
	options?: ResolveOptions,
): ResolveResult<ResolvedClassicMesh> {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec,
	});
	if (!parsed.ok) {
		throw new Error(JSON.stringify(parsed.problems));
	}
	return resolve(parsed.installation, options);
}

function mesh(spec: Readonly<Record<string, unknown>>, options?: ResolveOptions): ResolvedClassicMesh {
	const result = resolveSpec(spec, options);
	if (!result.ok) {
		throw new Error(JSON.stringify(result.problems));
	}
	return result.mesh;
}

function problems(spec: Readonly<Record<string, unknown>>): readonly string[] {
	const result = resolveSpec(spec);
	return result.ok ? [] : result.problems.map(({ path, reason }) => `${path} ${reason}`);
}

test('the smallest installation resolves for every release', (t) => {
	for (const { version } of classicReleases) {
		const { namespace, images, pilot, traceSampling } = mesh({ version });
		t.is(namespace, 'istio-system');
		t.like(images, { pilot: `docker.io/istio/pilot:${version}`, pullPolicy: 'IfNotPresent', pullSecrets: [] });
		t.deepEqual(pilot.replicas, { kind: 'fixed', count: 1 });
		t.is(pilot.disruptionBudget, undefined);
		t.is(traceSampling, 1);
	}
});

test('the mesh configuration that is written by default holds nothing that its release would refuse or ignore', (t) => {
	for (const release of classicReleases) {
		const { meshConfig } = mesh({ version: release.version, mesh: { tracing: { zipkin: { address: 'z:1' } } } });
		const refused = checkMeshConfig(release, meshConfig).filter(({ message }) => !message.includes('field of its own'));
		t.deepEqual(refused, []);
	}
});

test('an unknown version names those that are known', (t) => {
	const result = resolveSpec({ version: '1.29.3' });
	t.false(result.ok);
	t.like(result.ok ? {} : result.problems[0], {
		path: 'spec.version',
		reason: 'UnsupportedVersion',
		remedy: 'Use one of 1.0.9, 1.1.17, 1.2.10, 1.3.8, 1.4.10, 1.30.8, 1.31.4, 1.32.0.',
	});
	t.deepEqual(problems({ version: '1.4.9' }), ['spec.version UnsupportedVersion']);
});

test('settings that Istio 1.0 does not read are refused for it, all at once', (t) => {
	const spec = {
		mesh: { outboundTraffic: 'REGISTRY_ONLY', trustDomain: 'example.org', accessLog: { encoding: 'TEXT' } },
	};
	t.deepEqual(problems({ ...spec, version: '1.0.9' }), [
		'spec.mesh.accessLog.encoding FieldNotInRelease',
		'spec.mesh.outboundTraffic FieldNotInRelease',
		'spec.mesh.trustDomain FieldNotInRelease',
	]);
	t.deepEqual(problems({ ...spec, version: '1.1.17' }), []);
});

test('polling of Pilot ended with 1.0', (t) => {
	const proxy = { discoveryRefreshDelay: '5s' };
	t.deepEqual(problems({ version: '1.0.9', proxy }), []);
	t.deepEqual(problems({ version: '1.1.17', proxy }), ['spec.proxy.discoveryRefreshDelay FieldNotInRelease']);
});

test('the Zipkin collector is written where each release looks for it', (t) => {
	const tracing = { enabled: true, zipkin: { address: 'tracing:9411' } };
	t.like(mesh({ version: '1.0.9', mesh: { tracing } }).meshConfig, {
		enableTracing: true,
		defaultConfig: { zipkinAddress: 'tracing:9411', tracing: undefined },
	});
	t.like(mesh({ version: '1.1.17', mesh: { tracing } }).meshConfig, {
		defaultConfig: { zipkinAddress: undefined, tracing: { zipkin: { address: 'tracing:9411' } } },
	});
});

test('two tracers are one too many', (t) => {
	const config = { defaultConfig: { tracing: { datadog: { address: 'dd:8126' } } } };
	t.deepEqual(problems({ version: '1.4.10', mesh: { config } }), []);
	t.deepEqual(problems({ version: '1.4.10', mesh: { config, tracing: { zipkin: { address: 'z:1' } } } }), [
		'spec.mesh.config.defaultConfig.tracing Invalid',
	]);
});

test('proxies are told the Pilot of their own namespace, at the port that their release writes', (t) => {
	t.like(mesh({ version: '1.0.9', namespace: 'mesh-a' }).meshConfig, {
		defaultConfig: { discoveryAddress: 'istio-pilot.mesh-a:15007' },
	});
	t.like(mesh({ version: '1.4.10', namespace: 'mesh-a' }).meshConfig, {
		rootNamespace: 'mesh-a',
		defaultConfig: { discoveryAddress: 'istio-pilot.mesh-a:15010' },
	});
});

test('further fields of the mesh configuration win over the release’s defaults', (t) => {
	t.like(
		mesh({
			version: '1.4.10',
			mesh: { config: { dnsRefreshRate: '60s', defaultConfig: { discoveryAddress: 'pilot.example.org:15010' } } },
		}).meshConfig,
		{ dnsRefreshRate: '60s', connectTimeout: '10s', defaultConfig: { discoveryAddress: 'pilot.example.org:15010' } },
	);
});

test('failover between localities is on as in the charts, and off where their own word says so', (t) => {
	const setting = (version: string, localityLbSetting?: unknown) =>
		mesh({ version, mesh: { config: localityLbSetting === undefined ? {} : { localityLbSetting } } }).meshConfig
			.localityLbSetting;
	for (const version of ['1.3.8', '1.4.10']) {
		t.deepEqual(setting(version), { enabled: true });
		t.deepEqual(setting(version, { enabled: true }), { enabled: true });
		t.is(setting(version, { enabled: false, failover: [] }), undefined, 'Pilot takes any value for a yes');
		t.deepEqual(setting(version, { failover: [{ from: 'eu', to: 'us' }] }), { failover: [{ from: 'eu', to: 'us' }] });
	}
	for (const version of ['1.1.17', '1.2.10']) {
		t.is(setting(version), undefined, 'needs no switch');
		t.deepEqual(problems({ version, mesh: { config: { localityLbSetting: { enabled: true } } } }), [
			'spec.mesh.config.localityLbSetting.enabled FieldNotInRelease',
		]);
	}
});

test('a connection takes ten seconds in every release, as in the charts', (t) => {
	for (const { version } of classicReleases) {
		t.like(mesh({ version }).meshConfig.defaultConfig, { connectTimeout: '10s' }, version);
	}
});

test('images: the installation’s registry wins over the operator’s, a digest over a tag', (t) => {
	const digest = `sha256:${'0'.repeat(64)}`;
	const pilot = (images: Readonly<Record<string, unknown>>, options?: ResolveOptions) =>
		mesh({ version: '1.4.10', images }, options).images.pilot;
	t.is(pilot({}, { registry: 'mirror.local/istio' }), 'mirror.local/istio/pilot:1.4.10');
	t.is(pilot({ registry: 'registry.local:5000' }, { registry: 'mirror.local' }), 'registry.local:5000/pilot:1.4.10');
	t.is(pilot({ tag: '1.4.10-distroless' }), 'docker.io/istio/pilot:1.4.10-distroless');
	t.is(pilot({ tag: 'any', digests: { pilot: digest } }), `docker.io/istio/pilot@${digest}`);
});

test('a budget is made from two pods on, and only as asked below', (t) => {
	const budget = (pilot: Readonly<Record<string, unknown>>) =>
		mesh({ version: '1.4.10', pilot }).pilot.disruptionBudget;
	t.is(budget({}), undefined);
	t.is(budget({ autoscaling: { maxReplicas: 5 } }), undefined, 'the autoscaler may go down to one');
	t.deepEqual(budget({ replicas: 2 }), { minAvailable: 1 });
	t.deepEqual(budget({ autoscaling: { minReplicas: 2, maxReplicas: 5 } }), { minAvailable: 1 });
	t.deepEqual(budget({ disruptionBudget: { maxUnavailable: 1 } }), { maxUnavailable: 1 });
});

test('resources are the release’s own, or exactly those given, as Kubernetes stores them', (t) => {
	const resources = (given?: unknown) =>
		mesh({ version: '1.4.10', pilot: given === undefined ? {} : { resources: given } }).pilot.resources;
	t.deepEqual(resources(), { requests: { cpu: '500m', memory: '2Gi' } });
	t.deepEqual(resources({ limits: { memory: '1024Mi', cpu: 1 } }), { limits: { memory: '1Gi', cpu: '1' } });
	t.deepEqual(resources({}), {});
});

test('what the operator decides about Pilot’s pods can not be said twice', (t) => {
	t.deepEqual(
		problems({
			version: '1.4.10',
			pilot: {
				autoscaling: { maxReplicas: 3 },
				resources: { requests: { memory: '1Gi' } },
				env: [{ name: 'GODEBUG', value: '' }, { name: 'POD_NAMESPACE', value: 'x' }, { name: 'PILOT_TRACE_SAMPLING' }],
				extraArgs: [
					'--domain=example.org',
					'--secureGrpcAddr=:15011',
					'-n',
					'elsewhere',
					'--mcpServerAddrs=x',
					'--disable-install-crds=false',
				],
				podLabels: { istio: 'other', team: 'mesh' },
				podAnnotations: { 'sidecar.istio.io/inject': 'true', 'example.com/a': 'b' },
			},
		}),
		[
			'spec.pilot.resources Invalid',
			'spec.pilot.env[1].name Invalid',
			'spec.pilot.env[2].name Invalid',
			'spec.pilot.extraArgs[1] Invalid',
			'spec.pilot.extraArgs[2] Invalid',
			'spec.pilot.extraArgs[4] FieldNotInRelease',
			'spec.pilot.extraArgs[5] Invalid',
			'spec.pilot.podLabels.istio Invalid',
			'spec.pilot.podAnnotations[sidecar.istio.io/inject] Invalid',
		],
	);
});

test('the same installation resolves to equal meshes, and the installation is not touched', (t) => {
	const spec = { version: '1.4.10', mesh: { config: { trustDomainAliases: ['a'] } }, pilot: { replicas: 2 } };
	const before = structuredClone(spec);
	t.deepEqual(resolveSpec(spec), resolveSpec(spec));
	t.deepEqual(spec, before);
});

test('what would have a component trust, or tell, somebody else is refused with what it would do', (t) => {
	t.deepEqual(
		problems({
			version: '1.4.10',
			profile: 'production',
			pilot: {
				env: [
					{ name: 'LD_PRELOAD', value: '/x' },
					{ name: 'KUBERNETES_SERVICE_HOST', value: 'evil.example' },
					{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'crown', key: 'value' } } },
					{ name: 'FLAG', value: '--kubeconfig=/evil' },
				],
				extraArgs: ['--plugins=', '--ctrlz_address=0.0.0.0', '$(FLAG)', '--log_target=/x/$(TOKEN)', '--resync=$(FLAG)'],
				podAnnotations: { 'vault.hashicorp.com/role': 'admin' },
				podLabels: { 'azure.workload.identity/use': 'true' },
			},
			mixer: { telemetry: { extraArgs: ['--profile=true'], env: [{ name: 'KUBECONFIG', value: '/x' }] } },
			citadel: { extraArgs: ['--sign-ca-certs', '--enable-profiling'], env: [{ name: 'PATH', value: '/x' }] },
		}),
		[
			'spec.pilot.env[0].name Invalid',
			'spec.pilot.env[1].name Invalid',
			'spec.pilot.extraArgs[0] Invalid',
			'spec.pilot.extraArgs[1] Invalid',
			'spec.pilot.extraArgs[2] Invalid',
			'spec.pilot.extraArgs[3] Invalid',
			'spec.pilot.podLabels[azure.workload.identity/use] Invalid',
			'spec.pilot.podAnnotations[vault.hashicorp.com/role] Invalid',
			'spec.mixer.telemetry.env[0].name Invalid',
			'spec.mixer.telemetry.extraArgs[0] Invalid',
			'spec.citadel.env[0].name Invalid',
			'spec.citadel.extraArgs[0] Invalid',
			'spec.citadel.extraArgs[1] Invalid',
		],
	);
});

test('a guarded flag is one that its release knows', (t) => {
	const guarded = [
		...Object.keys(guardedPilotFlags).map((flag) => ['pilot', flag] as const),
		...Object.keys(guardedMixerFlags).map((flag) => ['mixer', flag] as const),
		...Object.keys(guardedCitadelFlags).map((flag) => ['citadel', flag] as const),
	];
	for (const [component, flag] of guarded) {
		t.true(
			classicReleases.some((release) => release[component].flags.includes(flag)),
			`${component} ${flag}`,
		);
	}
});
