import test from 'ava';
import fc from 'fast-check';
import { CORE_SCHEMA, load, YAML11_SCHEMA } from 'js-yaml';
import { parse } from 'yaml';
import { toFlow, toJson, toYaml } from './document.ts';
import { text } from './inject/scalars-testing.ts';

const hidden = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const value = {
	'k\u009bey': 'x\u202ey',
	list: ['\u200b', '\u2028', '\u007f', '\u0085', '\ufeff', '\u{e0041}', 'a\u001b[2J', 'two\nlines\u202e', 'cr\r\nlf'],
	plain: 'as it was',
	block: 'one\ntwo\n',
};

test('documents carry what can’t be seen as escapes, and mean the same', (t) => {
	for (const text of [toYaml(value), toYaml(value, { version: '1.1', indentSeq: false })]) {
		t.notRegex(text, hidden);
		t.deepEqual(parse(text), value);
	}
	for (const text of [toJson(value), toJson(value, 2)]) {
		t.notRegex(text, hidden);
		t.deepEqual(JSON.parse(text), value);
	}
});

test('a document with nothing of that kind is written as before', (t) => {
	t.is(toYaml({ a: 'b', c: ['日本語', 1], d: 'one\ntwo\n' }), 'a: b\nc:\n  - 日本語\n  - 1\nd: |\n  one\n  two\n');
});

test('every parser reads any text as the text that it is, as value and as key, with and without brackets', (t) => {
	fc.assert(
		fc.property(fc.array(text, { maxLength: 3 }), text, fc.boolean(), (list, key, literals) => {
			const name = key.slice(0, 500).toWellFormed();
			const value = { list, map: { [`x${name}`]: key }, [name]: [{ name: key, value: key }] };
			for (const written of [
				toYaml(value),
				toYaml(value, { version: '1.1', indentSeq: false, literals }),
				toFlow(value),
			]) {
				t.deepEqual(load(written, { schema: CORE_SCHEMA }), value, written);
				t.deepEqual(load(written, { schema: YAML11_SCHEMA }), value, written);
				t.deepEqual(parse(written), value, written);
				t.deepEqual(parse(written, { version: '1.1' }), value, written);
			}
		}),
		{ numRuns: 300 },
	);
});
