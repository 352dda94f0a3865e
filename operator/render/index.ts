/** From a resolved mesh to every object of it. Pure: the object rendered is the object applied. */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { renderCitadel } from './citadel.ts';
import type { ClusterFacts } from './facts.ts';
import { finish } from './finish.ts';
import { renderGateways } from './gateways.ts';
import { renderInjector } from './injector.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { renderMixer } from './mixer.ts';
import { renderNamespace } from './namespace.ts';
import { renderPilot } from './pilot.ts';

export type { ClusterFacts, ServingCertificate } from './facts.ts';
export { renderCrds } from './istio-crds.ts';
export { applySetId, applySetLabel, managedBy } from './labels.ts';

/**
 * All objects of a mesh but Istio's custom resource definitions (`renderCrds`), sorted, deep-frozen, without anything empty.
 * Owner references are put on when they are applied: they need the uid of the live MeshInstallation.
 */
export function render(mesh: ResolvedMesh, facts: ClusterFacts = {}): readonly KubeObject[] {
	switch (mesh.line) {
		case 'classic':
			return finish([
				renderNamespace(mesh),
				renderMeshConfig(mesh),
				...renderPilot(mesh),
				...renderMixer(mesh),
				...renderCitadel(mesh, facts),
				...renderInjector(mesh, facts),
				...renderGateways(mesh),
			]);
	}
}
