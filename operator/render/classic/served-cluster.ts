/** The other half of a mesh whose Pilot serves another cluster (`spec.pilot.kubeconfigSecret`): what that cluster must have. */
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { finish } from '../finish.ts';
import { applySetLabel } from '../labels.ts';
import { renderNamespace } from '../namespace.ts';
import { classicCrds } from './crds.ts';
import { renderMixer } from './mixer.ts';
import { renderMutualTls } from './mtls.ts';
import { pilotServiceAccount, renderPilot } from './pilot.ts';
import { isIstioObject } from './pilot-outside.ts';

const bindings: ReadonlySet<string> = new Set(['ClusterRoleBinding', 'RoleBinding']);
const roles: ReadonlySet<string> = new Set(['ClusterRole', 'Role']);

/**
 * The objects for the owner of that cluster to apply, since the operator has no access there: Istio's definitions, the
 * namespace of the mesh, Istio's own objects, and `istio-pilot-service-account` with the rights of Pilot and of Mixer. Both
 * use one kubeconfig, and a token of that account is all that it needs.
 */
export function renderServedCluster(mesh: ResolvedClassicMesh): readonly KubeObject[] {
	const { pilotKubeconfig: _, ...there } = mesh;
	const objects = [...renderPilot(there, {}), ...renderMixer(there, {}), ...renderMutualTls(there)];
	const { namespace } = there;
	return [
		...classicCrds(there),
		...finish([
			renderNamespace(there),
			...objects.flatMap((object) => {
				if (bindings.has(object.kind)) {
					return [
						ownerless({ ...object, subjects: [{ kind: 'ServiceAccount', name: pilotServiceAccount, namespace }] }),
					];
				}
				return roles.has(object.kind) || isIstioObject(object) || object.metadata.name === pilotServiceAccount
					? [ownerless(object)]
					: [];
			}),
		]),
	];
}

/** Removes the set's label, because nobody prunes there. */
function ownerless(object: KubeObject): KubeObject {
	const { [applySetLabel]: _, ...labels } = object.metadata.labels ?? {};
	return { ...object, metadata: { ...object.metadata, labels } };
}
