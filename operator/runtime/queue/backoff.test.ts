import test from 'ava';
import fc from 'fast-check';
import { backoffDelayMs, defaultBackoff } from './backoff.ts';

test('the delay doubles from 100 ms up to 5 minutes', (t) => {
	const middle = (): number => 0.5;
	const delays = [1, 2, 3, 4, 12, 13, 10_000].map((failures) => backoffDelayMs(defaultBackoff, failures, middle));
	t.deepEqual(delays, [100, 200, 400, 800, 204_800, 300_000, 300_000]);
});

test('the delay is never more than 20 % away from the plain one', (t) => {
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 2_000 }),
			fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
			(failures, random) => {
				const plain = Math.min(300_000, 100 * 2 ** (failures - 1));
				const delay = backoffDelayMs(defaultBackoff, failures, () => random);
				t.true(delay >= plain * 0.8 - 1e-6 && delay <= plain * 1.2 + 1e-6);
			},
		),
	);
});
