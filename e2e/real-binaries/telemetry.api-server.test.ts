/**
 * Istio's own Mixer takes the configuration of every backend that is built in: all rules, and none with a mistake. Runs where
 * `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says.
 */
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { eventually } from '../support/eventually.ts';
import { renderedObjects } from '../support/installation.ts';
import { startMeshCluster } from '../support/mesh-cluster.ts';
import { excerpt, startComponent } from './component-process.ts';
import { configFigures, mistakesIn } from './mixer-figures.ts';
import { applyAll, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';

const spec = {
	namespace: 'istio-real',
	profile: 'default',
	mixer: {
		adapters: [
			{ prometheus: { metricsExpiry: '5m' } },
			{ stdio: { json: false } },
			{
				statsd: {
					address: '127.0.0.1:8125',
					prefix: 'istio',
					metrics: { requestcount: { type: 'COUNTER', nameTemplate: '{{.destination_service}}.requests' } },
				},
			},
		],
	},
};
/** Kinds by what they are to Mixer, in any release. */
const kindsOf = {
	rules: ['rule'],
	handlers: ['prometheus', 'stdio', 'statsd', 'handler'],
	instances: ['metric', 'logentry', 'kubernetes', 'instance'],
} as const;

for (const release of classicReleases) {
	const { version } = release;
	const title = `${version}: Mixer takes every rule, handler and instance that is rendered, and finds no mistake`;
	testWithBinaries(version, title, async (t) => {
		await using mesh = await startMeshCluster({ crd: false });
		const objects = renderedObjects('real', { version, ...spec });
		await applyAll(mesh.api, objects);
		const rendered = new Map(
			Object.entries(kindsOf).map(([what, kinds]) => [
				what,
				objects.filter(({ kind }) => (kinds as readonly string[]).includes(kind)).length,
			]),
		);
		const telemetry = processes(objects, release).find(
			({ deployment: { metadata } }) => metadata.name === 'istio-telemetry',
		);
		if (telemetry === undefined) return t.fail('there is no istio-telemetry among what is rendered');
		const { port } = telemetry.deployment.spec.template.spec.containers[0].readinessProbe.httpGet;
		await using component = await startComponent(telemetry.binary, telemetry.flags, mesh, telemetry.deployment);
		let figures: ReadonlyMap<string, number> = new Map();
		await eventually('Mixer has read everything', async () => {
			figures = await configFigures(port);
			// Kinds are listed one after the other: what refers to something that comes later is a mistake until then.
			return [...rendered].every(([what, number]) => figures.get(what) === number) && mistakesIn(figures).length === 0;
		}).catch((cause: unknown) => {
			const found = [...figures].map((one) => one.join(' ')).join('\n');
			throw new Error(`${found}\n${excerpt(component.lines)}`, { cause });
		});
		t.false(component.hasExited());
	});
}
