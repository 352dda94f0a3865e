import test from 'ava';
import fc from 'fast-check';
import type { ClusterRecord } from './record.ts';
import {
	isDue,
	isSettled,
	noRollOutUntil,
	type RotationPolicy,
	renewalAt,
	rollOutDistanceMs,
	rollOutPatienceMs,
} from './rotation.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const start = Date.UTC(2026, 0, 1);

/** No token is asked for with more. */
const longest = 3_650 * day;
const lifetimeMs = fc.integer({ min: 60 * minute, max: 3_650 * day });
const policy: fc.Arbitrary<RotationPolicy> = fc.record({
	lifetimeMs: fc.constant(longest),
	renewShare: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
});
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const common: RotationPolicy = { lifetimeMs: longest, renewShare: 0.7 };

function published(cluster: string, issuedAt: number, life = 30 * day, replacedAt?: number): ClusterRecord {
	return {
		cluster,
		role: 'Remote',
		state: 'Published',
		dataPlane: false,
		kubeconfig: { namespace: 'x', name: 'y', key: 'z' },
		issued: { issuedAt, lifetimeMs: life },
		...(replacedAt === undefined ? {} : { replacedAt }),
	};
}

test('a token is renewed after it was issued and well before its end, so that old and new overlap', (t) => {
	fc.assert(
		fc.property(name, lifetimeMs, policy, (cluster, life, given) => {
			const at = renewalAt(cluster, { issuedAt: start, lifetimeMs: life }, given);
			t.true(at > start);
			t.true(at <= start + life * given.renewShare);
			t.true(start + life - at >= Math.min(15 * minute, life / 2));
			// Jitter makes it earlier, but only a little.
			t.true(at >= start + Math.min(life * given.renewShare, life / 2) - life * 0.05);
		}),
	);
});

test('the jitter depends on nothing but the cluster and the token, and spreads a fleet', (t) => {
	const issued = { issuedAt: start, lifetimeMs: 30 * day };
	const times = Array.from({ length: 100 }, (_, i) => renewalAt(`c${i}`, issued, common));
	t.deepEqual(
		times,
		Array.from({ length: 100 }, (_, i) => renewalAt(`c${i}`, { ...issued }, { ...common })),
	);
	t.is(new Set(times).size, 100);
	t.true(Math.max(...times) - Math.min(...times) > day);
});

test('who is due stays so until the token is another one', (t) => {
	fc.assert(
		fc.property(
			name,
			lifetimeMs,
			policy,
			fc.nat({ max: 1_000 }),
			fc.nat({ max: 1_000 }),
			(cluster, life, given, a, b) => {
				const record = published(cluster, start, life);
				const [early = 0, late = 0] = [a, b].sort((x, y) => x - y).map((share) => start + (life * share) / 800);
				if (isDue(record, [], given, early)) t.true(isDue(record, [], given, late));
			},
		),
	);
});

test('right after it was issued no token is due, whatever the other clusters do', (t) => {
	const other = fc.record({
		cluster: name,
		issuedAt: fc.integer({ min: start - 4_000 * day, max: start }),
		life: lifetimeMs,
		replacedAt: fc.option(fc.integer({ min: start - day, max: start }), { nil: undefined }),
	});
	fc.assert(
		fc.property(lifetimeMs, policy, fc.array(other, { maxLength: 10 }), (life, given, others) => {
			const records = others.map((one) => published(`x-${one.cluster}`, one.issuedAt, one.life, one.replacedAt));
			const record = published('a', start, life, start);
			t.false(isDue(record, records, given, start));
			t.false(isDue(record, records, given, start + life * 0.02));
		}),
	);
});

test('without a token, and with one that a clock dated that went back since, it is due', (t) => {
	const { issued: _, ...none } = published('a', start);
	t.true(isDue(none, [], common, start));
	// By its date it would be renewed long after its end.
	t.true(isDue(published('a', start + 20 * day), [], common, start));
	// Two replicas never have quite the same time.
	t.false(isDue(published('a', start + minute), [], common, start));
});

test('a token dated by another clock is renewed before its real end all the same', (t) => {
	fc.assert(
		// Doubles would hardly ever be of this size: half the time they are next to nothing.
		fc.property(lifetimeMs, policy, fc.integer({ min: 0, max: 3_000 }), (life, given, thousandths) => {
			// The token was issued at `start`. The clock showed a later time then, and is right again.
			const record = published('a', start + (life * thousandths) / 1_000, life);
			t.true(isDue(record, [], given, start) || isDue(record, [], given, start + life));
		}),
	);
});

test('who is nearly due renews with the first that is, and who is far from it does not', (t) => {
	const first = published('first', start);
	const now = renewalAt('first', first.issued ?? { issuedAt: 0, lifetimeMs: 0 }, common);
	const near = published('near', start + 2 * day);
	const far = published('far', start + 10 * day);
	t.false(isDue(near, [first, far], common, now - 1));
	t.true(isDue(near, [first, far], common, now));
	t.false(isDue(far, [first, near], common, now));
	// The same after the first has been renewed, while the roll-out waits.
	const renewed = published('first', now, 30 * day, now);
	t.true(isDue(near, [renewed, far], common, now + minute));
	t.false(isDue(near, [renewed, far], common, now + rollOutPatienceMs));
	// A cluster that does not answer for days makes nobody else renew early.
	t.false(isDue(near, [first], common, now + rollOutPatienceMs));
	// Neither does one that is joining or leaving.
	t.false(isDue(near, [{ ...first, state: 'Leaving' }], common, now));
	t.false(isDue(near, [near], common, now));
});

