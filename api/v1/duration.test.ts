import test from 'ava';
import fc from 'fast-check';
import { parseDuration, tryDuration } from './duration.ts';

const lengths: Readonly<Record<string, number>> = {
	'45s': 45_000,
	'1m0s': 60_000,
	'300ms': 300,
	'1h30m': 5_400_000,
	'1.5h': 5_400_000,
	'2160h': 7_776_000_000,
	'0s': 0,
	'1m1ms': 60_001,
};

for (const [text, length] of Object.entries(lengths)) {
	test(`${text} is ${length} ms`, (t) => {
		t.is(parseDuration(text), length);
	});
}

for (const text of ['', '5', 's', '-1s', '+1s', '1 s', '1d', '1s ', '1,5s', '.5s', '5.s', '1us', '999999999h']) {
	test(`${JSON.stringify(text)} is not a duration`, (t) => {
		t.throws(() => parseDuration(text), { instanceOf: RangeError });
		t.is(tryDuration(text), undefined);
	});
}

test('a duration is the sum of its parts', (t) => {
	const part = fc.nat({ max: 9_999 });
	fc.assert(
		fc.property(part, part, part, part, (h, m, s, ms) => {
			t.is(parseDuration(`${h}h${m}m${s}s${ms}ms`), ((h * 60 + m) * 60 + s) * 1000 + ms);
		}),
	);
});
