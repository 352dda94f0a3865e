import test from 'ava';
import { parseQuantity } from './quantity.ts';

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
