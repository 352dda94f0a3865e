/** Decides whose an object is, from metadata alone, before we write over an object that exists already. */
import type { ObjectMeta } from '../runtime/object.ts';
import { fingerprint } from './fingerprint.ts';
import { adoptAnnotation, instanceOf, managedByLabel, managedByValue, partOfLabel } from './identity.ts';

export type Ownership =
	| { readonly kind: 'ours' }
	/** Its owner has put `meshwright.io/adopt: "true"` on it. */
	| { readonly kind: 'adoptable' }
	| { readonly kind: 'foreign'; readonly owner: string };

/**
 * Tells who owns the object that exists where an installation wants to write. An object that names the installation as its
 * controller is ours, even when our entry in `managedFields` is gone: a write can remove all entries.
 * @param partOf ApplySet of the installation; empty for shared objects, which belong to none
 * @param ownerUid uid of the installation; absent where owner references prove nothing
 */
export function ownershipOf(metadata: ObjectMeta, partOf: string, ownerUid?: string): Ownership {
	const { labels, annotations, managedFields, ownerReferences } = metadata;
	const set = labels?.[partOfLabel];
	if (fingerprint(metadata) !== undefined && (set === undefined || set === partOf)) return { kind: 'ours' };
	const controller = ownerReferences?.find((reference) => reference.controller === true);
	if (controller !== undefined && controller.uid === ownerUid) return { kind: 'ours' };
	if (annotations?.[adoptAnnotation] === 'true') return { kind: 'adoptable' };
	if (controller !== undefined) return { kind: 'foreign', owner: `${controller.kind} ${controller.name}` };
	const manager = labels?.[managedByLabel];
	if (manager !== undefined && manager !== managedByValue) return { kind: 'foreign', owner: manager };
	const instance = instanceOf(labels);
	if (manager === managedByValue && instance !== undefined) {
		return { kind: 'foreign', owner: `MeshInstallation ${instance}` };
	}
	const writers = [...new Set((managedFields ?? []).map((entry) => entry.manager ?? 'unknown'))];
	return { kind: 'foreign', owner: writers.length === 0 ? 'an unknown writer' : writers.join(', ') };
}
