/** Mixer's configuration: what it knows about requests, and which backend gets what. */
import type { ResolvedAdapter, ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { attributeManifests } from './attributes.ts';
import { custom } from './custom.ts';
import { kubernetesAttributes } from './kubernetes.ts';
import { type MeasuredMetric, metricInstances } from './metrics.ts';
import { configObject } from './objects.ts';
import { prometheus } from './prometheus.ts';
import { statsd } from './statsd.ts';
import { stdio } from './stdio.ts';

/** The custom resources of a mesh with at least one of Mixer's services. */
export function renderTelemetry(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	const { adapters } = mesh.mixer;
	const metrics = metricInstances(mesh);
	return [
		...Object.entries(attributeManifests(mesh.release.minor)).map(([name, attributes]) =>
			configObject(mesh, 'attributemanifest', name, { attributes }),
		),
		...kubernetesAttributes(mesh),
		...(adapters.some(({ kind }) => kind === 'prometheus' || kind === 'statsd')
			? metrics.map(({ instance }) => instance.object)
			: []),
		...adapters.flatMap((adapter) => backend(mesh, adapter, metrics)),
	];
}

function backend(
	mesh: ResolvedClassicMesh,
	adapter: ResolvedAdapter,
	metrics: readonly MeasuredMetric[],
): readonly KubeObject[] {
	switch (adapter.kind) {
		case 'prometheus':
			return prometheus(mesh, adapter, metrics);
		case 'stdio':
			return stdio(mesh, adapter);
		case 'statsd':
			return statsd(mesh, adapter, metrics);
		case 'custom':
			return custom(mesh, adapter);
	}
}
