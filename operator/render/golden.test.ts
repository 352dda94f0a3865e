/** What is rendered, as files that a person can read. `UPDATE_GOLDEN=1 npx ava operator/render/golden.test.ts` rewrites them. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { parse, stringify } from 'yaml';
import { releases } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { render, renderCrds } from './index.ts';
import { installation, resolved } from './testing.ts';

const directory = new URL('golden/', import.meta.url);
const examples = new URL('../../deploy/examples/', import.meta.url);

async function example(name: string): Promise<unknown> {
	return parse(await readFile(new URL(`${name}.yaml`, examples), 'utf8'));
}

/** Both services with every backend. */
const mixer = {
	policy: { enabled: true },
	telemetry: { enabled: true },
	adapters: [
		{ prometheus: {} },
		{ stdio: {} },
		{ statsd: { address: 'statsd.monitoring:8125', prefix: 'istio' } },
		{
			custom: {
				name: 'newrelic',
				address: 'newrelic-adapter.monitoring:8080',
				templates: ['metric'],
				params: { a: 1 },
			},
		},
	],
};

/** Objects by the name of their golden file. */
const golden: readonly (readonly [file: string, objects: () => Promise<readonly KubeObject[]>])[] = [
	...releases.flatMap(({ version }) => [
		[`${version}-minimal.yaml`, async () => render(resolved(installation({ version })))] as const,
		[
			`${version}-citadel-strict.yaml`,
			async () =>
				render(
					resolved(
						installation({
							version,
							citadel: { enabled: true },
							mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
						}),
					),
				),
		] as const,
		[`${version}-mixer.yaml`, async () => render(resolved(installation({ version, mixer })))] as const,
		[
			`${version}-injection.yaml`,
			async () =>
				render(
					resolved(installation({ version, sidecarInjector: { enabled: true, namespaces: ['shop'], replicas: 2 } })),
					{
						injectorRoots: 'the roots\n',
						injectorCertificate: { certChain: 'the certificate\n', key: 'the key\n', roots: 'the roots\n' },
					},
				),
		] as const,
		[`${version}-gateways.yaml`, async () => gatewaysOf(version)] as const,
		[`${version}-crds.yaml`, async () => renderCrds(resolved(installation({ version })))] as const,
	]),
	['example-article-1.0.9.yaml', async () => render(resolved(await example('article-1.0.9')))],
	['example-ha.yaml', async () => render(resolved(await example('ha')))],
];

/** What gateways add to a mesh: one in front of it as it is, one behind it under an autoscaler. */
function gatewaysOf(version: string): readonly KubeObject[] {
	const gateways = {
		ingress: { enabled: true },
		egress: { enabled: true, autoscaling: { minReplicas: 2, maxReplicas: 5 } },
	};
	const components = ['ingressgateway', 'egressgateway'];
	return render(resolved(installation({ version, gateways }))).filter(({ metadata }) =>
		components.includes(metadata.labels?.['app.kubernetes.io/component'] ?? ''),
	);
}

function document(objects: readonly KubeObject[]): string {
	return objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}

for (const [file, objects] of golden) {
	test(`renders ${file}`, async (t) => {
		const text = document(await objects());
		const url = new URL(file, directory);
		if (process.env.UPDATE_GOLDEN === '1') {
			await writeFile(url, text);
		}
		t.is(text, await readFile(url, 'utf8'));
	});
}

test('there is no golden file that nothing renders', async (t) => {
	t.deepEqual((await readdir(directory)).sort(), golden.map(([file]) => file).sort());
});
