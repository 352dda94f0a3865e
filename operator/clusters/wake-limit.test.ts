import test from 'ava';
import fc from 'fast-check';
import { WakeLimit } from './wake-limit.ts';

test('some come at once, then one each time', (t) => {
	const limit = new WakeLimit({ burst: 3, refillMs: 1_000 });
	t.deepEqual(
		[0, 0, 0].map((now) => limit.delayMs('a', now)),
		[0, 0, 0],
	);
	t.is(limit.delayMs('a', 0), 1_000);
	t.is(limit.delayMs('a', 400), 600, 'folded into the one that is owed');
	t.is(limit.delayMs('a', 1_000), 1_000);
	t.is(limit.delayMs('b', 400), 0, 'others have their own');
	t.is(limit.delayMs('a', 60_000), 0);
	limit.forget('a');
	t.deepEqual(
		[0, 0, 0].map(() => limit.delayMs('a', 60_000)),
		[0, 0, 0],
	);
});

test('however often it is asked, no more passes are due than the bucket gives, and none is lost', (t) => {
	fc.assert(
		fc.property(fc.array(fc.nat(500), { maxLength: 300 }), (steps) => {
			const limit = new WakeLimit({ burst: 5, refillMs: 1_000 });
			const due = new Set<number>();
			let now = 0;
			for (const step of steps) {
				now += step;
				const delayMs = limit.delayMs('a', now);
				t.true(delayMs >= 0 && delayMs <= 1_000);
				due.add(now + delayMs);
			}
			t.true(due.size <= 5 + now / 1_000 + 2, `${due.size} in ${now} ms`);
		}),
	);
});
