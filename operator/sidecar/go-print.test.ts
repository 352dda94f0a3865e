import test from 'ava';
import { goPrint } from './go-print.ts';

for (const [json, printed] of [
	['"a b"', 'a b'],
	['1', '1'],
	['1.5', '1.5'],
	['999999', '999999'],
	['1000000', '1e+06'],
	['20971520', '2.097152e+07'],
	['-0.0001', '-0.0001'],
	['0.00001', '1e-05'],
	['1e21', '1e+21'],
	['1e100', '1e+100'],
	['0', '0'],
	['true', 'true'],
] as const) {
	test(`${json} is printed as Go prints it`, (t) => {
		t.is(goPrint(JSON.parse(json)), printed);
	});
}
