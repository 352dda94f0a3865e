import test from 'ava';
import { type Counter, CounterSums, objections } from './own-word.ts';

const rejects: Counter = { metric: 'rejects', counts: 'counts rejects', onlyWhileGrowing: false };
const late: Counter = {
	metric: 'pushes',
	types: ['lds_late', 'rds_late'],
	counts: 'counts late pushes',
	onlyWhileGrowing: true,
};

function read(text: string, partLength = text.length): ReadonlyMap<string, number> {
	const counted = new CounterSums([rejects, late]);
	for (let at = 0; at < text.length; at += partLength) counted.add(text.slice(at, at + partLength));
	counted.end();
	return counted.sums;
}

test('counters are summed over their series, by type where types are asked for, wherever the text is cut', (t) => {
	const text = [
		'# HELP rejects pushes{type="lds_late"} 9',
		'rejects{err="a } b",node="x"} 1',
		'rejects{node="y,type=\\"lds_late\\""} 2',
		'rejects_total 5',
		'pushes{type="lds"} 40',
		'pushes{type="lds_late"} 3',
		'pushes{node="z",type="rds_late"} 4e0',
		'pushes{node="\\",type=\\"rds_late\\"",type="lds"} 8',
		'pushes NaN',
		`rejects{err="${'x'.repeat(20_000)}"} 100`,
		'',
	].join('\n');
	const sums = { rejects: 3, 'pushes{type="lds_late"}': 3, 'pushes{type="rds_late"}': 4 };
	for (const partLength of [1, 7, 5_000, text.length])
		t.deepEqual(Object.fromEntries(read(text, partLength)), sums, String(partLength));
});

test('a count stands against a stage at once, or only while it grows; one that begins anew has grown', (t) => {
	const seven = read('rejects 0\npushes{type="lds_late"} 7\n');
	const objectionsAt = (text: string, before?: ReadonlyMap<string, number>) =>
		objections([rejects, late], read(text), before);
	t.deepEqual(objectionsAt('rejects 2\npushes{type="lds_late"} 7\n'), ['counts rejects: rejects 2']);
	t.deepEqual(objectionsAt('pushes{type="lds_late"} 7\n', seven), []);
	t.deepEqual(objectionsAt('pushes{type="lds_late"} 9\npushes{type="rds_late"} 1\n', seven), [
		'counts late pushes: pushes{type="lds_late"} 7 → 9, pushes{type="rds_late"} 0 → 1',
	]);
	t.deepEqual(objectionsAt('pushes{type="lds_late"} 2\n', seven), [
		'counts late pushes: pushes{type="lds_late"} 7 → 2',
	]);
	t.deepEqual(objectionsAt('', seven), []);
	t.deepEqual(objectionsAt('pushes{type="lds_late"} 2\n', new Map()), [
		'counts late pushes: pushes{type="lds_late"} 0 → 2',
	]);
});
