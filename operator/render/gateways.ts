import type { ResolvedClassicMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export function renderGateways(_mesh: ResolvedClassicMesh): readonly KubeObject[] {
	return [];
}
