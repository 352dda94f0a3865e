/** The lines and data of `meshwright check`. Pure. */
import type { Paint } from '../terminal.ts';
import type { CheckGroup, CheckResult, CheckState } from './result.ts';

const marks = { ok: '✔', warning: '!', failed: '✘', unknown: '?', skipped: '-' } as const;
const colours = { ok: 'green', warning: 'yellow', failed: 'red', unknown: 'yellow', skipped: 'dim' } as const;

/** Where the documentation says what a check is about. */
export function documentationOf({ name }: Pick<CheckResult, 'name'>): string {
	return `docs/check.md#${name}`;
}

/** Whether all is well: every sentence is true. What nobody could look at is not. */
export function isWell(groups: readonly CheckGroup[]): boolean {
	return count(groups, 'failed') + count(groups, 'unknown') === 0;
}

export function checkLines(groups: readonly CheckGroup[], paint: Paint): readonly string[] {
	return [...groups.flatMap((group) => [...groupLines(group, paint), '']), summary(groups)];
}

function groupLines({ title, results }: CheckGroup, paint: Paint): readonly string[] {
	return [paint('bold', title), ...results.flatMap((result) => resultLines(result, paint))];
}

/** One line when all is well. Otherwise also what to do, and where more stands. */
function resultLines(result: CheckResult, paint: Paint): readonly string[] {
	const { state, hint } = result;
	const told = state === 'ok' || state === 'skipped';
	return [
		`  ${paint(colours[state], marks[state])} ${sentenceOf(result)}`,
		...(told || hint === undefined ? [] : [`      do: ${hint}`]),
		...(told ? [] : [paint('dim', `      see ${documentationOf(result)}`)]),
	];
}

function sentenceOf({ sentence, detail, state }: CheckResult): string {
	if (detail === undefined) return sentence;
	return state === 'skipped' ? `${sentence} (not looked at: ${detail})` : `${sentence}: ${detail}`;
}

/** What is not well, a line each, for whoever waits. */
export function openLines(groups: readonly CheckGroup[], paint: Paint): readonly string[] {
	return groups.flatMap(({ title, results }) =>
		results
			.filter(({ state }) => state === 'failed' || state === 'unknown')
			.map((result) => `${paint(colours[result.state], marks[result.state])} ${title}: ${sentenceOf(result)}`),
	);
}

export function summary(groups: readonly CheckGroup[]): string {
	const all = groups.flatMap(({ results }) => results).filter(({ state }) => state !== 'skipped').length;
	const [failed, unknown, warnings] = [count(groups, 'failed'), count(groups, 'unknown'), count(groups, 'warning')];
	const remark = warnings === 0 ? '' : `, ${warnings} may not stay so`;
	if (failed + unknown === 0) return `All ${all} sentences are true${remark}.`;
	return `Of ${all} sentences ${failed} ${failed === 1 ? 'is' : 'are'} not true, ${unknown} ${unknown === 1 ? 'is' : 'are'} not known${remark}.`;
}

function count(groups: readonly CheckGroup[], state: CheckState): number {
	return groups.flatMap(({ results }) => results).filter((result) => result.state === state).length;
}

/** The same for programs. */
export function checkData(groups: readonly CheckGroup[]): object {
	return {
		ok: isWell(groups),
		groups: groups.map(({ title, results }) => ({
			title,
			checks: results.map((result) => ({ ...result, documentation: documentationOf(result) })),
		})),
	};
}
