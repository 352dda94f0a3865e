import test from 'ava';
import { parse } from 'yaml';
import { allLines, istiodMeshOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { istiodRelease } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, only } from '../testing.ts';

const version = '1.31.4';

/** The mesh configuration that istiod reads. */
function meshConfigOf(spec: Readonly<Record<string, unknown>>) {
	const objects = renderIstiod(istiodMeshOf({ version, ...spec }));
	return parse(String(at(named(objects, 'ConfigMap', 'istio'), 'data', 'mesh')));
}

function named(objects: readonly KubeObject[], kind: string, name: string): KubeObject | undefined {
	return objects.find((object) => object.kind === kind && object.metadata.name === name);
}

function envOf(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
	const env = at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'containers', 0, 'env');
	return Object.fromEntries(
		(env as readonly { name: string; value?: string }[]).map(({ name, value }) => [name, value]),
	);
}

test('a further release is data alone', (t) => {
	const release = istiodRelease({ version: '1.33.1', kubernetes: { first: '1.34', last: '1.38' } });
	const mesh = { ...istiodMeshOf({ version: '1.32.0', profile: 'default' }), release };
	const objects = renderIstiod(mesh);
	t.is(only(objects, 'Deployment').metadata.labels?.['app.kubernetes.io/version'], '1.33.1');
	t.like(release, { minor: '1.33', line: 'istiod', goMaxProcs: false });
	t.true(allLines.releases.some((one) => one.version === '1.32.0'));
});

