/** ConfigMap `istio`: the settings of the whole mesh, which istiod follows as they change. */
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { meshConfigName } from './names.ts';

function meshConfigData(mesh: ResolvedIstiodMesh): Readonly<Record<string, string>> {
	return {
		mesh: stringify(mesh.meshConfig, { lineWidth: 0, aliasDuplicateObjects: false }),
		meshNetworks: 'networks: {}\n',
	};
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
