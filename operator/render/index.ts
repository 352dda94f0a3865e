/** Renders all objects of a resolved mesh. Pure: the object rendered is the object applied. */
import type { ResolvedMesh } from '../releases/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { renderCitadel } from './classic/citadel.ts';
import type { ClusterFacts } from './classic/facts.ts';
import { renderGateways } from './classic/gateways.ts';
import { renderInjector } from './classic/injector.ts';
import { renderMeshConfig } from './classic/mesh-config.ts';
import { renderMixer } from './classic/mixer.ts';
import { renderNetworkGateway } from './classic/networks.ts';
import { renderPilot } from './classic/pilot.ts';
import { isIstioObject } from './classic/pilot-outside.ts';
import { finish } from './finish.ts';
import { renderNamespace } from './namespace.ts';
import { applyOverlays, OverlayError, type OverlayProblem, type OverlayResult } from './overlays.ts';

export {
	type ControlPlaneAddresses,
	checkDataPlane,
	type DataPlaneProblem,
	dataPlaneMesh,
	type RemoteDataPlane,
	renderDataPlane,
} from './classic/data-plane.ts';
export type { ClusterFacts, NetworkGateway, ServingCertificate } from './classic/facts.ts';
export { renderServedCluster } from './classic/served-cluster.ts';
export { renderCrds } from './crds.ts';
export { applySetId, applySetLabel, managedBy } from './labels.ts';
export { OverlayError, type OverlayProblem } from './overlays.ts';
export { type Reader, readerServiceAccount, renderReader } from './reader.ts';

/** The objects, or problems of overlays, which show only when there are objects to change. */
export type RenderResult = OverlayResult;

/**
 * All objects of a mesh except Istio's custom resource definitions (`renderCrds`), sorted, deep-frozen, without anything
 * empty. Owner references are added when the objects are applied, because they need the uid of the live MeshInstallation.
 *
 * Throws OverlayError when overlays can't be applied. `checkOverlays` tells that beforehand.
 */
export function render(mesh: ResolvedMesh, facts: ClusterFacts = {}): readonly KubeObject[] {
	const result = renderMesh(mesh, facts);
	if (!result.ok) {
		throw new OverlayError(result.problems);
	}
	return result.objects;
}

/** All problems of `spec.overlays`, whatever the cluster shows. Empty when all of them can be applied. */
export function checkOverlays(mesh: ResolvedMesh): readonly OverlayProblem[] {
	const result = mesh.overlays.length === 0 ? undefined : renderMesh(mesh, {});
	return result === undefined || result.ok ? [] : result.problems;
}

/** As `render`, with the problems of overlays as a value. */
export function renderMesh(mesh: ResolvedMesh, facts: ClusterFacts = {}): RenderResult {
	const objects = finish(components(mesh, facts));
	if (mesh.overlays.length === 0) {
		return { ok: true, objects };
	}
	// An overlay may be for an object that waits for the cluster. It is checked now, and applied when the object is made.
	const present = new Set(objects.map(objectKey));
	const later = finish(components(mesh, { ...standIns, ...facts })).filter((object) => !present.has(objectKey(object)));
	const result = applyOverlays([...objects, ...later], mesh.overlays);
	return result.ok
		? { ok: true, objects: Object.freeze(result.objects.filter((object) => present.has(objectKey(object)))) }
		: result;
}

/** Stand-ins for what only the cluster knows. */
const standIns: ClusterFacts = {
	injectorRoots: 'pending',
	injectorCertificate: { certChain: 'pending', key: 'pending', roots: 'pending' },
	caSecretHash: 'pending',
	pilotKubeconfigHash: 'pending',
};

function components(mesh: ResolvedMesh, facts: ClusterFacts): readonly KubeObject[] {
	switch (mesh.line) {
		case 'classic': {
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
	}
}
