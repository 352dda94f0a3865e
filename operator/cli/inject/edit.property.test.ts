/**
 * Whatever a document holds and however it is written: the changed text means what was wanted, and changing it back
 * restores the text.
 */
import test from 'ava';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { editDocuments, readDocuments } from './edit.ts';

const key = fc.constantFrom('a', 'b', 'c', 'spec', 'x/y', 'on', '1', 'a b');
const scalar = fc.oneof(
	fc.constantFrom('', 'yes', '# no', 'a: b', '- x', 'two\nlines\n', '  deep', "it's", '1e3', '*a', '&b'),
	fc.integer(),
	fc.boolean(),
	fc.constant(null),
);
const value = fc.letrec<{ node: unknown }>((tie) => ({
	node: fc.oneof(
		{ maxDepth: 3, withCrossShrink: true },
		scalar,
		fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
		fc.array(tie('node'), { maxLength: 3 }),
		fc.array(fc.record({ name: fc.constantFrom('p', 'q', 'r'), v: tie('node') }, { noNullPrototype: true }), {
			maxLength: 3,
		}),
	),
})).node;

const document = fc.dictionary(key, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });
const style = fc.record({
	indentSeq: fc.boolean(),
	indent: fc.constantFrom(2, 4),
	collectionStyle: fc.constantFrom('any' as const, 'flow' as const),
	json: fc.boolean(),
	crlf: fc.boolean(),
	cut: fc.boolean(),
});

function written(
	values: readonly object[],
	{ json, crlf, cut, ...options }: { json: boolean; crlf: boolean; cut: boolean; indent: number },
): string {
	const lines = values
		.map((each) =>
			json ? `${JSON.stringify(each, null, options.indent)}\n` : stringify(each, { ...options, version: '1.1' }),
		)
		.join('---\n');
	// Many files end without a line break.
	const text = cut ? lines.trimEnd() : lines;
	return crlf ? text.replaceAll('\n', '\r\n') : text;
}

test('a document becomes any other, and the documents around it keep every byte', (t) => {
	fc.assert(
		fc.property(
			fc.array(document, { minLength: 1, maxLength: 3 }),
			document,
			fc.nat(),
			style,
			(values, other, at, how) => {
				const text = written(values, how);
				const wanted = readDocuments(text).map((before, index) => (index === at % values.length ? other : before));
				const { text: edited } = editDocuments(text, wanted);
				t.deepEqual(readDocuments(edited), wanted, edited);
			},
		),
		{ numRuns: 600 },
	);
});

test('what is added behind the rest and taken out again leaves the text as it was', (t) => {
	const addition = fc.record(
		{
			name: fc.constant('istio-proxy'),
			args: fc.array(fc.constantFrom('--x', 'yes', '', '80')),
		},
		{ noNullPrototype: true },
	);
	fc.assert(
		fc.property(fc.array(document, { minLength: 1, maxLength: 2 }), addition, style, (values, added, how) => {
			const text = written(
				values.map((each) => ({ ...each, list: [{ name: 'app' }], map: { there: 'x' } })),
				how,
			);
			const before = readDocuments(text);
			const wanted = before.map((each) => {
				const fields = each as { readonly list: readonly unknown[]; readonly map: object };
				return {
					...fields,
					list: [...fields.list, added],
					map: { ...fields.map, 'new/key': '{"a":1}' },
					more: [added],
				};
			});
			const edited = editDocuments(text, wanted);
			t.deepEqual(edited.reprinted, [], text);
			t.deepEqual(readDocuments(edited.text), wanted, edited.text);
			t.is(editDocuments(edited.text, before).text, text);
		}),
		{ numRuns: 600 },
	);
});
