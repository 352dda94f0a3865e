/** Renders Istio's definitions for a mesh of the classic line. */
import { crdsOf, type ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderCrds } from '../crds.ts';

/** Empty when Pilot serves another cluster, because it reads them there. */
export function classicCrds({ release, pilotKubeconfig }: ResolvedClassicMesh): readonly KubeObject[] {
	if (pilotKubeconfig !== undefined) return [];
	const known = rendered.get(release.version);
	if (known !== undefined) return known;
	const crds = renderCrds(crdsOf(release), release.version);
	rendered.set(release.version, crds);
	return crds;
}

/** The definitions by release. They depend on nothing else, so hundreds of meshes share one frozen list. */
const rendered = new Map<string, readonly KubeObject[]>();
