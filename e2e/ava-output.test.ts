import test from 'ava';
import { atStart, readLine } from './ava-output.ts';

const count = (lines: readonly string[]) => {
	const { passed, failed, skipped } = lines.reduce(readLine, atStart);
	return { passed, failed, skipped };
};

test('passed, failed, skipped and announced tests are counted, an announced one as failed', (t) => {
	const lines = [
		'',
		'  ✔ a › works (1.2s)',
		'    ℹ logged',
		'  ✘ [fail]: a › breaks boom',
		'  - [skip] b',
		'  - [todo] c',
		'  ─',
	];
	t.deepEqual(count([...lines, '', '  1 test failed', '  1 test skipped', '  1 test todo']), {
		passed: 1,
		failed: 2,
		skipped: 1,
	});
});

test('colours do not matter', (t) => {
	t.is(count(['  \u001b[32m✔\u001b[39m a \u001b[90m(1s)\u001b[39m']).passed, 1);
});

test('a file that ended early counts once, and so does each test that it did not come to', (t) => {
	const lines = [
		'  ✘ Exiting due to process.exit() when running e2e/x.test.ts',
		'  ✘ e2e/x.test.ts exited with a non-zero exit code: 3',
		'  ✘ 2 tests remaining in e2e/x.test.ts',
	];
	t.is(count(lines).failed, 3);
});

test('tests that were pending at a time-out count each', (t) => {
	const lines = [
		'  ✘ Timed out while running tests',
		'  3 tests were pending in a.test.ts',
		'  ◌ a › hangs',
		'  ─',
		'',
	];
	t.is(count([...lines, '  3 tests remained pending after a timeout']).failed, 3);
});

test('reports of failures are not counted, even where they look like results', (t) => {
	t.is(
		count(['  ✘ [fail]: a', '  ─', '', '  ✔ inside of a difference', '  ✘ inside too', '  ─', '  1 test failed'])
			.failed,
		1,
	);
	t.is(count(['  ─', '  ✔ inside of a difference']).passed, 0);
});
