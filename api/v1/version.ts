/** Versions of Istio and of Kubernetes, as releases, API servers and their vendors write them. `semver` reads and orders them. */
import coerce from 'semver/functions/coerce.js';
import compare from 'semver/functions/compare.js';
import parse from 'semver/functions/parse.js';

/** The three numbers of a version. */
export interface Version {
	readonly major: number;
	readonly minor: number;
	readonly patch: number;
	/** As text: `1.36.3`. */
	readonly version: string;
}

/** `coerce` alone finds numbers anywhere in a text, and of a number that is too long for it a part. */
const beginsWithVersion = /^v?\d{1,9}\.\d{1,9}(?!\d)/;

/**
 * The numbers that a text begins with, as in `1.36`, `1.36+` and `v1.36.3-gke.1`. What follows the numbers is left out, the mark of
 * a pre-release too: vendors write there that they built it. Undefined when a text does not begin with major and minor.
 */
export function readVersion(text: string): Version | undefined {
	return beginsWithVersion.test(text) ? (coerce(text) ?? undefined) : undefined;
}

/** The version of a text that is one in full and nothing else: `1.4.10`, and neither `1.4`, `v1.4.10` nor `1.4.10-rc.1`. */
export function readFullVersion(text: string): Version | undefined {
	const version = parse(text);
	return version?.prerelease.length === 0 && version.version === text ? version : undefined;
}

/** `-1`, `0` or `1` as `a` is older than, the same as or newer than `b`. What is no version is older than all that are. */
export function compareVersions(a: Version | undefined, b: Version | undefined): number {
	return a === undefined || b === undefined
		? Number(a !== undefined) - Number(b !== undefined)
		: compare(a.version, b.version);
}

/** Whether a text begins with this version or a newer one. */
export function isSince(text: string, first: string): boolean {
	return compareVersions(readVersion(text), readVersion(first)) >= 0;
}
