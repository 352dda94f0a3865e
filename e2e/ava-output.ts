/**
 * Counts tests in what ava prints for people. (Its TAP output is meant for that, but the TAP reporter of ava 8.1 itself
 * fails when a test times out or ends its process, and hides which one it was.)
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
	/** First comes one line per test. After a rule come reports of failures, and then totals. */
	readonly section: 'tests' | 'totals';
}

export const atStart: OutputState = { ...noCounts, section: 'tests' };

interface Rule {
	readonly section: OutputState['section'];
	readonly pattern: RegExp;
	readonly counts: 'passed' | 'failed' | 'skipped';
}

/**
 * The lines that count, by ava 8.1 `lib/reporters/default.js`. A number in the line says how often. A file that could not
 * be run to its end counts once, and so does each test in it that did not run. Tests that are only announced count as
 * failed.
 */
const rules: readonly Rule[] = [
	{ section: 'tests', pattern: /^ {2}✔ /, counts: 'passed' },
	{ section: 'tests', pattern: /^ {2}✘ (\d+) tests? remaining in /, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}✘ (?!Exiting due to|Timed out)/, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}- \[todo\] /, counts: 'failed' },
	{ section: 'tests', pattern: /^ {2}- \[skip\] /, counts: 'skipped' },
	{ section: 'totals', pattern: /^ {2}(\d+) tests? remained pending after a timeout$/, counts: 'failed' },
];

/** Reads one line, coloured or not. */
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
