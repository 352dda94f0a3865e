/** What a line says about an Istio object that a user wrote, and that nobody checks when it is admitted. */

/** A kind of Istio's, as API servers serve it. */
export interface ObjectKind {
	readonly apiVersion: string;
	readonly kind: string;
	readonly plural: string;
	readonly namespaced: boolean;
}

/** Something that is wrong with an object. */
export interface ObjectFinding {
	/** From the root: `spec.http[0].route`. */
	readonly path: string;
	/** A sentence without its full stop. It begins with the path. */
	readonly message: string;
	/**
	 * What becomes of the object. An API server with the definitions of the release refuses it (`refused`). Or the control plane goes on as if the object were not there (`ignored`), as if the field were
	 * not there (`withoutField`), or takes it as it is, and what comes of it is not what anybody meant (`taken`).
	 */
	readonly effect: 'refused' | 'ignored' | 'withoutField' | 'taken';
}

export type ObjectCheck =
	/** Not one of Istio's. */
	| { readonly kind: 'other' }
	/** Its release has such objects, and nobody here knows their fields. */
	| { readonly kind: 'unknownFields' }
	| { readonly kind: 'checked'; readonly findings: readonly ObjectFinding[] };