test('pods are replaced when all that are due have been renewed, and however it is after two minutes', (t) => {
	const renewed = published('a', start, 30 * day, start);
	const dead = published('b', start - 25 * day);
	t.true(isSettled([], common, start));
	t.true(isSettled([dead], common, start));
	t.false(isSettled([renewed, dead], common, start + 1));
	t.true(isSettled([renewed, { ...dead, state: 'Leaving' }], common, start + 1));
	t.true(isSettled([renewed, dead], common, start + rollOutPatienceMs));
	// The clock went back. Nobody waits until it has caught up.
	t.true(isSettled([published('a', start - day, 30 * day, start + day), dead], common, start));
});

test('a roll-out that waits for its distance is prepared when it comes: who is due before the next one renews with it', (t) => {
	const hour = 60 * minute;
	// Pods were replaced at `start`. Then one cluster is changed again and again, and another one has tokens of an hour.
	const changed = (minutes: number) =>
		published('changed', start + minutes * minute, 30 * day, start + minutes * minute);
	const hourly = published('hourly', start - 5 * minute, hour);
	const at = (minutes: number, ...all: readonly ClusterRecord[]) =>
		isDue(hourly, all, { ...common, renewShare: 0.95 }, start + minutes * minute, start);
	// It is 35 minutes old at the roll-out, would be due at 45, and ends at 60.
	t.false(at(20, hourly, changed(19)));
	t.false(at(29, hourly, changed(5)));
	t.true(at(30, hourly, changed(5)));
	t.false(isSettled([hourly, changed(5)], { ...common, renewShare: 0.95 }, start + 30 * minute, start));
	const renewed = published('hourly', start + 30 * minute, hour, start + 30 * minute);
	t.true(isSettled([renewed, changed(5)], { ...common, renewShare: 0.95 }, start + 30 * minute, start));
	t.true(
		isSettled([hourly, changed(5)], { ...common, renewShare: 0.95 }, start + 30 * minute + rollOutPatienceMs, start),
	);
});

test('no token ends in pods that wait for the next roll-out, whatever one of the clusters does', (t) => {
	const lives = fc.array(fc.integer({ min: 60 * minute, max: 3 * day }), { minLength: 1, maxLength: 5 });
	const noise = fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 30 });
	fc.assert(
		fc.property(lives, noise, policy, (all, changes, given) => {
			let records = all.map((life, i) => published(`c${i}`, start, life));
			let hostile = published('hostile', start, 60 * minute);
			let inPods = [...records];
			let rolledOutAt: number | undefined;
			let pending = false;
			for (let now = start; now < start + 10 * 60 * minute; now += minute) {
				if (changes.includes((now - start) / minute)) {
					hostile = published('hostile', now, 60 * minute, now);
					pending = true;
				}
				for (const record of [...records, hostile]) {
					const others = [...records, hostile];
					if (!isDue(record, others, given, now, rolledOutAt)) continue;
					const fresh = published(record.cluster, now, record.issued?.lifetimeMs, now);
					if (record === hostile) hostile = fresh;
					else records = records.map((one) => (one === record ? fresh : one));
					pending = true;
				}
				const until = noRollOutUntil(rolledOutAt, now);
				if (pending && (until === undefined || until <= now)) {
					t.true(rolledOutAt === undefined || now - rolledOutAt >= rollOutDistanceMs);
					[inPods, rolledOutAt, pending] = [[...records], now, false];
				}
				for (const { issued } of inPods)
					t.true(issued !== undefined && now < issued.issuedAt + issued.lifetimeMs - 5 * minute);
			}
		}),
		{ numRuns: 60 },
	);
});

test('however clusters joined, a common renewal ends: everybody renews once, and all is settled', (t) => {
	const joined = fc.array(fc.integer({ min: 0, max: 20 * day }), { minLength: 1, maxLength: 12 });
	fc.assert(
		fc.property(joined, policy, (offsets, given) => {
			let records = offsets.map((offset, i) => published(`c${i}`, start + offset));
			const dues = records.map(({ cluster, issued = { issuedAt: 0, lifetimeMs: 0 } }) =>
				renewalAt(cluster, issued, given),
			);
			const now = Math.max(Math.min(...dues), start + 20 * day);
			const renewals = new Map<string, number>();
			for (let round = 0; ; round++) {
				const due = records.find((record) => isDue(record, records, given, now));
				if (due === undefined) break;
				renewals.set(due.cluster, (renewals.get(due.cluster) ?? 0) + 1);
				records = records.map((one) => (one === due ? published(one.cluster, now, 30 * day, now) : one));
				if (round > records.length) break;
			}
			t.true([...renewals.values()].every((count) => count === 1));
			t.true(renewals.size >= 1);
			t.true(isSettled(records, given, now));
		}),
	);
});
