/** Names by which Meshwright marks what it writes, and recognises it. */
import { applySetLabel, instanceLabel, managedByLabel, managedByValue, meshLabel } from '../../api/v1/constants.ts';
import type { KubeObject, OwnerReference } from '../runtime/object.ts';

/** The field manager of everything that is rendered. */
export const fieldManager = 'meshwright';

/**
 * Field manager that holds a Deployment's `spec.replicas` while an autoscaler is about to take it over, see
 * `replicas-handover.ts`.
 */
export const handoverFieldManager = 'meshwright-handover';

/**
 * Field manager of the patch that takes away what made an apply invalid, see `clear-way.ts`. The apply that follows owns
 * the fields, and this entry goes: while it is there, the repair is not finished.
 */
export const repairFieldManager = 'meshwright-repair';

/**
 * Field manager that touches a CRD that the API server has forgotten to establish, see `apply-crds.ts`. Leaves nothing
 * behind.
 */
export const nudgeFieldManager = 'meshwright-nudge';

/**
 * Field manager of the labels on users' namespaces. When it gives up a label, the label goes, unless somebody else has put
 * it there too.
 */
export const injectionFieldManager = 'meshwright-injection';

/**
 * The same in a joined cluster. Another operator may keep a mesh of the same name there, and must keep its labels. So each
 * set that is kept there has a manager of its own.
 */
export function injectionFieldManagerThere(partOf: string): string {
	return `${injectionFieldManager}-${partOf}`;
}

/**
 * Field manager of the annotation by which the control plane of another cluster is in charge of one, see `charge.ts`. Each set
 * that is kept there has one of its own.
 */
export const chargeFieldManager = 'meshwright-charge';

/** Field manager that restarts users' workloads, see `spec.upgrade.restartWorkloads`. */
export const restartFieldManager = 'meshwright-restart';

/** Field manager of the status subresource. It differs from `meshwright`, so that the two sets of fields never mix. */
export const statusFieldManager = 'meshwright-status';

export const componentLabel = 'app.kubernetes.io/component';
/** The release of Istio that an object was rendered for. */
export const versionLabel = 'app.kubernetes.io/version';

/** The name of the MeshInstallation that an object belongs to, in whichever cluster. Versions before had one label for both. */
export function instanceOf(labels: Readonly<Record<string, string>> | undefined): string | undefined {
	return labels?.[instanceLabel] ?? labels?.[meshLabel];
}

/** Membership of an ApplySet. */
export const partOfLabel = applySetLabel;

// Rendering writes the same names that are read here.
export {
	adoptAnnotation,
	crdVersionAnnotation,
	injectionLabel,
	instanceLabel,
	managedByLabel,
	managedByValue,
	meshLabel,
} from '../../api/v1/constants.ts';

/** A CRD carries it for the moment of a nudge. */
export const nudgeAnnotation = 'meshwright.io/nudge';

/**
 * Selects the members of all ApplySets: what any MeshInstallation made, and what others keep by `kubectl apply
 * --applyset`. The label that says who manages an object would select fewer. But it is one that others write too (Helm,
 * dashboards), and what they take out of our sight while no operator runs could never be pruned.
 */
export const memberSelector = partOfLabel;

/** Selects every object that Meshwright says to manage, shared ones included. */
export const managedSelector = `${managedByLabel}=${managedByValue}`;

/** Selects all others: the objects of users, in whatever ApplySet they are. */
export const othersSelector = `${managedByLabel}!=${managedByValue}`;

/** The owner of the children of one installation. */
export interface Owner {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	readonly uid: string;
}

/** The controller reference by which the garbage collector, and every viewer, finds a child's installation. */
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

/** Whether others may depend on an object's existence: CRDs and the namespace have no owner, and are never deleted. */
export function isShared({ kind }: Pick<KubeObject, 'kind'>): boolean {
	return sharedKinds.has(kind);
}

const children = new WeakMap<KubeObject, { readonly uid: string; readonly child: KubeObject }>();

/**
 * The rendered object as a child of its installation. Shared objects are never children. Of the same object it makes the same
 * child, so that its body is hashed once, whatever list it is in.
 */
export function asChild(object: KubeObject, owner: Owner): KubeObject {
	const known = children.get(object);
	if (known?.uid === owner.uid) return known.child;
	const child = { ...object, metadata: { ...object.metadata, ownerReferences: [ownerReference(owner)] } };
	children.set(object, { uid: owner.uid, child });
	return child;
}
