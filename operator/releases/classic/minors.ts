import { compareVersions, readVersion } from '../../../api/v1/index.ts';

/** Major and minor of each release: the keys of the line's tables. */
export const minors = ['1.0', '1.1', '1.2', '1.3', '1.4'] as const;

export type Minor = (typeof minors)[number];

/** `-1`, `0` or `1` when `a` is older than, the same as or newer than `b`. */
export function compareMinor(a: Minor, b: Minor): number {
	return compareVersions(readVersion(a), readVersion(b));
}
