/**
 * Reads and compares versions of Istio and of Kubernetes, as releases, API servers and vendors write them. `semver` does
 * the work.
 */
import coerce from 'semver/functions/coerce.js';
import compare from 'semver/functions/compare.js';
import parse from 'semver/functions/parse.js';

/** The three numbers of a version. */
export interface Version {
	readonly major: number;
	readonly minor: number;
	readonly patch: number;
	/** The numbers as text: `1.36.3`. */
	readonly version: string;
}

/** `coerce` alone would find numbers anywhere in a text, and cut a number that is too long for it. */
const beginsWithVersion = /^v?\d{1,9}\.\d{1,9}(?!\d)/;

/**
 * Reads the numbers that a text begins with, as in `1.36`, `1.36+` and `v1.36.3-gke.1`. Drops what follows, even the mark
 * of a pre-release, because vendors mark their builds there. Undefined when a text does not begin with major and minor.
 */
export function readVersion(text: string): Version | undefined {
	return beginsWithVersion.test(text) ? (coerce(text) ?? undefined) : undefined;
}

/** Reads a text that is a full version and nothing else: `1.4.10`, but neither `1.4`, `v1.4.10` nor `1.4.10-rc.1`. */
export function readFullVersion(text: string): Version | undefined {
	const version = parse(text);
	return version?.prerelease.length === 0 && version.version === text ? version : undefined;
}

/**
 * `-1`, `0` or `1` when `a` is older than, the same as or newer than `b`. What is no version is older than every version.
 */
export function compareVersions(a: Version | undefined, b: Version | undefined): number {
	return a === undefined || b === undefined
		? Number(a !== undefined) - Number(b !== undefined)
		: compare(a.version, b.version);
}

/** Whether a text begins with this version or a newer one. */
export function isSince(text: string, first: string): boolean {
	return compareVersions(readVersion(text), readVersion(first)) >= 0;
}
