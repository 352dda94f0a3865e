/** Which versions may follow each other: one minor up at a time, and patches freely. */
import { compareVersions, readFullVersion } from '../../../api/v1/index.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';

/** @param known the full versions that can be installed, for the way in between */
export function checkPath(from: string, to: string, known: readonly string[] = []): readonly UpgradeFinding[] {
	const [before, after] = [readFullVersion(from), readFullVersion(to)];
	const subject = 'spec.version';
	if (before === undefined || after === undefined) {
		const odd = after === undefined ? to : from;
		return [found('version-unknown', subject, `${odd} is no full version of a release, such as 1.4.10`)];
	}
	const way = `leads from ${from} to ${to}`;
	if (before.major !== after.major) return [found('major-change', subject, `${way}, another major version`)];
	if (before.minor === after.minor) return [];
	if (compareVersions(after, before) < 0) {
		return [found('downgrade', subject, `${way}, an older minor`, `Set it to ${from}, or to a newer version.`)];
	}
	if (after.minor === before.minor + 1) return [];
	const next = known.findLast((version) => {
		const read = readFullVersion(version);
		return read?.major === before.major && read.minor === before.minor + 1;
	});
	const skipped = after.minor - before.minor - 1;
	return [
		found(
			'minor-skipped',
			subject,
			`${way} and skips ${skipped} ${skipped === 1 ? 'minor' : 'minors'}`,
			next === undefined ? undefined : `Set it to ${next} first; from there the next minor can follow.`,
		),
	];
}

/** The releases to which a version can be changed without being refused, nearest first. */
export function targetsOf(from: string, known: readonly string[]): readonly string[] {
	return known
		.filter((to) => to !== from && readFullVersion(to) !== undefined && checkPath(from, to, known).length === 0)
		.toSorted((a, b) => compareVersions(readFullVersion(a), readFullVersion(b)));
}
