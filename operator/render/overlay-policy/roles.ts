/** What an overlay may change about a role: it may take rights away, as an API server would find it when it checks. */
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../../api/v1/index.ts';
import { describeRight, type RuleLike, rightsNotCovered } from '../rules-covered.ts';
import { type Allowance, own } from './allowance.ts';

const lists = ['apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'verbs'] as const;
const knownFields: ReadonlySet<string> = new Set(lists);

/** This many added rights are named. */
const namedRights = 5;

/** Far more than any rendered role has. Each is looked at in every pass over the spec. */
const maxValues = 500;

const remedy = 'Roles may only be narrowed.';

/** `rules` of a Role or ClusterRole. */
export const narrowed: Allowance = (before, after, path) => {
	if (isDeepStrictEqual(before, after)) return [];
	const [owned, wanted] = [rulesIn(before), rulesIn(after)];
	if (owned === undefined || wanted === undefined) {
		return [{ what: `make ${path} anything but a list of rules of Kubernetes' form`, remedy }];
	}
	const added = rightsNotCovered(owned, wanted, { atMost: namedRights });
	return added.length === 0
		? []
		: [{ what: `add to ${path} the rights "${added.map(describeRight).join('", "')}"`, remedy }];
};

function rulesIn(value: unknown): readonly RuleLike[] | undefined {
	return Array.isArray(value) && value.every(isRule) && countValues(value) <= maxValues ? value : undefined;
}

function isRule(value: unknown): value is RuleLike {
	return (
		isObject(value) &&
		Object.keys(value).every((key) => knownFields.has(key)) &&
		Array.isArray(value.verbs) &&
		lists.every((list) => {
			const given = own(value, list);
			return given === undefined || (Array.isArray(given) && given.every((entry) => typeof entry === 'string'));
		})
	);
}

function countValues(rules: readonly RuleLike[]): number {
	return rules.flatMap((rule) => lists.flatMap((list) => rule[list] ?? [])).length;
}
