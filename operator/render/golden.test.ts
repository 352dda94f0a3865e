/**
 * Keeps what is rendered as files that a person can read. `UPDATE_GOLDEN=1 npx ava operator/render/golden.test.ts` rewrites
 * them.
 *
 * The files of a release's profiles list every object: in full, or, when another file of the release has the same object,
 * as a line that names that file.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { parse, stringify } from 'yaml';
import { render, renderCrds } from '../lines/testing.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { profiles } from '../releases/classic/profiles.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { type ClassicFacts, renderDataPlane } from './classic/index.ts';
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

/** Stands for the certificates of a cluster. */
const certificates: ClassicFacts = {
	injectorRoots: 'the roots\n',
	injectorCertificate: { certChain: 'the certificate\n', key: 'the key\n', roots: 'the roots\n' },
};

/** The objects of each golden file, by the file's name. */
const golden: readonly (readonly [file: string, objects: () => Promise<readonly KubeObject[]>])[] = [
	...classicReleases.flatMap(({ version, minor }) => [
		[`${version}-minimal-without-citadel.yaml`, async () => render(resolved(installation({ version })))] as const,
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
					certificates,
				),
		] as const,
		[`${version}-gateways.yaml`, async () => gatewaysOf(version)] as const,
		[`${version}-clusters.yaml`, async () => clustersOf(version, minor)] as const,
		[`${version}-data-plane.yaml`, async () => dataPlaneOf(version, minor)] as const,
		[`${version}-crds.yaml`, async () => renderCrds(resolved(installation({ version })))] as const,
	]),
	['example-article-1.0.9.yaml', async () => render(resolved(await example('article-1.0.9')))],
	['example-ha.yaml', async () => render(resolved(await example('ha')))],
];

/** What gateways add to a mesh: a plain ingress gateway, and an egress gateway with an autoscaler. */
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

/** One cluster in the same network, and one in another network when the release has networks. */
function joined(minor: string): object {
	const entry = (name: string) => ({ name, kubeconfigSecret: { name, namespace: 'meshwright-system' } });
	return minor === '1.0'
		? { clusters: [entry('near')] }
		: { network: 'here', clusters: [entry('near'), { ...entry('far'), network: 'there' }] };
}

/** What joined clusters change. Objects of this cluster that stay the same are left out. */
function clustersOf(version: string, minor: string): readonly KubeObject[] {
	const spec = {
		version,
		mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
		sidecarInjector: { enabled: true },
		gateways: { ingress: { enabled: true } },
	};
	const without = new Set(render(resolved(installation(spec))).map(yamlOf));
	const facts: ClassicFacts = {
		remoteSecrets: 'hash of those that were replaced',
		networkGateways: { there: [{ address: '192.0.2.7', port: 15443 }] },
	};
	return render(resolved(installation({ ...spec, multiCluster: joined(minor) })), facts).filter(
		(object) => !without.has(yamlOf(object)),
	);
}

/** What is made in a cluster without a control plane of its own, in another network when the release has networks. */
function dataPlaneOf(version: string, minor: string): readonly KubeObject[] {
	const mesh = resolved(
		installation({
			version,
			profile: 'default',
			citadel: { enabled: true, caSecretName: 'cacerts' },
			gateways: { ingress: { enabled: true } },
			multiCluster: joined(minor),
		}),
	);
	return renderDataPlane(mesh, {
		cluster: 'far',
		...(minor === '1.0' ? {} : { network: 'there' }),
		readBy: 'primary',
		applySet: 'applyset-there',
		addresses: { pilot: ['192.0.2.1', '192.0.2.2'], policy: ['192.0.2.1'], telemetry: ['192.0.2.1'] },
		facts: { ...certificates, caSecretHash: 'hash of the authority' },
	});
}

function yamlOf(object: KubeObject): string {
	return stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
}

function document(objects: readonly KubeObject[]): string {
	return objects.map(yamlOf).join('---\n');
}

async function compare(t: ExecutionContext, file: string, text: string): Promise<void> {
	const url = new URL(file, directory);
	if (process.env.UPDATE_GOLDEN === '1') {
		await writeFile(url, text);
	}
	t.is(text, await readFile(url, 'utf8'));
}

/** The profiles with Citadel and without, whatever their default is. The smallest combination is listed in full above. */
const combinations = Object.keys(profiles)
	.flatMap((profile) => [
		{ suffix: `${profile}-without-citadel.yaml`, spec: { profile, citadel: { enabled: false } } },
		{ suffix: `${profile}-citadel.yaml`, spec: { profile, citadel: { enabled: true } } },
	])
	.filter(({ suffix }) => suffix !== 'minimal-without-citadel.yaml');

function combinationFile(version: string, { suffix }: (typeof combinations)[number]): string {
	return `${version}-${suffix}`;
}

for (const [file, objects] of golden) {
	test(`renders ${file}`, async (t) => compare(t, file, document(await objects())));
}

for (const { version } of classicReleases) {
	test(`renders the profiles of ${version}, with Citadel and without`, async (t) => {
		/** The file that has an object in full, by the object's text. */
		const shown = new Map<string, string>();
		const show = (objects: readonly KubeObject[], file: string) => {
			for (const object of objects) if (!shown.has(yamlOf(object))) shown.set(yamlOf(object), file);
		};
		for (const [file, objects] of golden) {
			if (file.startsWith(`${version}-`)) show(await objects(), file);
		}
		for (const combination of combinations) {
			const file = combinationFile(version, combination);
			const objects = render(resolved(installation({ version, ...combination.spec })), certificates);
			show(objects, file);
			const parts = objects.map((object) => {
				const text = yamlOf(object);
				const place = shown.get(text);
				return place === undefined || place === file ? text : `# ${objectKey(object)}: as in ${place}\n`;
			});
			await compare(t, file, parts.join('---\n'));
		}
	});
}

test('there is no golden file that nothing renders', async (t) => {
	const files = [
		...golden.map(([file]) => file),
		...classicReleases.flatMap(({ version }) =>
			combinations.map((combination) => combinationFile(version, combination)),
		),
	];
	t.deepEqual((await readdir(directory)).sort(), files.sort());
});
