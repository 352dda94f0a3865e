/** Rules as they stand in the operator's manifests. */

/** A rule as Kubernetes writes it. Lists are sorted. */
export interface Rule {
	readonly apiGroups: readonly string[];
	readonly resources: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

export function rule(
	apiGroup: string,
	resource: string,
	verbs: readonly string[],
	resourceNames?: readonly string[],
): Rule {
	return {
		apiGroups: [apiGroup],
		resources: [resource],
		...(resourceNames === undefined ? {} : { resourceNames: [...resourceNames].sort() }),
		verbs: [...verbs].sort(),
	};
}

/**
 * Writes the same rights in few rules: joins verbs of one resource, then resources with the same verbs. Sorts them, so that
 * the result depends on the rights alone.
 */
export function compact(rules: readonly Rule[]): readonly Rule[] {
	const names = ({ resourceNames }: Rule): string => JSON.stringify(resourceNames ?? null);
	const unite = (parts: readonly Rule[], key: 'verbs' | 'resources'): Rule => {
		const [first = rule('', '', [])] = parts;
		return { ...first, [key]: [...new Set(parts.flatMap((part) => part[key]))].sort() };
	};
	const perResource = [
		...Map.groupBy(uniteNames(rules), (one) => `${one.apiGroups[0]} ${one.resources[0]} ${names(one)}`).values(),
	].map((parts) => unite(parts, 'verbs'));
	const general = new Map(
		perResource
			.filter((one) => one.resourceNames === undefined)
			.map((one) => [`${one.apiGroups[0]} ${one.resources[0]}`, one]),
	);
	// A right on named objects adds nothing to the same right on all objects.
	const needed = perResource.flatMap((one): readonly Rule[] => {
		const wider = one.resourceNames === undefined ? undefined : general.get(`${one.apiGroups[0]} ${one.resources[0]}`);
		const verbs = one.verbs.filter((verb) => wider?.verbs.includes(verb) !== true);
		return verbs.length === 0 ? [] : [{ ...one, verbs }];
	});
	return [...Map.groupBy(needed, (one) => `${one.apiGroups[0]} ${one.verbs.join()} ${names(one)}`).values()]
		.map((parts) => unite(parts, 'resources'))
		.sort((a, b) => compare(sortKey(a), sortKey(b)));
}

/** Joins the names for which one verb is given on one resource. */
function uniteNames(rules: readonly Rule[]): readonly Rule[] {
	const single = rules.flatMap((one) =>
		one.resources.flatMap((resource) => one.verbs.map((verb) => ({ ...one, resources: [resource], verbs: [verb] }))),
	);
	const key = ({ apiGroups, resources, resourceNames, verbs }: Rule): string =>
		[apiGroups[0], resources[0], verbs[0], resourceNames === undefined].join(' ');
	return [...Map.groupBy(single, key).values()].flatMap((same) => {
		const [first] = same;
		if (first?.resourceNames === undefined) return same.slice(0, 1);
		return [{ ...first, resourceNames: [...new Set(same.flatMap(({ resourceNames = [] }) => resourceNames))].sort() }];
	});
}

function sortKey({ apiGroups, resources, resourceNames, verbs }: Rule): string {
	return [apiGroups.join(), resources.join(), String(resourceNames?.length ?? 0), verbs.join()].join(' ');
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
