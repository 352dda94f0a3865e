/** Scalars as people, programs and enemies write them, for tests that what is written anew means what it meant. */
import fc from 'fast-check';
import { editDocuments, readDocuments } from './edit.ts';

/** A list that is written twice in a document: once with an anchor, once by an alias. */
export interface Aliased {
	readonly text: string;
	/** How many scalars the list has. */
	readonly length: number;
}

/** Plain scalars that some parser takes for more than text, and some that none does. */
const plain: readonly string[] = [
	...[
		'yes',
		'No',
		'ON',
		'off',
		'y',
		'N',
		'true',
		'False',
		'null',
		'~',
		'none',
		'nil',
		'=',
		'<',
		'NaN',
		'.nan',
		'.inf',
		'-.INF',
	],
	...[
		'0',
		'-1',
		'+1',
		'012',
		'-012',
		'0644',
		'08',
		'0o17',
		'0O17',
		'-0o7',
		'0x1F',
		'0X1f',
		'0b101',
		'-0b11',
		'1_000',
		'0_7',
		'-_1',
	],
	...[
		'1__0',
		'12345678901234567890',
		'9007199254740993',
		'-9223372036854775808',
		'18446744073709551616',
		'1,000',
		'1.2.3',
		'1.',
	],
	...[
		'.5',
		'1.0',
		'1.10',
		'1e3',
		'1E+3',
		'1e-3',
		'-.5e1',
		'1_0.5',
		'0.1_0',
		'1e400',
		'12:30',
		'12:30:45',
		'-1:30.5',
		'1:2:3:4',
	],
	...[
		'2001-01-01',
		'2001-1-1',
		'2001-12-14t21:59:43.10-05:00',
		'2001-12-14 21:59:43',
		'10m',
		'128Mi',
		'a b',
		'a#b',
		'x:y',
		'http://h:80/',
	],
	...[
		'é',
		'日本',
		'😀',
		"it's",
		'a"b',
		'100%',
		'-x',
		'?x',
		':x',
		'a,b',
		'$(A)',
		'../..',
		'\\d+',
		'/*',
		'8080/TCP',
		'1.4.10',
		'v1',
	],
];

/** What has broken parsers and printers. */
const hard: readonly string[] = [
	...plain.filter((text) => !text.includes('"')),
	...[
		'',
		' ',
		'\n',
		' \n',
		'\n\n',
		'\t',
		'a\n',
		'a\n\n',
		'\na',
		' a\nb',
		'a \nb',
		'a\n b\n',
		'\ta\nb',
		'a\n\tb\n',
		'a\r\nb',
		'\r',
		'a\n \nb',
	],
	...[
		'\u0000',
		'\u0007',
		'\u001b[2J',
		'\u007f',
		'\u0085',
		'a\u0085b',
		'\u00a0',
		'\u200b',
		'\u2028',
		'a\u2029b',
		'\ufeff',
		'\ufffd',
		'\u{e0041}',
	],
	...[
		'- a',
		'? a',
		': a',
		'a: b',
		'a:',
		'# a',
		'a #b',
		'&a',
		'*a',
		'!a',
		'!!str a',
		'%a',
		'@a',
		'`a',
		'|',
		'>',
		'>-\n a',
		'{a',
		'[a',
		'}',
		']',
		',',
	],
	...[
		"'",
		'"',
		"''",
		'\\',
		'\\n',
		'---',
		'...',
		'--- a',
		'<<',
		'{{ .x }}',
		'x'.repeat(2000),
		`${'a '.repeat(100)}\n${'b '.repeat(100)}`,
	],
];

/** Any text that Unicode has. */
export const text: fc.Arbitrary<string> = fc.oneof(
	fc.constantFrom(...hard),
	fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed().replaceAll(/[\ufffe\uffff]/g, '?')),
	fc.array(fc.constantFrom(...hard), { maxLength: 4 }).map((parts) => parts.join('')),
	fc.array(fc.constantFrom(...hard), { maxLength: 4 }).map((parts) => parts.join('\n')),
);

/** Nothing but what all parsers take as it is, outside of escapes. */
const isClean = (value: string): boolean => /^[\n\x20-\x7e\u00a1-\u1fff\u3040-\ud7ff]*$/.test(value);

function doubleQuoted(value: string): string {
	const escaped = [...JSON.stringify(value)].map((character) => {
		const code = character.codePointAt(0) ?? 0;
		return code < 0x7f ? character : `\\U${code.toString(16).padStart(8, '0')}`;
	});
	return escaped.join('');
}

const inLine = fc.oneof(
	fc.constantFrom(...plain.filter((value) => !/[,?:#]|^[-<=]$/.test(value))),
	text.map(doubleQuoted),
	text.filter((value) => isClean(value) && !value.includes('\n')).map((value) => `'${value.replaceAll("'", "''")}'`),
);

const inBlock = fc.oneof(
	inLine,
	fc.constantFrom(...plain),
	fc
		.tuple(
			fc.constantFrom('|', '|-', '|+', '>', '>-', '>+'),
			fc.array(
				text.filter((value) => isClean(value) && !/^[ \n]|\n/.test(value) && value.trim() !== ''),
				{ minLength: 1, maxLength: 3 },
			),
			fc.nat(2),
		)
		.map(
			([header, lines, blank]) => `${header}\n${lines.map((line) => `    ${line}`).join('\n')}${'\n'.repeat(blank)}`,
		),
);

/** Documents with a list of scalars under `one`, and an alias of it under `two`. */
export const aliased: fc.Arbitrary<Aliased> = fc
	.record({
		scalars: fc.oneof(
			fc.array(inBlock, { minLength: 1, maxLength: 6 }).map((list) => ({ list, flow: false })),
			fc.array(inLine, { minLength: 1, maxLength: 6 }).map((list) => ({ list, flow: true })),
		),
		crlf: fc.boolean(),
		flowAlias: fc.boolean(),
	})
	.map(({ scalars: { list, flow }, crlf, flowAlias }) => {
		const one = flow
			? `one: &a {list: [${list.join(', ')}], add: []}\n`
			: `one: &a\n  list:\n${list.map((scalar) => `  - ${scalar}\n`).join('')}  add: []\n`;
		const written = `${one}${flowAlias ? '"there": {two: *a}\n' : 'there:\n  two: *a\n'}`;
		return { text: crlf ? written.replaceAll('\n', '\r\n') : written, length: list.length };
	});

/** What parsers read of such a document. */
export interface ReadAliased {
	readonly one: { readonly list: readonly unknown[] };
	readonly there: { readonly two: { readonly list: readonly unknown[]; readonly add: readonly unknown[] } };
}

/** Adds to what the alias stands for there, and not to what it stands for elsewhere. So it has to be written out. */
export function writtenOut(text: string): string {
	const [document] = readDocuments(text) as readonly ReadAliased[];
	const two = { ...document?.there.two, add: ['new'] };
	return editDocuments(text, [{ ...document, there: { two } }]).text;
}
