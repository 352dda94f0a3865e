import test from 'ava';
import { isSuspended, nextSuspension } from './suspension.ts';

const minute = 60_000;
const hour = 60 * minute;

test('each suspension is longer than the one before, up to an hour', (t) => {
	let suspension: ReturnType<typeof nextSuspension> | undefined;
	let now = 0;
	const minutes: number[] = [];
	for (let count = 0; count < 9; count++) {
		suspension = nextSuspension(suspension, now, () => 0);
		minutes.push(suspension.forMs / minute);
		now = suspension.until + minute;
	}
	t.deepEqual(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
});

test('who behaved for longer than the last suspension, and for ten minutes at least, begins anew', (t) => {
	const last = { until: hour, forMs: 32 * minute, count: 6 };
	t.is(nextSuspension(last, hour + 31 * minute, () => 0).count, 7);
	t.is(nextSuspension(last, hour + 33 * minute, () => 0).count, 1);
	const short = { until: hour, forMs: minute, count: 1 };
	t.is(nextSuspension(short, hour + 9 * minute, () => 0).count, 2);
	t.is(nextSuspension(short, hour + 11 * minute, () => 0).count, 1);
});

test('clusters that are suspended together come back one after the other', (t) => {
	const [early, late] = [0, 0.99].map((random) => nextSuspension(undefined, 0, () => random));
	t.true((late?.until ?? 0) - (early?.until ?? 0) > 5_000);
});

test('a suspension ends by its time', (t) => {
	const problem = { reason: 'ClusterMisbehaves', message: 'x' } as const;
	const suspension = { until: 10, forMs: 10, count: 1, problem, connectedBy: 'x' };
	t.true(isSuspended({ suspension }, 9));
	t.false(isSuspended({ suspension }, 10));
	t.false(isSuspended({ suspension: undefined }, 0));
});
