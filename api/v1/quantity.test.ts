import test from 'ava';
import fc from 'fast-check';
import { canonicalQuantity, compareQuantities, isQuantity, parseQuantity } from './quantity.ts';

const amounts: readonly (readonly [string | number, number])[] = [
	[2, 2],
	['2', 2],
	['1.5', 1.5],
	['500m', 0.5],
	['100k', 100_000],
	['128Mi', 134_217_728],
	['1.5Gi', 1_610_612_736],
	['1e3', 1000],
	['2E', 2e18],
	['0', 0],
	[Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
];

for (const [text, amount] of amounts) {
	test(`${JSON.stringify(text)} is ${amount}`, (t) => {
		t.is(parseQuantity(text), amount);
	});
}

for (const text of ['', '-1', 'much', '1 Gi', '1GiB', '1mi', 'e3', '1.', -1, Number.NaN, 0.1 + 0.2e-9]) {
	test(`${JSON.stringify(text)} (${typeof text}) is no amount`, (t) => {
		t.throws(() => parseQuantity(text), { instanceOf: RangeError });
	});
}

const cases: readonly (readonly [given: string | number, stored: string])[] = [
	['2048Mi', '2Gi'],
	['128Mi', '128Mi'],
	['1.5Gi', '1536Mi'],
	['0.5Gi', '512Mi'],
	['0.5Mi', '512Ki'],
	['0.5Ki', '512'],
	['1Ki', '1Ki'],
	['1000m', '1'],
	['1500m', '1500m'],
	['500m', '500m'],
	['0.5', '500m'],
	['2', '2'],
	[2, '2'],
	['1000', '1k'],
	['1000000', '1M'],
	['0', '0'],
	['0Gi', '0'],
	['1e3', '1e3'],
	['1.5e3', '1500'],
	['1E6', '1e6'],
	['100n', '1m'],
	['1.0005', '1001m'],
	['10E', '10E'],
	['1e4', '10e3'],
	['0.1Ki', '102400m'],
	['010m', '10m'],
];

for (const [given, stored] of cases) {
	test(`the ${typeof given} ${given} is stored as ${stored}`, (t) => {
		t.is(canonicalQuantity(given), stored);
	});
}

test('a canonical amount stays as it is', (t) => {
	fc.assert(
		fc.property(
			fc.nat(1e9),
			fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3'),
			(amount, suffix) =>
				canonicalQuantity(canonicalQuantity(`${amount}${suffix}`)) === canonicalQuantity(`${amount}${suffix}`),
		),
	);
	t.pass();
});

test('what is no amount is refused', (t) => {
	for (const text of ['', 'Gi', '-1', '1.5.5', '1GiB', '0x10']) {
		t.throws(() => canonicalQuantity(text), { instanceOf: RangeError }, text);
	}
});

const spelled: readonly (readonly [one: string | number, other: string | number])[] = [
	['0.7', '700m'],
	['1.1', '1100m'],
	[2, '2000m'],
	['1e3', '1k'],
	['1.5E3', '1500'],
	['1.5Gi', '1536Mi'],
	['0.5Ki', '512'],
	['1u', '1000n'],
	['0.0001n', '1n'],
	['1.000000001m', '1.000000002m'],
	[Number.MAX_SAFE_INTEGER, `${Number.MAX_SAFE_INTEGER}000m`],
	['0.5e0', '500e-3'],
	['0', '0Ei'],
];

for (const [one, other] of spelled) {
	test(`${one} is as much as ${other}`, (t) => {
		t.is(compareQuantities(one, other), 0);
		t.is(compareQuantities(other, one), 0);
	});
}

const rising = [
	'0',
	'1n',
	'1u',
	'999u',
	'1m',
	'0.7',
	'701m',
	'1',
	'1k',
	'1Ki',
	'1e6',
	'1Mi',
	'1E',
	'1Ei',
	'1e19',
	'1e99',
];

test('amounts are ordered exactly', (t) => {
	for (const [index, less] of rising.entries()) {
		for (const more of rising.slice(index + 1)) {
			t.is(compareQuantities(less, more), -1, `${less} and ${more}`);
			t.is(compareQuantities(more, less), 1, `${more} and ${less}`);
		}
	}
});

test('thousandths are the same with a point and with a suffix, and as a number', (t) => {
	fc.assert(
		fc.property(fc.nat(9_999_999), (millis) => {
			const point = `${Math.floor(millis / 1000)}.${String(millis % 1000).padStart(3, '0')}`;
			t.is(compareQuantities(point, `${millis}m`), 0);
			t.is(canonicalQuantity(point), canonicalQuantity(`${millis}m`));
			t.is(parseQuantity(`${millis}m`), Number(point));
		}),
	);
});

test('what is stored is the same or rounded up, can be read, and is stored as it is', (t) => {
	const amount = fc.tuple(
		fc.nat(),
		fc.nat(999_999_999),
		fc.constantFrom('', 'n', 'u', 'm', 'k', 'E', 'Ki', 'Ei', 'e0', 'E99'),
	);
	fc.assert(
		fc.property(amount, fc.boolean(), ([whole, fraction, suffix], isWhole) => {
			const text = isWhole ? `${whole}${suffix}` : `${whole}.${fraction}${suffix}`;
			const stored = canonicalQuantity(text);
			t.is(canonicalQuantity(stored), stored);
			t.true(compareQuantities(text, stored) <= 0);
			if (isWhole && !['n', 'u'].includes(suffix)) t.is(compareQuantities(text, stored), 0);
		}),
	);
});

test('what the pattern accepts is a quantity', (t) => {
	for (const text of ['0', '100m', '1.5Gi', '1E6']) t.true(isQuantity(text), text);
	for (const text of ['', '1.', '.5', '-1', '+1', '1e', '1e100', '1ki', '1234567890123456789', '1\n'])
		t.false(isQuantity(text), text);
});
