import test from 'ava';
import { CommandError } from './command-error.ts';
import { asYamlStream, decodeManifest, encodeManifest, readManifestValues } from './manifest-text.ts';

const text = '\ufeffa: é😀\r\n';
const utf16 = Buffer.from(text, 'utf16le');
const encoded = {
	'utf-8': Buffer.from(text),
	'utf-16le': utf16,
	'utf-16be': Buffer.from(utf16).swap16(),
} as const;

test('UTF-8, and UTF-16 with a byte order mark, are read and written back', (t) => {
	for (const [encoding, bytes] of Object.entries(encoded)) {
		const read = decodeManifest('a.yaml', bytes);
		t.deepEqual(read, { text, encoding } as typeof read);
		t.deepEqual(encodeManifest(read), bytes);
		t.deepEqual(readManifestValues(read.text), [{ a: 'é😀' }]);
	}
	t.deepEqual(decodeManifest('a.yaml', Buffer.from('')), { text: '', encoding: 'utf-8' });
});

test('other bytes are refused with what to do', (t) => {
	for (const [bytes, message] of [
		[Buffer.from('a: \xe9', 'latin1'), /^a\.yaml is not UTF-8$/],
		[Buffer.from('a: 1', 'utf16le'), /^a\.yaml is not text in UTF-8, nor in UTF-16 with a byte order mark$/],
		[Buffer.concat([utf16, Buffer.from('x')]), /^a\.yaml is not UTF-16LE$/],
		[Buffer.from('\ufeff\ud800x', 'utf16le'), /^a\.yaml is not UTF-16LE$/],
	] as const) {
		const error = t.throws(() => decodeManifest('a.yaml', bytes), { instanceOf: CommandError });
		t.regex(error?.message ?? '', message);
	}
});

test('JSON objects one after another are documents', (t) => {
	for (const between of ['', '\n', ' ', '\r\n\r\n', '\t']) {
		const stream = `\ufeff \n{"a":"}{\\"\\\\"}${between}{"b":{"c":[{}]}}${between}{}\n`;
		t.deepEqual(readManifestValues(stream), [{ a: '}{"\\' }, { b: { c: [{}] } }, {}], JSON.stringify(between));
		const { text: yaml, separators } = asYamlStream(stream);
		t.is(separators.length, 2);
		const back = separators.toReversed().reduce((all, { start, end }) => all.slice(0, start) + all.slice(end), yaml);
		t.is(back, stream);
	}
	t.deepEqual(readManifestValues('{"a":1}\n---\n{"b":2}\n---\nc: 3\n'), [{ a: 1 }, { b: 2 }, { c: 3 }]);
	t.deepEqual(readManifestValues('{"a":1}\n{b: 2}'), [{ a: 1 }, { b: 2 }], 'YAML may follow one object');
});

test('all else is YAML as it is', (t) => {
	for (const yaml of [
		'',
		'a: 1',
		'{a: 1}\n',
		'{"a": 1}',
		'{',
		'{"a":',
		'{"a":1}}',
		'- {"a":1}\n- {"b":1}\n',
		'# {}{}\n',
	]) {
		t.deepEqual(asYamlStream(yaml), { text: yaml, separators: [] });
	}
});

test('YAML is read as kubectl reads it: words of YAML 1.1 and merge keys, but neither dates nor base 60', (t) => {
	t.deepEqual(readManifestValues('a: yes\nb: 0644\nc: 12:30\nd: 2001-01-01\ne: &e {f: 1}\ng: {<<: *e}\n'), [
		{ a: true, b: 420, c: '12:30', d: '2001-01-01', e: { f: 1 }, g: { f: 1 } },
	]);
	t.deepEqual(readManifestValues('%YAML 1.1\n---\na: 1\n...\n---\nb: 1\n...\n'), [{ a: 1 }, { b: 1 }]);
});

test('a long row of objects costs the time of its length', (t) => {
	t.is(readManifestValues('{}'.repeat(9_000)).length, 9_000);
	t.is(asYamlStream('{'.repeat(2_000_000)).separators.length, 0);
});
