/** Which versions may follow each other: one minor up at a time, two beside each other, and patches freely. */
import { compareVersions, readFullVersion } from '../../../api/v1/index.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';

/** The new version comes as another revision, beside the one before. */
export interface Beside {
	/** Whether that revision stands already, so that it is only used again. */
	readonly stands: boolean;
}

/**
 * @param known the full versions that can be installed, for the way in between
 * @param beside undefined when what runs is changed itself
 */
export function checkPath(
	from: string,
	to: string,
	known: readonly string[] = [],
	beside?: Beside,
): readonly UpgradeFinding[] {
	if (beside?.stands === true) return [];
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
	// istio.io, "Canary upgrades": by revisions two minors at a time.
	if (after.minor <= before.minor + (beside === undefined ? 1 : 2)) return [];
	const next = known.findLast((version) => {
		const read = readFullVersion(version);
		return read?.major === before.major && read.minor === before.minor + (beside === undefined ? 1 : 2);
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
