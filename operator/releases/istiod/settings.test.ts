import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { parse } from 'yaml';
import { problemsOf } from '../../lines/istiod-testing.ts';
import { type Fate, fateOf, settings } from './settings.ts';

const definition = new URL('../../../crds/meshinstallations.yaml', import.meta.url);

interface Schema {
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly items?: Schema;
}

/** The paths of all settings. Below a list nothing is decided by itself. */
function pathsOf(path: string, { properties }: Schema): readonly string[] {
	return properties === undefined
		? [path]
		: Object.entries(properties).flatMap(([name, below]) => pathsOf(`${path}.${name}`, below));
}

test('each setting of a MeshInstallation is honoured, translated or refused, and no other one is decided about', async (t) => {
	const { spec } = parse(await readFile(definition, 'utf8'));
	const paths = pathsOf('spec', spec.versions[0].schema.openAPIV3Schema.properties.spec);
	t.true(paths.length > 150);
	t.deepEqual(
		paths.filter((path) => fateOf(path) === undefined),
		[],
		'settings that nobody decided about',
	);
	const known = (path: string) => paths.some((one) => one === path || one.startsWith(`${path}.`));
	t.deepEqual(
		Object.keys(settings).filter((path) => !known(path)),
		[],
		'decisions about settings that are not there',
	);
});

const version = '1.31.4';

const refused: readonly (readonly [spec: Readonly<Record<string, unknown>>, path: string, message: RegExp])[] = [
	[{ mixer: { policy: { enabled: true } } }, 'spec.mixer.policy.enabled', /there is no Mixer/],
	[{ mixer: { policy: { enabled: false, replicas: 2 } } }, 'spec.mixer.policy.replicas', /there is no Mixer/],
	[
		{ mixer: { telemetry: { enabled: true, reportBatch: { maxEntries: 5 } } } },
		'spec.mixer.telemetry.reportBatch',
		/do not report to Mixer/,
	],
	[
		{ mixer: { adapters: [{ custom: { name: 'a', address: 'a.b:80', templates: ['metric'] } }] } },
		'spec.mixer.adapters[0].custom',
		/nothing calls adapters/,
	],
	[
		{ mixer: { adapters: [{ prometheus: { metricsExpiry: '1m' } }] } },
		'spec.mixer.adapters[0].prometheus.metricsExpiry',
		/keep their metrics/,
	],
	[
		{ mixer: { adapters: [{ statsd: { address: 'a.b:80', prefix: 'x' } }] } },
		'spec.mixer.adapters[0].statsd.prefix',
		/has no effect/,
	],
	[
		{ pilot: { kubeconfigSecret: { name: 'elsewhere' } } },
		'spec.pilot.kubeconfigSecret',
		/an istiod outside of the cluster that it serves/,
	],
	[{ pilot: { env: [{ name: 'EXTERNAL_CA', value: 'x' }] } }, 'spec.pilot.env[0].name', /the operator sets it/],
	[{ pilot: { env: [{ name: 'K8S_SIGNER', value: 'x' }] } }, 'spec.pilot.env[0].name', /the operator sets it/],
	[{ pilot: { env: [{ name: 'CERT_SIGNER_DOMAIN', value: 'x' }] } }, 'spec.pilot.env[0].name', /the operator sets it/],
	[{ citadel: { enabled: false } }, 'spec.citadel.external', /must be set/],
	[
		{ citadel: { workloadCertTTL: '800h', intermediates: { rootSecret: { name: 'root', namespace: 'x' } } } },
		'spec.citadel.intermediates.lifetime',
		/2160h must be three times spec\.citadel\.workloadCertTTL \(800h\) at least/,
	],
	[
		{ citadel: { enabled: false, caSecretName: 'cacerts', external: { address: 'csr.cert-manager.svc:443' } } },
		'spec.citadel.caSecretName',
		/signs nothing/,
	],
	[{ citadel: { enabled: true, nodeSelector: { a: 'b' } } }, 'spec.citadel.nodeSelector', /no pods of its own/],
	[{ sidecarInjector: { enabled: true, replicas: 2 } }, 'spec.sidecarInjector.replicas', /no pods of its own/],
	[{ proxy: { uid: 1338 } }, 'spec.proxy.uid', /must be 1337/],
	[{ proxy: { discoveryRefreshDelay: '1s' } }, 'spec.proxy.discoveryRefreshDelay', /do not poll/],
	[{ mesh: { mtls: { controlPlane: false } } }, 'spec.mesh.mtls.controlPlane', /TLS alone/],
	[
		{ profile: 'minimal', gateways: { ingress: { enabled: true } } },
		'spec.gateways.ingress.enabled',
		/comes by injection/,
	],
	[
		{ gateways: { egress: { enabled: false, podAnnotations: { 'inject.istio.io/templates': 'sidecar' } } } },
		'spec.gateways.egress.podAnnotations[inject.istio.io/templates]',
		/the operator sets it/,
	],
	[
		{ gateways: { ingress: { enabled: false, podLabels: { 'topology.istio.io/network': 'far' } } } },
		'spec.gateways.ingress.podLabels[topology.istio.io/network]',
		/the operator sets it/,
	],
	[
		{ gateways: { ingress: { enabled: false, env: [{ name: 'PROXY_CONFIG', value: '{}' }] } } },
		'spec.gateways.ingress.env[0].name',
		/the operator sets it/,
	],
	[
		{ gateways: { ingress: { enabled: false, extraArgs: ['--templateFile=/x'] } } },
		'spec.gateways.ingress.extraArgs[0]',
		/the operator sets it/,
	],
	[
		{ gateways: { ingress: { enabled: false, extraArgs: ['--statusPort=15020'] } } },
		'spec.gateways.ingress.extraArgs[0]',
		/does not know/,
	],
	[
		{ gateways: { ingress: { enabled: false, service: { ports: [{ name: 'a', port: 9, protocol: 'SCTP' }] } } } },
		'spec.gateways.ingress.service.ports[0].protocol',
		/listen on TCP and UDP/,
	],
	[
		{ gateways: { ingress: { enabled: false, service: { ports: [{ name: 'a', port: 15_021, targetPort: 80 }] } } } },
		'spec.gateways.ingress.service.ports[0].port',
		/own status port/,
	],
	[{ images: { digests: { mixer: `sha256:${'0'.repeat(64)}` } } }, 'spec.images.digests.mixer', /image of Mixer/],
	[{ mesh: { config: { mixerCheckServer: 'a:1' } } }, 'spec.mesh.config.mixerCheckServer', /not a field/],
	[{ mesh: { config: { access_log_format: 'x' } } }, 'spec.mesh.config.access_log_format', /not a field/],
	[{ mesh: { config: { rootNamespace: 'x' } } }, 'spec.mesh.config.rootNamespace', /must not be set here/],
	[{ mesh: { config: { dnsRefreshRate: 5 } } }, 'spec.mesh.config.dnsRefreshRate', /must be a duration/],
	[
		{ mesh: { config: { extensionProviders: [{ name: 'a', zipkin: { port: '9411' } }] } } },
		'spec.mesh.config.extensionProviders[0].zipkin.port',
		/must be a whole number/,
	],
	[
		{ mesh: { config: { defaultConfig: { proxyMetadata: { A: 1 } } } } },
		'spec.mesh.config.defaultConfig.proxyMetadata.A',
		/must be a text/,
	],
	[
		{ mesh: { config: { ingressControllerMode: 'SOMETIMES' } } },
		'spec.mesh.config.ingressControllerMode',
		/must be one of DEFAULT, OFF, STRICT/,
	],
	[{ pilot: { env: [{ name: 'REVISION', value: 'x' }] } }, 'spec.pilot.env[0].name', /the operator sets it/],
	[{ pilot: { extraArgs: ['--meshConfig=/x'] } }, 'spec.pilot.extraArgs[0]', /the operator sets it/],
];

