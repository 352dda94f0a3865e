import test from 'ava';
import fc from 'fast-check';
import { LineSplitter } from './watch-stream.ts';

test('lines come out whole however the bytes are cut, characters of several bytes too', (t) => {
	const text = fc.array(
		fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', '')),
		{ maxLength: 8 },
	);
	fc.assert(
		fc.property(text, fc.array(fc.nat(40), { maxLength: 20 }), (lines, cuts) => {
			const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
			const found: string[] = [];
			const splitter = new LineSplitter(1_000_000, (line) => found.push(line.toString()));
			let from = 0;
			for (const length of [...cuts, bytes.length]) {
				t.true(splitter.push(bytes.subarray(from, from + length)));
				from += length;
			}
			t.deepEqual(
				found,
				lines.filter((line) => line !== ''),
			);
			t.false(splitter.hasRest);
		}),
	);
});

test('a rest without line feed is noticed, and one that grows too long is refused', (t) => {
	const splitter = new LineSplitter(10, () => undefined);
	t.true(splitter.push(Buffer.from('12345')));
	t.true(splitter.hasRest);
	t.false(splitter.push(Buffer.from('678901')));
});
