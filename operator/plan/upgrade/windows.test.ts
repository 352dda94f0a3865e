import test from 'ava';
import fc from 'fast-check';
import { windowProblems, windowsAt } from './windows.ts';

const saturdays = { schedule: '0 2 * * 6', duration: '4h' };
const at = (time: string) => Date.parse(time);

for (const { title, windows, now, open, until } of [
	{ title: 'before it', windows: [saturdays], now: '2026-11-30T06:00:00Z', open: false, until: '2026-12-05T02:00:00Z' },
	{
		title: 'at its first moment',
		windows: [saturdays],
		now: '2026-12-05T02:00:00Z',
		open: true,
		until: '2026-12-05T06:00:00Z',
	},
	{ title: 'inside', windows: [saturdays], now: '2026-12-05T05:59:59Z', open: true, until: '2026-12-05T06:00:00Z' },
	{
		title: 'at its end',
		windows: [saturdays],
		now: '2026-12-05T06:00:00Z',
		open: false,
		until: '2026-12-12T02:00:00Z',
	},
	{
		title: 'in the night in which the clocks go forward over its opening',
		windows: [{ schedule: '30 2 * * *', duration: '1h', timeZone: 'Europe/Berlin' }],
		now: '2027-03-28T00:30:00Z',
		open: false,
		until: '2027-03-28T01:00:00Z',
	},
	{
		title: 'in the night in which the clocks go back',
		windows: [{ schedule: '30 2 * * *', duration: '30m', timeZone: 'Europe/Berlin' }],
		now: '2026-10-25T01:10:00Z',
		open: false,
		until: '2026-10-26T01:30:00Z',
	},
	{
		title: 'the one that closes last of two that are open',
		windows: [saturdays, { schedule: '0 0 * * 6', duration: '3h' }],
		now: '2026-12-05T02:30:00Z',
		open: true,
		until: '2026-12-05T06:00:00Z',
	},
	{
		title: 'the one that opens first of two',
		windows: [saturdays, { schedule: '0 22 * * *', duration: '1h' }],
		now: '2026-11-30T06:00:00Z',
		open: false,
		until: '2026-11-30T22:00:00Z',
	},
]) {
	test(`a window: ${title}`, (t) => {
		t.deepEqual(windowsAt(windows, at(now)), { isOpen: open, untilMs: at(until) } as never);
	});
}

test('without windows it is always open', (t) => {
	t.deepEqual(windowsAt(undefined, 0), { isOpen: true, untilMs: undefined });
	t.deepEqual(windowsAt([], 0), { isOpen: true, untilMs: undefined });
});

test('what is told about a window holds until the time that is told', (t) => {
	const hour = fc.integer({ min: 0, max: 23 });
	const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Pacific/Chatham');
	const window = fc.record({
		schedule: fc.tuple(fc.integer({ min: 0, max: 59 }), hour).map(([minute, at]) => `${minute} ${at} * * *`),
		duration: fc.constantFrom('1m', '45m', '3h'),
		timeZone: zone,
	});
	const moment = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') });
	fc.assert(
		fc.property(window, moment, (one, nowMs) => {
			const now = windowsAt([one], nowMs);
			const untilMs = now.untilMs ?? Number.NaN;
			t.true(untilMs > nowMs && untilMs <= nowMs + 50 * 3_600_000);
			t.is(windowsAt([one], untilMs - 1).isOpen, now.isOpen);
			t.is(windowsAt([one], untilMs).isOpen, !now.isOpen);
		}),
		{ numRuns: 200 },
	);
});

for (const [schedule, problem] of [
	['0 0 30 2 *', 'never comes'],
	['0 0 31 4,6,9,11 *', 'never comes'],
	['2026-12-05T00:00:00', 'is not five fields'],
	['@daily', 'is not five fields'],
	['0 0 2 * * 6', 'is not five fields'],
	['at two in the night', 'is no schedule'],
	['0 25 * * *', 'is no schedule'],
] as const) {
	test(`refused: ${schedule} ${problem}`, (t) => {
		const [first, ...others] = windowProblems([saturdays, { schedule, duration: '1h' }]);
		t.deepEqual(others, []);
		t.is(first?.path, 'spec.upgrade.windows[1].schedule');
		t.true(first?.message.includes(problem), first?.message);
	});
}

test('refused: a time zone that is none; one that is, and a day that comes every fourth year, are not', (t) => {
	const zoned = (timeZone: string) => windowProblems([{ ...saturdays, timeZone }]);
	t.like(zoned('Mars/Phobos'), [{ path: 'spec.upgrade.windows[0].timeZone', reason: 'Invalid' }]);
	t.deepEqual(zoned('Asia/Tokyo'), []);
	t.deepEqual(windowProblems([{ schedule: '0 0 29 2 *', duration: '1h' }]), []);
});
