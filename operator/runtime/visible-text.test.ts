import test from 'ava';
import { escapeJson, hasInvisible, replaceInvisible, visible } from './visible-text.ts';

/** One of each kind that a terminal obeys or a reader does not see. */
const kinds: Readonly<Record<string, string>> = {
	'an escape sequence': '\u001b[2J',
	'an OSC 8 link': '\u001b]8;;https://evil.example\u0007',
	'a C1 control character': '\u009b2J',
	delete: '\u007f',
	'next line': '\u0085',
	'a bell': '\u0007',
	'a carriage return alone': '\rerror: none',
	'a direction': '\u202e\u2066\u2069\u200f\u061c',
	'a separator of lines': '\u2028\u2029',
	'zero width': '\u200b\u200c\u200d\u2060\ufeff',
	'a soft hyphen': '\u00ad',
	'a tag': '\u{e0041}',
	'a variation selector': '\ufe0f\u{e0100}',
	'a Hangul filler': '\u3164',
	'half a pair': '\ud83d',
};
const bad = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

for (const [name, text] of Object.entries(kinds)) {
	test(`${name} is seen, and obeyed by nobody`, (t) => {
		const whole = `a${text}b`;
		t.true(hasInvisible(whole));
		for (const shown of [visible(whole), replaceInvisible(whole), escapeJson(JSON.stringify({ [whole]: whole }))]) {
			t.notRegex(shown, bad);
			t.false(hasInvisible(shown));
		}
		t.is(replaceInvisible(whole).length, whole.length);
		t.deepEqual(JSON.parse(escapeJson(JSON.stringify({ [whole]: whole }))), { [whole]: whole });
	});
}

test('other text stays as it is, in every script; lines stay lines in documents, and become one elsewhere', (t) => {
	const text = 'Ångström, naïve, 日本語, العربية, 😀, “quotes”, e\u0301';
	t.is(visible(text), text);
	t.is(replaceInvisible(`${text}\n\tx`), `${text}\n\tx`);
	t.is(visible('one\r\n\ttwo'), 'one two');
	t.is(visible('\u001b'), '\\u{1b}');
	t.is(escapeJson('{\n  "a": 1\n}'), '{\n  "a": 1\n}');
});
