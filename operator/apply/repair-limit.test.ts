import test from 'ava';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock-fake.ts';
import { RepairLimit } from './repair-limit.ts';

/** Takes repairs until one is refused. Returns how many there were, and how long to wait. */
function drain(limit: RepairLimit, key: string, now: number): { readonly taken: number; readonly waitMs: number } {
	for (let taken = 0; taken < 1000; taken++) {
		const answer = limit.take(key, now);
		if (!answer.allowed) return { taken, waitMs: answer.waitMs };
	}
	throw new Error('never refused');
}

test('30 repairs of one object may follow each other at once, then one each 2 s', async (t) => {
	const clock = new FakeClock();
	const limit = new RepairLimit();
	t.deepEqual(drain(limit, 'a', clock.now()), { taken: 30, waitMs: 2_000 });
	await clock.advance(1_999);
	t.deepEqual(limit.take('a', clock.now()), { allowed: false, waitMs: 1 });
	await clock.advance(1);
	t.deepEqual(drain(limit, 'a', clock.now()), { taken: 1, waitMs: 2_000 });
});

test('each object has a bucket of its own', (t) => {
	const limit = new RepairLimit();
	drain(limit, 'a', 0);
	t.is(drain(limit, 'b', 0).taken, 30);
});

test('a bucket that rested fills up to 30 and no further', async (t) => {
	const clock = new FakeClock();
	const limit = new RepairLimit();
	drain(limit, 'a', clock.now());
	await clock.advance(24 * 3_600_000);
	// Other objects come and go meanwhile. Full buckets are forgotten, which means the same as full.
	limit.take('b', clock.now());
	t.is(drain(limit, 'a', clock.now()).taken, 30);
});

test('a step of the time of day refills nothing', (t) => {
	const clock = new FakeClock();
	const limit = new RepairLimit();
	drain(limit, 'a', clock.now());
	clock.stepWallClock(3_600_000);
	t.false(limit.take('a', clock.now()).allowed);
});

test('over any stretch of time there are never more repairs than 30 and one per 2 s, of each object by itself', (t) => {
	fc.assert(
		fc.property(fc.array(fc.nat(10_000), { maxLength: 200 }), (pauses) => {
			const limit = new RepairLimit();
			const alone = new RepairLimit();
			const allowed = { a: 0, b: 0 };
			let now = 0;
			for (const pause of pauses) {
				now += pause;
				const answer = limit.take('a', now);
				if (answer.allowed) allowed.a++;
				// The other object is repaired twice as often, which changes nothing for the first.
				for (let times = 0; times < 2; times++) if (limit.take('b', now).allowed) allowed.b++;
				t.deepEqual(answer, alone.take('a', now));
			}
			for (const count of Object.values(allowed)) t.true(count <= 30 + now / 2_000 + 1e-6);
		}),
	);
});

test('who waits as long as it was told is served', (t) => {
	fc.assert(
		fc.property(fc.array(fc.nat(5_000), { maxLength: 80 }), (pauses) => {
			const limit = new RepairLimit();
			let now = 0;
			t.is(drain(limit, 'a', now).taken, 30);
			for (const pause of pauses) {
				now += pause;
				const answer = limit.take('a', now);
				if (answer.allowed) continue;
				t.true(answer.waitMs >= 1 && answer.waitMs <= 2_000);
				now += answer.waitMs;
				let again = limit.take('a', now);
				// Rounding may lose the last fraction of a millisecond.
				if (!again.allowed) again = limit.take('a', now + again.waitMs);
				t.true(again.allowed);
			}
		}),
	);
});
