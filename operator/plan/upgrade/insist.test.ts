import test from 'ava';
import { found, upgradeCatalogue } from './catalogue.ts';
import { findingsForStatus, judge, readInsistence } from './insist.ts';

const findings = [
	found('ports-change', 'Service a/b', 'loses port 1'),
	found('no-room', 'Deployment a/b', 'needs more'),
	found('downgrade', 'spec.version', 'leads down'),
	found('setting-refused', 'spec.pilot', 'is not known'),
];

function summary(annotation: string | undefined) {
	const { findings: judged, isBlocked } = judge(findings, annotation);
	return {
		isBlocked,
		names: judged.map(({ name, severity, isInsisted }) => `${name} ${isInsisted ? 'insisted' : severity}`),
	};
}

test('without the annotation all blockers block, and stand before warnings', (t) => {
	t.deepEqual(summary(undefined), {
		isBlocked: true,
		names: ['no-room blocker', 'downgrade blocker', 'setting-refused blocker', 'ports-change warning'],
	});
});

test('the annotation insists on the blockers that it names, and on no others', (t) => {
	const { names, isBlocked } = summary(' no-room ,downgrade,no-room');
	t.true(isBlocked);
	t.deepEqual(names, ['setting-refused blocker', 'no-room insisted', 'downgrade insisted', 'ports-change warning']);
	t.false(judge(findings.slice(0, 3), 'no-room,downgrade').isBlocked);
});

for (const [name, words] of [
	['no-rom', /names no-rom, and no blocker has that name/],
	['all', /no blocker has that name/],
	['*', /no blocker has that name/],
	['toString', /no blocker has that name/],
	['ports-change', /is a warning and blocks nothing/],
	['setting-refused', /nothing could be rendered/],
] as const) {
	test(`an insistence on ${name} is told and overrides nothing`, (t) => {
		const { findings: judged } = judge(findings, name);
		const told = judged.find((one) => one.name === 'insistence-unknown');
		t.regex(told?.message ?? '', words);
		t.true(judged.every(({ isInsisted }) => !isInsisted));
	});
}

test('a blocker on which somebody insists, and which is not there, is nothing to tell', (t) => {
	t.deepEqual(judge([], 'no-room'), { findings: [], isBlocked: false });
});

test('an annotation of any length is read in part', (t) => {
	t.true(readInsistence('x,'.repeat(1_000_000)).length <= 4096);
	t.true(judge([], `${'x'.repeat(5000)}`).findings.every(({ message }) => message.length < 200));
});

test('the status has room for the first findings, and says how many more there are', (t) => {
	const many = Array.from({ length: 100 }, (_, index) => found('no-room', `Deployment a/${index}`, 'needs more'));
	const shown = findingsForStatus(judge(many, undefined));
	t.is(shown.length, 64);
	t.regex(shown.at(-1)?.message ?? '', /37 more/);
	t.deepEqual(findingsForStatus(judge(findings.slice(1, 2), 'no-room')), [
		{
			name: 'no-room',
			severity: 'Insisted',
			message: `Deployment a/b needs more: ${upgradeCatalogue['no-room'].remedy}`,
		},
	]);
});
