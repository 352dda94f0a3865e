/**
 * Which rights some RBAC rules give that others do not, decided as an API server decides it when it checks for escalation
 * (kubernetes 1.36 `staging/src/k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go`, `Covers`). Pure.
 */

/** A rule as Kubernetes writes it. What is absent is empty. */
export interface RuleLike {
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly nonResourceURLs?: readonly string[];
	readonly verbs: readonly string[];
}

/** The smallest right: one verb on one resource, which may be of one name, or on one URL. */
export type SingleRight =
	| { readonly verb: string; readonly group: string; readonly resource: string; readonly name?: string }
	| { readonly verb: string; readonly url: string };

export interface NotCoveredOptions {
	/**
	 * Stop after this many findings. Rules of strangers multiply into more single rights than memory holds, but each one that
	 * is covered is a combination of what the owner's rules name.
	 */
	readonly atMost?: number;
}

/** Every right in `wanted` that no rule of `owned` gives, in the order of the rules. Empty when all are covered. */
export function rightsNotCovered(
	owned: readonly RuleLike[],
	wanted: readonly RuleLike[],
	{ atMost = Number.POSITIVE_INFINITY }: NotCoveredOptions = {},
): readonly SingleRight[] {
	const found: SingleRight[] = [];
	for (const right of singleRights(wanted)) {
		if (found.length >= atMost) break;
		if (!owned.some((rule) => covers(rule, right))) found.push(right);
	}
	return found;
}

/** `get secrets`, `patch deployments.apps istio-pilot`, `get /metrics`. */
export function describeRight(right: SingleRight): string {
	if ('url' in right) return `${right.verb} ${right.url}`;
	const { verb, group, resource, name } = right;
	return [verb, group === '' ? resource : `${resource}.${group}`, ...(name === undefined ? [] : [name])].join(' ');
}

/** Takes rules apart one right at a time, each value of a list once. */
function* singleRights(rules: readonly RuleLike[]): Generator<SingleRight> {
	for (const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs } of rules) {
		const names = resourceNames.length === 0 ? [undefined] : [...new Set(resourceNames)];
		for (const verb of new Set(verbs)) {
			for (const group of new Set(apiGroups)) {
				for (const resource of new Set(resources)) {
					for (const name of names) yield { verb, group, resource, ...(name === undefined ? {} : { name }) };
				}
			}
			for (const url of new Set(nonResourceURLs)) yield { verb, url };
		}
	}
}

function covers(
	{ apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs }: RuleLike,
	right: SingleRight,
): boolean {
	if (!has(verbs, right.verb)) return false;
	if ('url' in right) return nonResourceURLs.some((owned) => urlCovers(owned, right.url));
	return (
		has(apiGroups, right.group) &&
		resourcesCover(resources, right.resource) &&
		(resourceNames.length === 0 || (right.name !== undefined && resourceNames.includes(right.name)))
	);
}

function has(values: readonly string[], value: string): boolean {
	return values.includes('*') || values.includes(value);
}

// A star before a subresource covers the subresource of that name of every resource.
function resourcesCover(owned: readonly string[], resource: string): boolean {
	const slash = resource.indexOf('/');
	return has(owned, resource) || (slash !== -1 && owned.includes(`*${resource.slice(slash)}`));
}

/** A URL covers itself and, with a star at its end, everything that starts like it. */
function urlCovers(owned: string, url: string): boolean {
	return owned === url || (owned.endsWith('*') && url.startsWith(owned.replace(/\*+$/, '')));
}