test('a compliance policy is for istiod and for all proxies that it makes, and holds Go to FIPS 140-3 since 1.31', (t) => {
	const spec = (policy: string, ...more: readonly object[]) => ({
		profile: 'default',
		pilot: { env: [{ name: 'COMPLIANCE_POLICY', value: policy }, ...more] },
	});
	const of = (release: string, ...given: Parameters<typeof spec>) =>
		renderIstiod(istiodMeshOf({ version: release, ...spec(...given) }));
	t.like(envOf(of('1.31.4', 'fips-140-3')), { COMPLIANCE_POLICY: 'fips-140-3', GODEBUG: 'fips140=only' });
	t.is(envOf(of('1.31.4', 'fips-140-2')).GODEBUG, undefined);
	t.is(envOf(of('1.30.8', 'fips-140-3')).GODEBUG, undefined);
	t.is(
		envOf(of('1.31.4', 'fips-140-3', { name: 'GODEBUG', value: 'fips140=on' })).GODEBUG,
		'fips140=on',
		'the user’s own',
	);
	const template = (release: string) =>
		String(at(named(of(release, 'fips-140-3'), 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config'));
	t.regex(template('1.31.4'), /if eq \.CompliancePolicy \\?"fips-140-3\\?"/);
	t.notRegex(template('1.30.8'), /fips-140-3/);
});

test('what Mixer did becomes settings of the proxies', (t) => {
	const adapters = [{ stdio: { json: false } }, { statsd: { address: 'statsd.monitoring:8125' } }];
	t.like(meshConfigOf({ mixer: { telemetry: { enabled: true }, adapters } }), {
		extensionProviders: [{ name: 'meshwright-stdio', envoyFileAccessLog: { path: '/dev/stdout' } }],
		defaultProviders: { accessLogging: ['meshwright-stdio'] },
		defaultConfig: { statsdUdpAddress: 'statsd.monitoring:8125' },
	});
	t.deepEqual(meshConfigOf({}).defaultProviders, { metrics: ['prometheus'] });
	t.deepEqual(meshConfigOf({ mixer: { telemetry: { enabled: false }, adapters } }).defaultProviders, {});
});

test('providers of the user stand beside ours, and defaults of the user win', (t) => {
	const mine = { name: 'mine', envoyExtAuthzGrpc: { service: 'auth.shop.svc.cluster.local', port: 9000 } };
	const config = meshConfigOf({
		mixer: { adapters: [{ stdio: {} }] },
		mesh: { config: { extensionProviders: [mine], defaultProviders: { accessLogging: ['mine'] } } },
	});
	t.deepEqual(
		config.extensionProviders.map(({ name }: { name: string }) => name),
		['meshwright-stdio', 'mine'],
	);
	t.deepEqual(config.defaultProviders, { accessLogging: ['mine'] });
});

test('the life of certificates is told to istiod and to the agents, which ask for it', (t) => {
	const spec = { version, citadel: { enabled: true, workloadCertTTL: '4000h' } };
	const env = envOf(renderIstiod(istiodMeshOf(spec)));
	t.like(env, { DEFAULT_WORKLOAD_CERT_TTL: '4000h', MAX_WORKLOAD_CERT_TTL: '4000h' });
	t.is(meshConfigOf(spec).defaultConfig.proxyMetadata.SECRET_TTL, '4000h');
	const shorter = envOf(renderIstiod(istiodMeshOf({ version, citadel: { enabled: true, workloadCertTTL: '1h' } })));
	t.is(shorter.MAX_WORKLOAD_CERT_TTL, '2160h', 'proxies that run already ask for more');
});

test('nobody owns what istiod writes into its webhooks', (t) => {
	const objects = renderIstiod(istiodMeshOf({ version, profile: 'default' }));
	const webhooks = objects.filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
	t.is(webhooks.length, 3);
	for (const webhook of webhooks) {
		t.is(webhook.metadata.labels?.['istio.io/rev'], 'default');
		for (const entry of at(webhook, 'webhooks') as readonly object[]) {
			t.false('failurePolicy' in entry);
			t.is(at(entry, 'clientConfig', 'caBundle'), undefined);
		}
	}
});

test('a mesh that injects nothing has no webhook for pods, and the templates all the same', (t) => {
	const objects = renderIstiod(istiodMeshOf({ version }));
	t.false(objects.some(({ kind }) => kind === 'MutatingWebhookConfiguration'));
	const config = parse(String(at(named(objects, 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config')));
	t.is(config.policy, 'disabled');
	t.deepEqual(Object.keys(config.templates), [
		'sidecar',
		'gateway',
		'kube-gateway',
		'grpc-agent',
		'grpc-simple',
		'waypoint',
	]);
});

test('names and values of the mesh that look like a template stay text in it', (t) => {
	const mesh = istiodMeshOf({ version, multiCluster: { clusterName: 'east' } });
	const hostile = { ...mesh, location: { clusterId: '{{ .Values }}', network: '"}}' } };
	const config = parse(
		String(at(named(renderIstiod(hostile), 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config')),
	);
	t.false(config.templates.sidecar.includes('{{ .Values }}'));
});

test('istioctl analyze finds in the values of injection what it reads, and the image that pods get', (t) => {
	const valuesOf = (images: object) => {
		const objects = renderIstiod(istiodMeshOf({ version, profile: 'default', images }));
		return JSON.parse(String(at(named(objects, 'ConfigMap', 'istio-sidecar-injector'), 'data', 'values')));
	};
	const byTag = valuesOf({ registry: 'registry.example.com/istio' });
	t.false(byTag.sidecarInjectorWebhook.enableNamespacesByDefault);
	t.like(byTag.global, { hub: 'registry.example.com/istio', tag: version, proxy: { image: 'proxyv2' } });
	const digest = `sha256:${'a'.repeat(64)}`;
	const { global } = valuesOf({ registry: 'registry.example.com/istio', digests: { proxy: digest } });
	t.is(global.proxy.image, `registry.example.com/istio/proxyv2@${digest}`);
});

test('cluster-wide rights have no wildcard, and write no Secret', (t) => {
	for (const release of allLines.releases.filter(({ line }) => line === 'istiod')) {
		const objects = renderIstiod(istiodMeshOf({ version: release.version }));
		const rules = at(only(objects, 'ClusterRole'), 'rules') as readonly {
			readonly apiGroups: readonly string[];
			readonly resources: readonly string[];
			readonly verbs: readonly string[];
		}[];
		t.false(JSON.stringify(rules).includes('"*"'));
		const ofSecrets = rules.filter(({ resources }) => resources.includes('secrets')).flatMap(({ verbs }) => verbs);
		t.deepEqual(ofSecrets.toSorted(), ['get', 'list', 'watch']);
	}
});

test('a pod of grpc-simple asks istiod of its revision by its own name and address, and needs no image but its own', (t) => {
	const config = parse(
		String(at(named(renderIstiod(istiodMeshOf({ version })), 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config')),
	);
	const [, text = ''] = /GRPC_XDS_BOOTSTRAP_CONFIG\n +value: (.*)/.exec(config.templates['grpc-simple']) ?? [];
	t.deepEqual(JSON.parse(JSON.parse(text)), {
		xds_servers: [
			{
				server_uri: 'dns:///istiod.istio-system.svc:15010',
				channel_creds: [{ type: 'insecure' }],
				server_features: ['xds_v3'],
			},
		],
		node: {
			id: 'sidecar~$(INSTANCE_IP)~$(POD_NAME).$(POD_NAMESPACE)~cluster.local',
			metadata: { GENERATOR: 'grpc' },
		},
	});
	t.false(config.templates['grpc-simple'].includes('image'));
});

test('where an authority outside signs, proxies ask it, and istiod serves with a certificate that it waits for', (t) => {
	const address = 'cert-manager-istio-csr.cert-manager.svc:443';
	const mesh = istiodMeshOf({ version, profile: 'default', citadel: { enabled: false, external: { address } } });
	const objects = renderIstiod(mesh);
	t.is(envOf(objects).ENABLE_CA_SERVER, 'false');
	const volumes = at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'volumes') as readonly object[];
	t.true(volumes.some((volume) => at(volume, 'secret', 'secretName') === 'istiod-tls'));
	const { templates } = parse(String(at(named(objects, 'ConfigMap', 'istio-sidecar-injector'), 'data', 'config')));
	const asking = Object.entries<string>(templates).filter(([, text]) => text.includes('CA_ADDR'));
	t.deepEqual(asking.map(([name]) => name).sort(), ['gateway', 'grpc-agent', 'kube-gateway', 'sidecar', 'waypoint']);
	for (const [name, text] of asking) t.regex(text, new RegExp(`name: CA_ADDR\\s+value: "${address}"`), name);
	const gates = (secret: 'unknown' | undefined) =>
		allLines
			.of(mesh)
			.gates({
				mesh,
				facts: {},
				objects,
				sight: { child: () => undefined, secret: () => secret },
				configFollowedInMs: 0,
				nowMs: 0,
			})
			.map(({ name }) => name);
	t.true(gates(undefined).includes('certificate-before-istiod'));
	t.is(
		allLines.of(mesh).authority(mesh, () => undefined, new Date(0)),
		'none',
	);
	t.false('ENABLE_CA_SERVER' in envOf(renderIstiod(istiodMeshOf({ version }))));
});
