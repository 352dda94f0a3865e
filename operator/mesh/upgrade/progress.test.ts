import test from 'ava';
import type { UpgradeRecord } from '../../plan/upgrade/course.ts';
import { looked, type Progress, recordedProgress } from './progress.ts';

const startMs = Date.parse('2026-12-05T02:00:00Z');
const record: UpgradeRecord = {
	from: '1.3.8',
	to: '1.4.10',
	stage: 'Pilot',
	state: 'Progressing',
	since: '2026-12-05T02:00:00Z',
};
const minuteMs = 60_000;

function look(numbers: unknown, ticksMs: number, known: UpgradeRecord = record) {
	return { numbers, record: known, deadlineMs: 10 * minuteMs, nowMs: startMs + ticksMs, ticksMs };
}

test('quiet is what was seen to be quiet: other numbers begin anew, and a time in which nobody looked is no failure', (t) => {
	let progress = looked(undefined, look('one of two', 1_000));
	t.is(progress.quietMs, 0);
	for (let ms = 16_000; ms <= 61_000; ms += 15_000) progress = looked(progress, look('one of two', ms));
	t.is(progress.quietMs, 60_000);
	// Paused for an hour, or without an API server.
	progress = looked(progress, look('one of two', 3_661_000));
	t.true(progress.quietMs <= 90_000);
	t.is(looked(progress, look('two of two', 3_662_000)).quietMs, 0);
});

interface Walk {
	readonly numbersAt: (ms: number) => unknown;
	readonly restartEveryMs: number;
	readonly untilMs: number;
}

/** Looks every 15 s by operators that end all the time. Returns the quiet times, and what was written into the record. */
function walk({ numbersAt, restartEveryMs, untilMs }: Walk) {
	let known = record;
	let before: Progress | undefined;
	const quiet: number[] = [];
	const written: UpgradeRecord['progress'][] = [];
	for (let ms = 0; ms <= untilMs; ms += 15_000) {
		if (ms % restartEveryMs === 0) before = undefined;
		const now = look(numbersAt(ms), ms, known);
		before = looked(before, now);
		quiet.push(before.quietMs);
		const progress = recordedProgress(before, now);
		if (progress === known.progress || progress === undefined) continue;
		known = { ...known, progress };
		written.push(progress);
	}
	return { quiet, written };
}

test('a stage that does not get on fails in time, although the operator ends every two minutes: one write tells since when', (t) => {
	const { quiet, written } = walk({ numbersAt: () => 1, restartEveryMs: 2 * minuteMs, untilMs: 11 * minuteMs });
	t.deepEqual(
		written.map((one) => one?.at),
		['2026-12-05T02:00:00Z'],
	);
	t.true(quiet.indexOf(10 * minuteMs) <= 44, `${quiet.indexOf(10 * minuteMs)} looks`);
	// A process watches for a minute itself before it says so.
	const late = looked(undefined, look(1, 50 * minuteMs, { ...record, progress: written[0] ?? { at: '', of: '' } }));
	t.is(late.quietMs, 9 * minuteMs);
});

test('one that gets on does not fail, however often the operator ends, and is written down about once a minute', (t) => {
	const untilMs = 30 * minuteMs;
	const { quiet, written } = walk({
		numbersAt: (ms) => ms,
		restartEveryMs: 2 * minuteMs,
		untilMs,
	});
	t.is(Math.max(...quiet), 0, `${Math.max(...quiet)} ms`);
	t.true(written.length <= 31, `${written.length} writes`);
});

test('what is held stays held for the next operator; other numbers, and a record of other numbers, begin anew', (t) => {
	const { of } = looked(undefined, look(1, 0));
	const progress = { at: '2026-12-05T02:00:00Z', of };
	const held: UpgradeRecord = { ...record, state: 'Held', progress };
	t.is(looked(undefined, look(1, 20 * minuteMs, held)).quietMs, 10 * minuteMs);
	t.is(looked(undefined, look(2, 20 * minuteMs, held)).quietMs, 0);
	t.is(looked(undefined, look(1, 20 * minuteMs, { ...held, progress: { at: 'never', of } })).quietMs, 0);
	// A clock that goes ahead of this one.
	t.is(looked(undefined, look(1, -minuteMs, held)).quietMs, 0);
});
