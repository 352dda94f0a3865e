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
	readonly version: string;
	readonly kind: string;
	readonly plural: string;
	readonly scope: 'Namespaced' | 'Cluster';
	readonly categories: readonly string[];
	readonly shortNames: readonly string[];
	readonly columns: readonly PrinterColumn[];
	/** Istio's own labels, by which people select definitions. */
	readonly labels: Readonly<Record<string, string>>;
}
