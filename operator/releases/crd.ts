/** One of Istio's custom resource definitions, as data. */

export interface PrinterColumn {
	readonly name: string;
	readonly type: string;
	readonly jsonPath: string;
}

/** The parts in which Istio's custom resource definitions differ. */
export interface IstioCrd {
	/** `plural.group`. */
	readonly name: string;
	readonly group: string;
	/** The version in which objects are stored. */
	readonly version: string;
	/** Further versions that are served, with the same schema. Default: none. */
	readonly alsoServed?: readonly string[];
	readonly kind: string;
	readonly plural: string;
	readonly scope: 'Namespaced' | 'Cluster';
	readonly categories: readonly string[];
	readonly shortNames: readonly string[];
	readonly columns: readonly PrinterColumn[];
	/** The OpenAPI schema of its objects, with CEL rules. Default: everything is accepted. */
	readonly schema?: Readonly<Record<string, unknown>>;
	/** Whether the status is a subresource, with writers and rights of its own. Default: false. */
	readonly hasStatus?: boolean;
	/** Istio's own labels, by which people select definitions. */
	readonly labels: Readonly<Record<string, string>>;
}