for (const [spec, path, message] of refused) {
	test(`refused: ${JSON.stringify(spec).slice(0, 90)}`, (t) => {
		const problems = problemsOf({ version, ...spec });
		t.deepEqual(
			problems.map((problem) => problem.path),
			[path],
		);
		t.regex(problems[0]?.message ?? '', message);
		t.regex(problems[0]?.remedy ?? '', /\.$/);
	});
}

test('a field of the mesh configuration is refused by the releases before it, with the first that knows it', (t) => {
	const config = { zoneAwareLbSetting: {} };
	t.deepEqual(problemsOf({ version: '1.31.4', mesh: { config } }), []);
	t.like(problemsOf({ version: '1.30.8', mesh: { config } }), [
		{ reason: 'FieldNotInRelease', remedy: 'Leave it out, or install Istio 1.31 or newer.' },
	]);
});

test('what says what is so anyway is taken', (t) => {
	const spec = {
		version,
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'PERMISSIVE', controlPlane: true } },
		mixer: { policy: { enabled: false }, telemetry: { enabled: true } },
		proxy: { uid: 1337 },
	};
	t.deepEqual(problemsOf(spec), []);
});

const page = new URL('../../../docs/istiod.md', import.meta.url);

function told(fate: Fate): string {
	switch (fate.is) {
		case 'honoured':
			return 'honoured';
		case 'translated':
			return `becomes ${fate.as}`;
		case 'refused': {
			const but = 'but' in fate ? ` (except ${JSON.stringify(fate.but)})` : '';
			return `refused${but}: ${fate.why}. ${fate.remedy}`;
		}
	}
}

test('docs/istiod.md has the table', async (t) => {
	const rows = Object.entries(settings).map(([path, fate]) => `| \`${path}\` | ${told(fate)} |`);
	const table = ['| setting | what becomes of it |', '| --- | --- |', ...rows].join('\n');
	const written = await readFile(page, 'utf8');
	const expected = written.replace(/(<!-- table: settings -->\n).*?(<!-- end -->)/s, `$1${table}\n$2`);
	if (process.env.UPDATE_GOLDEN === '1') await writeFile(page, expected);
	t.is(await readFile(page, 'utf8'), expected);
});
