import test from 'ava';
import fc from 'fast-check';
import { canonicalQuantity } from './quantity.ts';

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
