import test from 'ava';
import fc from 'fast-check';
import { decide, defaultTimings, heldSpec, microTime, releasedSpec, validateTimings } from './decision.ts';

const own = 15_000;
const other = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };

test('without a lease it is created', (t) => {
	t.deepEqual(decide({ spec: undefined, sinceMs: 0 }, 'me', 0, own), { do: 'create' });
});

test('a lease of ours is renewed, however old', (t) => {
	const spec = { ...other, holderIdentity: 'me' };
	t.deepEqual(decide({ spec, sinceMs: 0 }, 'me', 1e9, own), { do: 'renew' });
});

test('a lease without a holder is taken at once', (t) => {
	t.deepEqual(decide({ spec: { ...other, holderIdentity: '' }, sinceMs: 0 }, 'me', 0, own), { do: 'acquire' });
	t.deepEqual(decide({ spec: {}, sinceMs: 0 }, 'me', 0, own), { do: 'acquire' });
});

test("another's lease is taken when its record stood still for its duration, whatever its time stamps say", (t) => {
	t.deepEqual(decide({ spec: other, sinceMs: 1_000 }, 'me', 15_999, own), { do: 'wait', untilMs: 16_000 });
	t.deepEqual(decide({ spec: other, sinceMs: 1_000 }, 'me', 16_000, own), { do: 'acquire' });
	const future = { ...other, renewTime: '2999-01-01T00:00:00.000000Z' };
	t.deepEqual(decide({ spec: future, sinceMs: 1_000 }, 'me', 16_000, own), { do: 'acquire' });
});

test('the duration is the one in the record, our own where it has none', (t) => {
	const long = { ...other, leaseDurationSeconds: 60 };
	t.deepEqual(decide({ spec: long, sinceMs: 0 }, 'me', 59_999, own), { do: 'wait', untilMs: 60_000 });
	t.deepEqual(decide({ spec: { holderIdentity: 'other' }, sinceMs: 0 }, 'me', 1, own), { do: 'wait', untilMs: own });
});

test('a live holder is never robbed', (t) => {
	fc.assert(
		fc.property(fc.nat(), fc.integer({ min: 1, max: 3_600 }), fc.nat({ max: 3_600_000 }), (sinceMs, seconds, ageMs) => {
			const decision = decide(
				{ spec: { ...other, leaseDurationSeconds: seconds }, sinceMs },
				'me',
				sinceMs + ageMs,
				own,
			);
			t.is(decision.do === 'acquire', ageMs >= seconds * 1_000);
		}),
	);
});

test('transitions count changes of the holder, and the time of acquisition stays while it holds', (t) => {
	const start = new Date('2026-01-02T03:04:05.678Z');
	const first = heldSpec(undefined, 'a', start, own);
	t.deepEqual(first, {
		holderIdentity: 'a',
		leaseDurationSeconds: 15,
		acquireTime: '2026-01-02T03:04:05.678000Z',
		renewTime: '2026-01-02T03:04:05.678000Z',
		leaseTransitions: 0,
	});
	const later = new Date('2026-01-02T03:04:07.000Z');
	const renewed = heldSpec(first, 'a', later, own);
	t.deepEqual(renewed, { ...first, renewTime: microTime(later) });
	t.deepEqual(heldSpec({ ...renewed, strategy: 'OldestEmulationVersion' }, 'b', later, own), {
		...renewed,
		strategy: 'OldestEmulationVersion',
		holderIdentity: 'b',
		acquireTime: microTime(later),
		leaseTransitions: 1,
	});
	const released = releasedSpec(renewed, later);
	t.like(released, { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 });
	t.like(heldSpec(released, 'b', later, own), { holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 });
});

test('timings under which leaders could overlap are refused', (t) => {
	t.notThrows(() => validateTimings(defaultTimings));
	const refused: [Partial<typeof defaultTimings>, RegExp][] = [
		[{ leaseDurationMs: 10_000 }, /lease duration .* must be longer than the renew deadline/],
		[{ renewDeadlineMs: 2_400 }, /renew deadline .* must be longer than 1\.2 retry periods/],
		[{ retryPeriodMs: 0 }, /retry period must be positive/],
		[{ leaseDurationMs: 15_500 }, /whole seconds/],
		[{ renewDeadlineMs: Number.NaN }, /renew deadline/],
	];
	for (const [change, message] of refused)
		t.throws(() => validateTimings({ ...defaultTimings, ...change }), { message });
});
