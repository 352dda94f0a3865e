import test from 'ava';
import { parseYaml, plainValue, type YamlOptions, YamlProblem } from './bounded-yaml.ts';

function read(text: string, options: YamlOptions = {}): readonly unknown[] {
	return parseYaml(text, options).map((document, index) => plainValue(document, index));
}

const rows = (length: number, row: (index: number) => string): string =>
	Array.from({ length }, (_, index) => row(index)).join('\n');
const kubectl: YamlOptions = { version: '1.1', keepSourceTokens: true };
const letters = [...'abcdefghij'];

const harmful: Readonly<Record<string, readonly [text: string, problem: RegExp, options?: YamlOptions]>> = {
	'aliases of aliases': [
		letters
			.map(
				(name, index) =>
					`${name}: &${name} [${Array(9)
						.fill(index === 0 ? 'x' : `*${letters[index - 1]}`)
						.join(',')}]`,
			)
			.join('\n'),
		/^has aliases that grow without bound: write the values out$/,
	],
	'an alias inside of its list': ['a: &a [*a]', /^has an alias inside of what it stands for/],
	'an alias inside of its map': ['a: &a\n  b: {c: *a}', /^has an alias inside of what it stands for/],
	'an alias of nothing': ['a: *b', /^(is not YAML: Unresolved alias|has an alias without an anchor)/],
	'deep lists': ['['.repeat(50_000), /^is nested more than 200 levels deep$/],
	'deep lists that end': ['['.repeat(50_000) + ']'.repeat(50_000), /^is nested more than 200 levels deep$/],
	'deep maps': [`${'{a: '.repeat(20_000)}`, /^is nested more than 200 levels deep$/],
	'deep keys': ['? '.repeat(20_000), /^is nested more than 200 levels deep$/],
	'deep lists on one line': ['- '.repeat(20_000), /^is nested more than 200 levels deep$/],
	'deep lines': [rows(500, (index) => `${' '.repeat(index)}a:`), /^is nested more than 200 levels deep$/],
	'merges of merges': [
		`a: &a {x: 1}\n${rows(3_000, (index) => `b${index}: &b${index} {<<: *${index === 0 ? 'a' : `b${index - 1}`}, k${index}: 1}`)}`,
		/^has more merge keys than are read: write the fields out$/,
		kubectl,
	],
	'a key twice': ['a: 1\nb: 2\na: 3', /^is not YAML: Map keys must be unique at line 3, column 1$/],
	'a key twice inside': ['x: {a: 1, "a": 3}', /^is not YAML: Map keys must be unique at line 1, column 11$/],
	'very many documents': ['---\n'.repeat(10_500), /^is one too many: more than 10000 are not read$/],
	'no YAML at all': ['a: [', /^is not YAML: .* at line 1, column/],
};

for (const [title, [text, problem, options]] of Object.entries(harmful)) {
	test(`${title}: one sentence`, (t) => {
		const error = t.throws(() => read(text, options), { instanceOf: YamlProblem });
		t.regex(error?.message ?? '', problem);
		t.false(error?.message.includes('\n'));
	});
}

test('a map with very many keys is read in the time of its length', (t) => {
	t.is(Object.keys(read(rows(30_000, (index) => `key-${index}: 1`))[0] as object).length, 30_000);
});

test('tags of programming languages make nothing but text, and nothing is printed about them', (t) => {
	const warned: unknown[] = [];
	const listen = (warning: unknown) => warned.push(warning);
	process.on('warning', listen);
	t.deepEqual(read('a: !!js/function "f()"\nb: !<tag:evil> x\n? {c: [1]}\n: d'), [
		{ a: 'f()', b: 'x', '{ c: [ 1 ] }': 'd' },
	]);
	return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
		process.off('warning', listen);
		t.deepEqual(warned, []);
	});
});

test('what people write is read: anchors, aliases, merges, several documents', (t) => {
	const text = 'a: &a {x: 1}\nb: *a\nc: {<<: *a, z: 2}\n---\n- 1\n---\n';
	t.deepEqual(read(text, kubectl), [{ a: { x: 1 }, b: { x: 1 }, c: { x: 1, z: 2 } }, [1], null]);
	t.deepEqual(read('__proto__: {polluted: 1}'), [JSON.parse('{"__proto__": {"polluted": 1}}')]);
	t.is(({} as { polluted?: unknown }).polluted, undefined);
});
