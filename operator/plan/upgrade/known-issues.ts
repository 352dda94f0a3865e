/**
 * Known issues per patch, as data: between which versions, when, in which words, and where it is written. A line lists its
 * own; the conditions are its own too.
 */
import { compareVersions, readFullVersion } from '../../../api/v1/index.ts';
import { found, type UpgradeCheckName } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';

/** From the first to the last version, both included. */
export interface VersionRange {
	readonly first: string;
	readonly last: string;
}

export interface KnownIssue<Condition extends string = string> {
	readonly name: UpgradeCheckName;
	/** The versions that the change comes from. Undefined: the version itself has it, wherever a mesh comes from. */
	readonly from?: VersionRange;
	/** The versions that it leads to. */
	readonly to: VersionRange;
	/** When it matters. `always`, or a condition of the line. */
	readonly condition: Condition | 'always';
	/** What it is about. */
	readonly subject: string;
	/** What is so, in a sentence without the subject. */
	readonly sentence: string;
	/** Where it is written: tag and path, or an issue. */
	readonly source: string;
}

export function isWithin(version: string, { first, last }: VersionRange): boolean {
	const read = readFullVersion(version);
	return (
		read !== undefined &&
		compareVersions(read, readFullVersion(first)) >= 0 &&
		compareVersions(read, readFullVersion(last)) <= 0
	);
}

/**
 * @param from the version that a change comes from. Undefined: only what the version has that it leads to, and nothing of the
 * change itself.
 */
export function findKnownIssues<Condition extends string>(
	issues: readonly KnownIssue<Condition>[],
	{ from: comesFrom, to: leadsTo }: { readonly from: string | undefined; readonly to: string },
	isSo: (condition: Condition) => boolean,
): readonly UpgradeFinding[] {
	return issues
		.filter(({ from, to, condition }) => {
			const isOfThis = comesFrom === undefined ? from === undefined : from !== undefined && isWithin(comesFrom, from);
			return isOfThis && isWithin(leadsTo, to) && (condition === 'always' || isSo(condition));
		})
		.map(({ name, subject, sentence, source }) => found(name, subject, `${sentence} (${source})`));
}
