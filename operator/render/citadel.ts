import type { ResolvedClassicMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { ClusterFacts } from './facts.ts';

export function renderCitadel(_mesh: ResolvedClassicMesh, _facts: ClusterFacts): readonly KubeObject[] {
	return [];
}
