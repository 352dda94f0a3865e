/** Finds what the operator knows about the version that a user writes. */

import type { Release } from './classic/release.ts';
import { classicReleases } from './classic/releases.ts';

/** Every release that can be installed, oldest first. */
export const releases: readonly Release[] = classicReleases;

/** A minor that was supported once and can no longer be installed. */
export interface EndOfLine {
	readonly minor: string;
	/** What to do instead. */
	readonly remedy: string;
}

/** Minors that an earlier version of the operator could install and this one can't. */
const endedLines: readonly EndOfLine[] = [];

export type FindResult =
	| { readonly found: 'release'; readonly release: Release }
	| { readonly found: 'endOfLine'; readonly ended: EndOfLine }
	| { readonly found: 'nothing'; readonly supported: readonly string[]; readonly nearest?: string };

/**
 * Finds the release of a full version such as `1.4.10`. Never guesses: a version that is not in the table is not found, but
 * the result names the known version of the same minor, if there is one. `known` and `ended` are parameters for tests and
 * later lines.
 */
export function findRelease(
	version: string,
	known: readonly Release[] = releases,
	ended: readonly EndOfLine[] = endedLines,
): FindResult {
	const release = known.find((candidate) => candidate.version === version);
	if (release !== undefined) {
		return { found: 'release', release };
	}
	const isOfMinor = ({ minor }: { readonly minor: string }) => version === minor || version.startsWith(`${minor}.`);
	const end = ended.find(isOfMinor);
	if (end !== undefined) {
		return { found: 'endOfLine', ended: end };
	}
	const nearest = known.find(isOfMinor)?.version;
	const supported = known.map((candidate) => candidate.version);
	return nearest === undefined ? { found: 'nothing', supported } : { found: 'nothing', supported, nearest };
}
