import test from 'ava';
import fc from 'fast-check';
import { excessOf } from './json-bounds.ts';
import { ListReader } from './list-reader.ts';

const wide = { bytes: 1_000_000, depth: 100, values: 100_000 };

/** Reads a text that comes in pieces of these lengths. */
function read(text: string, cuts: readonly number[] = [], item = wide, rest = wide) {
	const items: string[] = [];
	const reader = new ListReader({
		item,
		rest,
		onItem: (found) => void items.push(found.toString()),
		refuse: (words) => new Error(words),
	});
	const bytes = Buffer.from(text);
	let from = 0;
	for (const length of [...cuts, bytes.length]) {
		reader.push(bytes.subarray(from, from + length));
		from += length;
	}
	return { items, rest: reader.end().toString(), isOdd: reader.isOdd, reader };
}

test('each object comes out whole however the bytes are cut, and what is around the list stays', (t) => {
	const object = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }));
	fc.assert(
		fc.property(
			fc.array(object, { maxLength: 6 }),
			fc.jsonValue(),
			fc.jsonValue(),
			fc.array(fc.nat(30), { maxLength: 20 }),
			fc.constantFrom(undefined, 1, '\t'),
			(items, before, after, cuts, indent) => {
				const text = JSON.stringify({ metadata: { items: [before] }, items, after }, undefined, indent);
				const found = read(text, cuts);
				t.deepEqual(
					found.items.map((one) => JSON.parse(one)),
					JSON.parse(JSON.stringify(items)),
				);
				t.deepEqual(
					JSON.parse(found.rest),
					JSON.parse(JSON.stringify({ metadata: { items: [before] }, items: [], after })),
				);
				t.is(found.reader.held, 0, 'nothing is held at the end');
			},
		),
	);
});

test('a list of which something is no object is odd, and a list that is none has no objects', (t) => {
	for (const items of ['[1]', '[{},null]', '["]"]', '[[{}]]']) t.true(read(`{"items":${items}}`).isOdd, items);
	for (const items of ['null', '{}', '"[{}]"', '7']) {
		const { isOdd, items: found } = read(`{"items":${items}}`);
		t.deepEqual([isOdd, found], [false, []], items);
	}
	t.deepEqual(read('{"a":{"items":[{}]},"b":["items",[{}]]}').items, [], 'only the list at the top counts');
	t.is(read('{"items":[{"a":').rest, '', 'what was cut off is nothing');
});

test('an object is refused at the first byte beyond its bounds, and what is around the list as well', (t) => {
	const small = { bytes: 20, depth: 3, values: 5 };
	const refused = (text: string, words: RegExp) => t.throws(() => read(text, [], small, small), { message: words });
	refused(`{"items":[{"a":"${'x'.repeat(30)}`, /an object that is longer than 20 bytes/);
	refused('{"items":[{"a":[[[', /an object that nests deeper than 3/);
	refused('{"items":[{"a":[,,,,,,', /an object that has more than 5 values/);
	refused(`{"x":"${'x'.repeat(30)}`, /^is longer than 20 bytes/);
});

test('brackets and commas in texts count for nothing', (t) => {
	const bounds = { bytes: 100, depth: 2, values: 4 };
	t.is(excessOf(Buffer.from('{"a":"[[[[{{{{,,,,\\"[[,,"}'), bounds), undefined);
	t.is(excessOf(Buffer.from('{"a":[[]]}'), bounds), 'nests deeper than 2 levels');
	t.is(excessOf(Buffer.from('[1,2,3,4]'), bounds), undefined);
	t.is(excessOf(Buffer.from('[1,2,3,4,5]'), bounds), 'has more than 4 values');
	t.is(excessOf(Buffer.alloc(101, ' '), bounds), 'is longer than 100 bytes');
});
