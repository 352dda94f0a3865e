import { readdir, readFile } from 'node:fs/promises';
import test from 'ava';
import { parse } from 'yaml';
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { lines } from '../lines/index.ts';
import { render } from '../lines/testing.ts';
import { only, resolved } from './testing.ts';

const examples = new URL('../../deploy/examples/', import.meta.url);

async function meshConfig(example: string): Promise<unknown> {
	const objects = render(resolved(parse(await readFile(new URL(example, examples), 'utf8'))));
	const { data, metadata } = only(
		objects.filter((object) => object.metadata.name === 'istio'),
		'ConfigMap',
	);
	return {
		labels: metadata.labels,
		mesh: parse((data as Readonly<Record<string, string>>).mesh ?? '', { version: '1.1' }),
	};
}

/** The mesh configuration of the article "What is Istio", word for word. */
const article = {
	enableTracing: false,
	mixerCheckServer: 'istio-policy.istio-system:15004',
	mixerReportServer: 'istio-telemetry.istio-system:15004',
	rdsRefreshDelay: '5s',
	defaultConfig: {
		discoveryRefreshDelay: '5s',
		configPath: '/etc/istio/proxy',
		binaryPath: '/usr/local/bin/envoy',
		serviceCluster: 'istio-proxy',
		drainDuration: '45s',
		parentShutdownDuration: '1m0s',
		interceptionMode: 'REDIRECT',
		proxyAdminPort: 15000,
		zipkinAddress: 'tracing-collector.tracing:9411',
		statsdUdpAddress: 'aggregator:8126',
		controlPlaneAuthPolicy: 'NONE',
		discoveryAddress: 'istio-pilot.istio-system:15007',
	},
};

test('the article’s example gives the article’s mesh configuration, the line without which Pilot 1.0 never gets ready, and the connect timeout of the article’s sidecar', async (t) => {
	const { labels, mesh } = (await meshConfig('classic/article-1.0.9.yaml')) as { labels: unknown; mesh: unknown };
	t.deepEqual(mesh, {
		...article,
		ingressControllerMode: 'OFF',
		defaultConfig: { ...article.defaultConfig, connectTimeout: '10s' },
	});
	t.like(labels, { app: 'istio', service: 'istio' });
});

test('every example can be installed', async (t) => {
	const files = (await readdir(examples, { recursive: true })).filter((file) => file.endsWith('.yaml'));
	for (const folder of ['', 'classic/'])
		for (const name of ['minimal', 'default', 'production']) t.true(files.includes(`${folder}${name}.yaml`));
	for (const file of files) {
		const parsed = parseMeshInstallation(parse(await readFile(new URL(file, examples), 'utf8')));
		const result = parsed.ok ? lines.resolve(parsed.installation) : parsed;
		t.deepEqual(result.ok ? [] : result.problems, [], file);
		if (!result.ok) continue;
		t.is(result.mesh.line, file.startsWith('classic/') ? 'classic' : 'istiod', file);
		t.true(lines.render(result.mesh, lines.of(result.mesh).standIns).length > 0, file);
	}
});
