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
	/** The versions that the change comes from. */
	readonly from: VersionRange;
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

export function findKnownIssues<Condition extends string>(
	issues: readonly KnownIssue<Condition>[],
	hop: { readonly from: string; readonly to: string },
	isSo: (condition: Condition) => boolean,
): readonly UpgradeFinding[] {
	return issues
		.filter(({ from, to, condition }) => {
			const isBetween = isWithin(hop.from, from) && isWithin(hop.to, to);
			return isBetween && (condition === 'always' || isSo(condition));
		})
		.map(({ name, subject, sentence, source }) => found(name, subject, `${sentence} (${source})`));
}
