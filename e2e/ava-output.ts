/**
 * Counts tests in what ava prints for people. (Its TAP output would be made for that, but ava 8.1's TAP reporter itself
 * ends with an error when a test times out or ends its process, and hides which one it was.)
 */
import { stripVTControlCharacters } from 'node:util';

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

export interface OutputState extends Counts {
	/** One line per test comes first; after a rule, reports of failures and then totals follow. */
	readonly section: 'tests' | 'totals';
}

export const atStart: OutputState = { ...noCounts, section: 'tests' };

interface Rule {
	readonly section: OutputState['section'];
	readonly pattern: RegExp;
	readonly counts: 'passed' | 'failed' | 'skipped';
}

/**
 * Which lines count, by ava 8.1 `lib/reporters/default.js`. A number in the line is how often. A file that could not be
 * run to its end counts once, tests that it did not come to count each; tests that are only announced count as failed,
 * since what is not done is not done.
 */
const rules: readonly Rule[] = [
	{ section: 'tests', pattern: /^ {2}✔ /, counts: 'passed' },
	{ section: 'tests', pattern: /^ {2}✘ (\d+) tests? remaining in /, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}✘ (?!Exiting due to|Timed out)/, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}- \[todo\] /, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}- \[skip\] /, counts: 'skipped' },
	{ section: 'totals', pattern: /^ {2}(\d+) tests? remained pending after a timeout$/, counts: 'failed' },
];

/** Takes one line, coloured or not. */
export function readLine(state: OutputState, line: string): OutputState {
	const text = stripVTControlCharacters(line);
	if (text === '  ─') {
		return { ...state, section: 'totals' };
	}
	for (const rule of rules) {
		const match = rule.section === state.section ? rule.pattern.exec(text) : null;
		if (match !== null) {
			return { ...state, [rule.counts]: state[rule.counts] + Number(match[1] ?? 1) };
		}
	}
	return state;
}
