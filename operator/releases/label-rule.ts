/** Labels that a release's own charts give to objects, and by which people select them. */

/** One rule: objects of these kinds and components have these labels. */
export interface LabelRule {
	/** Values of `app.kubernetes.io/component`. */
	readonly components: readonly string[];
	/** Default: every kind. */
	readonly kinds?: readonly string[];
	readonly labels: Readonly<Record<string, string>>;
}

/** The labels of an object. Where several rules have the same label, the last one counts. */
export function labelsByRule(
	rules: readonly LabelRule[],
	kind: string,
	component: string,
): Readonly<Record<string, string>> {
	const fitting = rules.filter(
		(rule) => rule.components.includes(component) && (rule.kinds === undefined || rule.kinds.includes(kind)),
	);
	return Object.assign({}, ...fitting.map(({ labels }) => labels));
}
