import test from 'ava';
import fc from 'fast-check';
import { notRe2, regexProblems } from './regex.ts';

for (const [regex, isKnown] of [
	['/v[0-9]+/.*', true],
	['^(?:a|b)\\d{1,3}\\.html$', true],
	['[(?=]x', true],
	['\\(?=x', true],
	['[\\]](?=x)', false],
	['\\[(?=x)]', false],
	['/(?=admin)', false],
	['/(?!admin)', false],
	['(?<=a)b', false],
	['(a)\\1', false],
	['(a)\\\\1', true],
	['[\\1]', true],
	['\\cA', false],
	['\\u00e9', false],
	['[\\u00e9]', false],
	['a{1000}', true],
	['a{1001}', false],
	['a{2,1001}', false],
	['a{2000,}', false],
	['[a{2000}]', true],
	['', true],
	['[', true],
	['\\', true],
] as const) {
	test(`RE2 ${isKnown ? 'may know' : 'does not know'} ${regex || 'nothing'}`, (t) => {
		t.is(notRe2(regex) === undefined, isKnown);
	});
}

test('whatever somebody writes is read, and in bounded time', (t) => {
	const character = fc.constantFrom('[', ']', '\\', '(', '?', '=', '{', '1', ',', '}', 'u', 'a');
	fc.assert(
		fc.property(fc.array(character, { maxLength: 60 }), (characters) => {
			notRe2(characters.join(''));
		}),
	);
	const headers = Object.fromEntries(
		Array.from({ length: 400 }, (_, index) => [`h${index}`, { regex: '['.repeat(1e5) }]),
	);
	t.deepEqual(regexProblems({ http: [{ match: [{ headers }] }] }), []);
	for (const spec of [
		null,
		1,
		{},
		{ http: 1 },
		{ http: [{ match: [[]] }] },
		{ http: [{ match: [{ uri: { regex: 1 } }] }] },
	])
		t.deepEqual(regexProblems(spec), []);
});
