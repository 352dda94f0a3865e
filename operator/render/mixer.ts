import type { ResolvedClassicMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export function renderMixer(_mesh: ResolvedClassicMesh): readonly KubeObject[] {
	return [];
}
