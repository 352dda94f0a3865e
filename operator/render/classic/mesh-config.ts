/** ConfigMap `istio`: the settings of the whole mesh, which Pilot and the injector read from a file. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import type { ClassicFacts } from './facts.ts';
import { meshNetworks } from './networks.ts';

/** Name of the ConfigMap. istioctl and the charts of istio 1.0-1.4 use it. */
export const meshConfigMap = 'istio';

/**
 * Writes YAML 1.1, because Istio's parser reads that: a bare `OFF` would be false there, so it is quoted. Lines are not
 * folded.
 */
function yaml(value: unknown): string {
	return stringify(value, { version: '1.1', lineWidth: 0 });
}

/** The keys of the ConfigMap. */
function meshConfigData(mesh: ResolvedClassicMesh, facts: ClassicFacts = {}): Readonly<Record<string, string>> {
	const networks = meshNetworks(mesh, facts);
	return {
		mesh: yaml(mesh.meshConfig),
		...(networks === undefined ? {} : { meshNetworks: yaml(networks) }),
	};
}

/** A hash of the ConfigMap's content, for the pods of a release that does not notice its changes. */
export function meshConfigHash(mesh: ResolvedClassicMesh): string {
	return createHash('sha256')
		.update(JSON.stringify(meshConfigData(mesh)))
		.digest('hex')
		.slice(0, 32);
}

export function renderMeshConfig(mesh: ResolvedClassicMesh, facts: ClassicFacts): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			name: meshConfigMap,
			namespace: mesh.namespace,
			labels: objectLabels(mesh, 'ConfigMap', 'mesh-config', 'istio'),
		},
		data: meshConfigData(mesh, facts),
	};
}
