import test from 'ava';
import { parse } from 'yaml';
import { toJson, toYaml } from './document.ts';

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
