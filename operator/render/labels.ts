/**
 * The labels of everything that is rendered, in one place. By them a person, `kubectl` and the operator know what belongs
 * together.
 */
import { createHash } from 'node:crypto';
import {
	applySetLabel,
	clusterLabel,
	instanceLabel,
	managedByLabel,
	managedByValue,
	meshLabel,
	revisionLabel,
} from '../../api/v1/index.ts';
import { labelsByRule, type ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export type Labels = Readonly<Record<string, string>>;

/** Says who manages an object. Everything that is rendered carries it. */
export const managedBy: Labels = { [managedByLabel]: managedByValue };

/** Says which set an object belongs to, for inventory and pruning (`kubectl apply --prune --applyset`). */
export { applySetLabel };

/**
 * The ID of the ApplySet whose parent is the MeshInstallation of this name, as kubectl computes it: a hash of the parent's
 * name, namespace (none), kind and group (kubernetes/kubectl `pkg/cmd/apply/applyset.go`).
 */
export function applySetId(name: string): string {
	const hash = createHash('sha256').update(`${name}..MeshInstallation.meshwright.io`).digest('base64url');
	return `applyset-${hash}-v1`;
}

/**
 * Labels of an object that belongs to one mesh: ours, and those by which people know objects of its release. `component` is
 * the part of the mesh, `name` the application's name.
 */
export function objectLabels(mesh: ResolvedMesh, kind: string, component: string, name: string): Labels {
	return {
		...labelsByRule(mesh.release.labels ?? [], kind, component),
		...podLabels(mesh, component, name),
		'app.kubernetes.io/version': mesh.release.version,
		[applySetLabel]: applySetId(mesh.name),
	};
}

/**
 * Labels of the pods of a workload. The version is not among them, so pods are replaced only when they run something else.
 */
export function podLabels(mesh: ResolvedMesh, component: string, name: string): Labels {
	return {
		'app.kubernetes.io/name': name,
		[instanceLabel]: mesh.name,
		'app.kubernetes.io/component': component,
		'app.kubernetes.io/part-of': 'istio',
		...revisionLabels(mesh),
		...managedBy,
	};
}

/** The labels that distinguish the control planes of one installation. None for the only one, or the default one. */
function revisionLabels({ revision }: Pick<ResolvedMesh, 'revision'>): Labels {
	return revision === undefined ? {} : { [revisionLabel]: revision };
}

/** The same mesh without its revision, for the labels of what all control planes of an installation share. */
export function shared<Mesh extends Pick<ResolvedMesh, 'revision'>>(mesh: Mesh): Omit<Mesh, 'revision'> {
	const { revision: _, ...rest } = mesh;
	return rest;
}

/** The name of an object that each control plane of an installation has for itself: `istiod`, `istiod-canary`. */
export function revisionedName({ revision }: Pick<ResolvedMesh, 'revision'>, name: string): string {
	return revision === undefined ? name : `${name}-${revision}`;
}

/**
 * The same object for the API server of another cluster. It belongs to a set of its own there, because this cluster's set
 * has its parent here, and names the cluster whose operator keeps it. An object without a set, such as a namespace, stays
 * as it is.
 *
 * It has no owner there, so it must not have the label by which Argo CD takes it for a part of the application of that name
 * (argo-cd 2.14 `util/settings/settings.go`, `GetAppInstanceLabelKey`), which would prune it. Pods keep it: they have an
 * owner.
 */
export function keptFrom(object: KubeObject, keeper: string, applySet: string): KubeObject {
	const { labels } = object.metadata;
	return labels?.[applySetLabel] === undefined
		? object
		: {
				...object,
				metadata: {
					...object.metadata,
					labels: { ...ownerlessLabels(labels), [applySetLabel]: applySet, [clusterLabel]: keeper },
				},
			};
}

/** The labels of an object whose owner is in another cluster: another label says which mesh it belongs to. */
export function ownerlessLabels(labels: Labels): Labels {
	const { [instanceLabel]: mesh, ...rest } = labels;
	return mesh === undefined ? labels : { ...rest, [meshLabel]: mesh };
}
