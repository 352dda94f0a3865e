/** Finds in what two sets of facts differ, and what the list of differences says of it. */
import type { Facts } from './facts.ts';

export interface Difference {
	readonly version: string;
	/** What was rendered, such as `here` and `there`: the cluster of the control plane, and one that it serves. */
	readonly place: string;
	/** Kind and name. */
	readonly object: string;
	/** Undefined when one side has no such object. */
	readonly aspect?: string;
	/** Undefined when the charts have nothing there. */
	readonly charts: string | undefined;
	/** Undefined when Meshwright has nothing there. */
	readonly meshwright: string | undefined;
}

/** Differences with the same reason. */
export interface ListedDifference {
	/** Kind and name. `*` stands for anything, `{a,b}` for one of several. */
	readonly object: string;
	/** Default: that there is such an object at all. */
	readonly aspect?: string;
	/** Where it differs. Default: everywhere. */
	readonly place?: string;
	/** Limits the entry to aspects that only one side has, or that both have with other values. Default: all of them. */
	readonly side?: 'charts' | 'meshwright' | 'both';
	/** Why, for a user: a sentence without its full stop. */
	readonly why: string;
}

export function compareFacts(
	where: Pick<Difference, 'version' | 'place'>,
	charts: Facts,
	meshwright: Facts,
): readonly Difference[] {
	return keysOf(charts, meshwright).flatMap((object): readonly Difference[] => {
		const [theirs, ours] = [charts[object], meshwright[object]];
		if (theirs === undefined || ours === undefined) {
			return [{ ...where, object, charts: theirs && 'there', meshwright: ours && 'there' }];
		}
		return keysOf(theirs, ours)
			.filter((aspect) => theirs[aspect] !== ours[aspect])
			.map((aspect) => ({ ...where, object, aspect, charts: theirs[aspect], meshwright: ours[aspect] }));
	});
}

/** The first entry of the list that fits. */
export function listed(difference: Difference, list: readonly ListedDifference[]): ListedDifference | undefined {
	return list.find(
		({ object, aspect, place, side }) =>
			fits(object, difference.object) &&
			(aspect === undefined ? difference.aspect === undefined : fits(aspect, difference.aspect)) &&
			(place === undefined || place === difference.place) &&
			(side === undefined || side === sideOf(difference)),
	);
}

/** The differences that are not on a list, as JSON, and the entries of the list that fit none. */
export function heldAgainst(
	differences: readonly Difference[],
	list: readonly ListedDifference[],
): { readonly unlisted: readonly string[]; readonly idle: readonly ListedDifference[] } {
	const byEntry = Map.groupBy(differences, (difference) => listed(difference, list));
	return {
		unlisted: (byEntry.get(undefined) ?? []).map((difference) => JSON.stringify(difference)),
		idle: list.filter((entry) => !byEntry.has(entry)),
	};
}

function sideOf({ charts, meshwright }: Difference): ListedDifference['side'] {
	if (meshwright === undefined) return 'charts';
	return charts === undefined ? 'meshwright' : 'both';
}

/** Whether a text is of the form `a *{b,c}`. */
function fits(pattern: string, text: string | undefined): boolean {
	const source = pattern
		.replaceAll(/[.+^$()|[\]\\]/g, '\\$&')
		.replaceAll('*', '.*')
		.replaceAll(/\{([^}]*)\}/g, (_, choices: string) => `(${choices.replaceAll(',', '|')})`);
	return text !== undefined && new RegExp(`^${source}$`, 's').test(text);
}

function keysOf(a: object, b: object): readonly string[] {
	return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}
