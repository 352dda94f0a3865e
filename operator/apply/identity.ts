/** How Meshwright signs what it writes, and how it recognises its own work. */
import {
	adoptAnnotation,
	applySetLabel,
	crdVersionAnnotation,
	injectionLabel,
	managedByLabel,
	managedByValue,
	meshLabel,
} from '../../api/v1/constants.ts';
import type { KubeObject, OwnerReference } from '../runtime/object.ts';

/** The one field manager of everything that is rendered. */
export const fieldManager = 'meshwright';

/** Holds `spec.replicas` of a Deployment while an autoscaler is about to take it over, see `replicas-handover.ts`. */
export const handoverFieldManager = 'meshwright-handover';

/** Touches a CRD that the API server has forgotten to establish, see `apply-crds.ts`; leaves nothing behind. */
export const nudgeFieldManager = 'meshwright-nudge';

/** Owns the labels on users' namespaces: what it gives up goes, and what somebody else put there as well stays. */
export const injectionFieldManager = 'meshwright-injection';

/**
 * In a joined cluster, for the set that is kept there: another operator, of that cluster or of a third one, may keep a mesh of
 * the same name there, whose labels are not ours to take away.
 */
export function injectionFieldManagerThere(partOf: string): string {
	return `${injectionFieldManager}-${partOf}`;
}

/** Field manager of the status subresource: apart from `meshwright`, so that the two sets of fields never mix. */
export const statusFieldManager = 'meshwright-status';

export const componentLabel = 'app.kubernetes.io/component';
export const instanceLabel = 'app.kubernetes.io/instance';

// What rendering writes and what is read here are the same names.
export {
	adoptAnnotation,
	applySetLabel as partOfLabel,
	crdVersionAnnotation,
	injectionLabel,
	managedByLabel,
	managedByValue,
	meshLabel,
};

/** On a CRD for the moment of a nudge. */
export const nudgeAnnotation = 'meshwright.io/nudge';

/** Selects every object that any MeshInstallation made. */
export const managedSelector = `${managedByLabel}=${managedByValue}`;

/** Who owns the children of one installation. */
export interface Owner {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	readonly uid: string;
}

/** The controller reference by which the garbage collector and every viewer find the installation of a child. */
export function ownerReference(owner: Owner): OwnerReference {
	return {
		apiVersion: owner.apiVersion,
		kind: owner.kind,
		name: owner.name,
		uid: owner.uid,
		controller: true,
		blockOwnerDeletion: true,
	};
}

const sharedKinds: ReadonlySet<string> = new Set(['CustomResourceDefinition', 'Namespace']);

/** Whether an object may hold what others live by: CRDs and the namespace have no owner, and are never deleted. */
export function isShared({ kind }: Pick<KubeObject, 'kind'>): boolean {
	return sharedKinds.has(kind);
}

/** The rendered object as a child of its installation. Shared objects are never children. */
export function asChild(object: KubeObject, owner: Owner): KubeObject {
	return { ...object, metadata: { ...object.metadata, ownerReferences: [ownerReference(owner)] } };
}
