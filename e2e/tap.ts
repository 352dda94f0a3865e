/** Reads the TAP that ava writes: counts for the last line of a test run, and lines for a person. */

export interface Counts {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
}

export const noCounts: Counts = { passed: 0, failed: 0, skipped: 0 };

export function addCounts(left: Counts, right: Counts): Counts {
	return {
		passed: left.passed + right.passed,
		failed: left.failed + right.failed,
		skipped: left.skipped + right.skipped,
	};
}

export interface TapLine {
	/** What the line adds to the counts. */
	readonly counts: Counts;
	/** What a person is shown; undefined for lines that are for machines only. */
	readonly text: string | undefined;
}

const result = /^(?<not>not )?ok \d+ - (?<title>.*?)(?: # (?<directive>SKIP|TODO))?$/;
/** A test file that ended before all of its tests had run (ava 8 `lib/reporters/tap.js`). */
const remaining = /^# (\d+) tests? remaining in /;
const forMachines = /^(TAP version \d+|1\.\.\d+|# (tests|pass|skip|fail) \d+|\s*(---|\.\.\.))$/;

/** Understands one line. A test that is only announced (`TODO`) counts as failed: what is not done is not done. */
export function readTapLine(line: string): TapLine {
	const groups = result.exec(line)?.groups;
	if (groups !== undefined) {
		const { not, title = '', directive } = groups;
		if (directive === 'SKIP') {
			return { counts: { ...noCounts, skipped: 1 }, text: `- ${title} (skipped)` };
		}
		return not === undefined
			? { counts: { ...noCounts, passed: 1 }, text: `✔ ${title}` }
			: { counts: { ...noCounts, failed: 1 }, text: `✘ ${title}` };
	}
	const unrun = remaining.exec(line)?.[1];
	if (unrun !== undefined) {
		return { counts: { ...noCounts, failed: Number(unrun) }, text: `✘ ${line.slice(2)}` };
	}
	return { counts: noCounts, text: forMachines.test(line) || line.trim() === '' ? undefined : line };
}
