/** ConfigMap `istio`: the settings of the whole mesh, which istiod follows as they change. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { crossNetworkPort, eastWestGateway, type ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { meshConfigName } from './names.ts';

function meshConfigData(mesh: ResolvedIstiodMesh): Readonly<Record<string, string>> {
	return {
		mesh: stringify(mesh.meshConfig, { lineWidth: 0, aliasDuplicateObjects: false }),
		meshNetworks: stringify({ networks: meshNetworks(mesh) }, { lineWidth: 0, aliasDuplicateObjects: false }),
	};
}

/**
 * Which network each cluster is in, by the names by which istiod knows them; a cluster that names none is in this one's. The
 * label of the namespace of istiod would say the same, but a namespace that exists already is its owner's.
 */
function meshNetworks({ location, multiCluster, namespace, isServedFromElsewhere = false }: ResolvedIstiodMesh) {
	const { network: local, clusterId } = location;
	if (local === undefined || isServedFromElsewhere) return {};
	const places = [
		{ name: clusterId, network: local },
		...multiCluster.clusters.map(({ name, network = local }) => ({ name, network })),
	];
	const gateways = [
		{ registryServiceName: `${eastWestGateway}.${namespace}.svc.cluster.local`, port: crossNetworkPort },
	];
	return Object.fromEntries(
		[...Map.groupBy(places, ({ network }) => network)]
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([network, there]) => [
				network,
				{
					endpoints: there
						.map(({ name }) => name)
						.toSorted()
						.map((fromRegistry) => ({ fromRegistry })),
					gateways,
				},
			]),
	);
}

/** A hash of the ConfigMap's content. */
export function meshConfigHash(mesh: ResolvedIstiodMesh): string {
	return createHash('sha256')
		.update(JSON.stringify(meshConfigData(mesh)))
		.digest('hex')
		.slice(0, 32);
}

export function renderMeshConfig(mesh: ResolvedIstiodMesh): KubeObject {
	const name = meshConfigName(mesh);
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name, namespace: mesh.namespace, labels: objectLabels(mesh, 'ConfigMap', 'mesh-config', 'istio') },
		data: meshConfigData(mesh),
	};
}
