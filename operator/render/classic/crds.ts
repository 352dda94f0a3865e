/** Renders Istio's definitions for a mesh of the classic line. */
import { crdsOf, type ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderCrds } from '../crds.ts';

/** Empty when Pilot serves another cluster, because it reads them there. */
export function classicCrds({ release, pilotKubeconfig }: ResolvedClassicMesh): readonly KubeObject[] {
	return pilotKubeconfig === undefined ? renderCrds(release, crdsOf) : [];
}
