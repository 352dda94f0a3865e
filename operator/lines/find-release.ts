/** Finds what the operator knows about the version that a user writes. */
import { readVersion } from '../../api/v1/index.ts';
import type { EndOfLine, Release, ReleaseProblem } from '../releases/index.ts';

export type FindResult =
	| { readonly found: 'release'; readonly release: Release }
	| { readonly found: 'endOfLine'; readonly ended: EndOfLine }
	| { readonly found: 'nothing'; readonly supported: readonly string[]; readonly nearest?: string };

/**
 * Finds the release of a full version such as `1.4.10`. Never guesses: a version that is not in the table is not found, but
 * the result names the known version of the same minor, if there is one.
 */
export function findRelease(version: string, known: readonly Release[], ended: readonly EndOfLine[] = []): FindResult {
	const release = known.find((candidate) => candidate.version === version);
	if (release !== undefined) {
		return { found: 'release', release };
	}
	const isOfMinor = (minor: string | undefined) =>
		minor !== undefined && (version === minor || version.startsWith(`${minor}.`));
	const end = ended.find(({ minor }) => isOfMinor(minor));
	if (end !== undefined) {
		return { found: 'endOfLine', ended: end };
	}
	const nearest = known.find((candidate) => isOfMinor(minorOf(candidate)))?.version;
	const supported = known.map((candidate) => candidate.version);
	return nearest === undefined ? { found: 'nothing', supported } : { found: 'nothing', supported, nearest };
}

/** The minor of a release: `1.4` for 1.4.10. */
function minorOf({ version }: Release): string | undefined {
	const read = readVersion(version);
	return read === undefined ? undefined : `${read.major}.${read.minor}`;
}

/** The problem with a version that is not a release which can be installed. */
export function versionProblem(
	version: string,
	search: Exclude<FindResult, { readonly found: 'release' }>,
): ReleaseProblem {
	const path = 'spec.version';
	if (search.found === 'endOfLine') {
		return {
			path,
			reason: 'EndOfLife',
			message: `${path} ${version} is at its end of life and is installed no more`,
			remedy: search.ended.remedy,
		};
	}
	const { nearest, supported } = search;
	return {
		path,
		reason: 'UnsupportedVersion',
		message: `${path} ${version} is not a release that this operator knows; it knows ${supported.join(', ')}`,
		remedy: nearest === undefined ? `Use one of ${supported.join(', ')}.` : `Use ${nearest}.`,
	};
}
