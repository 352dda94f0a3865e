/** Renders the objects of a resolved mesh of the classic line. */
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderNamespace } from '../namespace.ts';
import { renderCitadel } from './citadel.ts';
import type { ClassicFacts } from './facts.ts';
import { renderGateways } from './gateways.ts';
import { renderInjector } from './injector.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { renderMixer } from './mixer.ts';
import { renderNetworkGateway } from './networks.ts';
import { renderPilot } from './pilot.ts';
import { isIstioObject } from './pilot-outside.ts';

export { classicCrds } from './crds.ts';
export {
	type ClassicAddresses,
	checkDataPlane,
	dataPlaneMesh,
	type RemoteDataPlane,
	renderDataPlane,
} from './data-plane.ts';
export { type ClassicFacts, standIns } from './facts.ts';
export { injectorFiles } from './injector-files.ts';
export { readerRules } from './reader-rules.ts';
export { renderServedCluster } from './served-cluster.ts';

/** All objects of a mesh except Istio's definitions, before `finish`. */
export function classicComponents(mesh: ResolvedClassicMesh, facts: ClassicFacts): readonly KubeObject[] {
	const objects = [
		renderNamespace(mesh),
		renderMeshConfig(mesh, facts),
		...renderPilot(mesh, facts),
		...renderMixer(mesh, facts),
		...renderCitadel(mesh, facts),
		...renderInjector(mesh, facts),
		...renderGateways(mesh),
		...renderNetworkGateway(mesh),
	];
	// A Pilot that serves another cluster reads them there, see `renderServedCluster`.
	return mesh.pilotKubeconfig === undefined ? objects : objects.filter((object) => !isIstioObject(object));
}
