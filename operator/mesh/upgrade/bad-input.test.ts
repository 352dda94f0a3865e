import test from 'ava';
import { lines } from '../../lines/lines.ts';
import { installation } from '../../render/testing.ts';
import { prepare } from '../prepare.ts';

function problemsOf(upgrade: object): readonly string[] {
	const prepared = prepare(installation({ version: '1.4.10', upgrade }), { lines });
	return prepared.ok ? [] : prepared.problems.map(({ path, message, remedy }) => `${path}: ${message}. ${remedy}`);
}

test('revisions beside each other are refused for a release that has none, and what it has is not', (t) => {
	const [problem = '', ...others] = problemsOf({ strategy: 'Canary' });
	t.deepEqual(others, []);
	t.regex(
		problem,
		/^spec\.upgrade\.strategy: .* Istio 1\.4\.10 has no revisions.*Set spec\.upgrade\.strategy to InPlace/,
	);
	t.deepEqual(problemsOf({ strategy: 'InPlace' }), []);
});

/** What the owner of a mesh may get wrong, and what he is told. */
const wrong: readonly (readonly [title: string, upgrade: object, told: RegExp])[] = [
	['a stage that is none', { pauseBefore: ['Pilots'] }, /spec\.upgrade\.pauseBefore\[0\].*Pilot/],
	['an approval of a stage that is none', { approved: { stage: 'All' } }, /spec\.upgrade\.approved\.stage/],
	['a deadline below that of any probe', { progressDeadline: '5s' }, /spec\.upgrade\.progressDeadline.*1m/],
	[
		'a window that never opens',
		{ windows: [{ schedule: '0 0 30 2 *', duration: '1h' }] },
		/spec\.upgrade\.windows\[0\]/,
	],
	[
		'a window that is open for no time',
		{ windows: [{ schedule: '0 2 * * 6', duration: '0s' }] },
		/windows\[0\]\.duration/,
	],
];

for (const [title, upgrade, told] of wrong) {
	test(`${title} is refused with its field and a remedy`, (t) => {
		const problems = problemsOf(upgrade);
		t.is(problems.length, 1);
		t.regex(problems[0] ?? '', told);
	});
}
