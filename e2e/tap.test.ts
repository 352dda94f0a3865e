import test from 'ava';
import { addCounts, noCounts, readTapLine } from './tap.ts';

const count = (lines: readonly string[]) => lines.map((line) => readTapLine(line).counts).reduce(addCounts, noCounts);

test('passed, failed, skipped and announced tests are counted, an announced one as failed', (t) => {
	const lines = [
		'TAP version 13',
		'ok 1 - a › works',
		'not ok 2 - a › breaks',
		'ok 3 - b # SKIP',
		'not ok 4 - c # TODO',
		'',
	];
	t.deepEqual(count([...lines, '1..4', '# tests 3', '# pass 1', '# skip 1', '# fail 2']), {
		passed: 1,
		failed: 2,
		skipped: 1,
	});
});

test('tests that did not run because their file ended early count as failed', (t) => {
	t.is(count(['# 3 tests remaining in e2e/x.test.ts', '# 1 test remaining in e2e/y.test.ts']).failed, 4);
});

test('what a test logs or reports is shown and never counted, even when it looks like a result', (t) => {
	for (const line of ['    ok 1 - inside of a report', '#   not ok 7 - logged', "    message: 'Difference'"]) {
		t.deepEqual(readTapLine(line), { counts: noCounts, text: line });
	}
});

test('lines for machines are not shown', (t) => {
	for (const line of ['TAP version 13', '1..12', '# tests 12', '# pass 11', '# fail 1', '  ---', '  ...', '']) {
		t.is(readTapLine(line).text, undefined);
	}
});
