/** Texts with comments, anchors, quotes and all sorts of line ends: what is not changed stays as it is, to the byte. */
import test from 'ava';
import { YamlProblem } from '../../runtime/bounded-yaml.ts';
import { editDocuments, readDocuments } from './edit.ts';

type Value = Record<string, unknown>;

function edited(text: string, change: (value: Value) => Value): string {
	const wanted = readDocuments(text).map((value) => change(structuredClone(value) as Value));
	const { text: result, reprinted } = editDocuments(text, wanted);
	if (reprinted.length > 0) throw new Error(`printed anew: ${result}`);
	return result;
}

const addItem = (value: Value): Value => ({
	...value,
	items: [...(value.items as unknown[]), { name: 'new', v: [1] }],
});
const removeLast = (value: Value): Value => ({ ...value, items: (value.items as unknown[]).slice(0, -1) });
const annotate = (value: Value): Value => ({ ...value, notes: { ...(value.notes as Value | null), 'a/b': '{"x":1}' } });
const unannotate = (value: Value): Value => {
	const { 'a/b': _, ...notes } = value.notes as Value;
	return { ...value, notes };
};

for (const [title, text, change, expected] of [
	[
		'an item is added behind the last one, before a comment that follows',
		'# head\nitems: # list\n  # first\n  - name: a   # one\n\n    args: ["x", y]\n  # behind\nother: 1 # end\n',
		addItem,
		'# head\nitems: # list\n  # first\n  - name: a   # one\n\n    args: ["x", y]\n  - name: new\n    v:\n      - 1\n  # behind\nother: 1 # end\n',
	],
	[
		'lists that are not indented stay so',
		'items:\n- name: a\n  args:\n  - x\n',
		addItem,
		'items:\n- name: a\n  args:\n  - x\n- name: new\n  v:\n  - 1\n',
	],
	[
		'a file without a last line break keeps it so',
		'items:\n- name: a',
		addItem,
		'items:\n- name: a\n- name: new\n  v:\n  - 1',
	],
	[
		'line ends of Windows stay',
		'items:\r\n- name: a\r\nx: 1\r\n',
		addItem,
		'items:\r\n- name: a\r\n- name: new\r\n  v:\r\n  - 1\r\nx: 1\r\n',
	],
	[
		'an item is added behind a block of text',
		'items:\n- name: a\n  text: |\n    one\n\n    two\nx: 1\n',
		addItem,
		'items:\n- name: a\n  text: |\n    one\n\n    two\n- name: new\n  v:\n  - 1\nx: 1\n',
	],
	[
		'a list in brackets grows in its line',
		'items: [{name: a}] # c\n',
		addItem,
		'items: [{name: a}, {"name":"new","v":[1]}] # c\n',
	],
	['an empty list is replaced', 'items: []\nx: 1\n', addItem, 'items:\n- name: new\n  v:\n  - 1\nx: 1\n'],
	[
		'items come between others, in front of them and behind, and comments stay with theirs',
		'items:\n# one\n- a  # c\n- b\n# three\n- c\n',
		(value: Value) => ({ ...value, items: ['x', 'a', 'v', 'z', 'c', 'w'] }),
		'items:\n# one\n- x\n- a  # c\n- v\n- z\n# three\n- c\n- w\n',
	],
	[
		'items in brackets come between others, in front of them and behind',
		'items: [a, b, c] # d\n',
		(value: Value) => ({ ...value, items: ['x', 'a', 'v', 'c', 'w'] }),
		'items: ["x", a, "v", c, "w"] # d\n',
	],
	[
		'the last lines go from a text without a last line break, and leave none',
		'x: 1\nitems:\n- a\nmore:\n- b\nlast:\n  c: 1',
		({ x }: Value) => ({ x }) as Value,
		'x: 1',
	],
	[
		'a map gets a key',
		'notes:\n    x: "1"  # c\nz: 1\n',
		annotate,
		'notes:\n    x: "1"  # c\n    a/b: \'{"x":1}\'\nz: 1\n',
	],
	['a map that is null gets a key', 'notes:\nz: 1\n', annotate, 'notes:\n  a/b: \'{"x":1}\'\nz: 1\n'],
	['a missing map is added at the end', 'z: 1\n', annotate, 'z: 1\nnotes:\n  a/b: \'{"x":1}\'\n'],
	['a map in braces gets a key', 'notes: {x: "1"}\n', annotate, 'notes: {x: "1", "a/b": "{\\"x\\":1}"}\n'],
	[
		'an alias is replaced by what it stands for, and the other user of the anchor keeps it',
		'base: &b\n  x: "1"\nnotes: *b\n',
		annotate,
		'base: &b\n  x: "1"\nnotes:\n  x: "1"\n  a/b: \'{"x":1}\'\n',
	],
	[
		'an anchor that changes leaves its aliases with the old value',
		'notes: &b\n  x: "1"\nother: *b\n',
		annotate,
		'notes: &b\n  x: "1"\n  a/b: \'{"x":1}\'\nother:\n  x: "1"\n',
	],
	[
		'a key that a merge brings is left to it, and a new one stands beside',
		'base: &b {x: "1"}\nnotes:\n  <<: *b\n  v: "2"\n',
		annotate,
		'base: &b {x: "1"}\nnotes:\n  <<: *b\n  v: "2"\n  a/b: \'{"x":1}\'\n',
	],
	[
		'a key behind a document end marker is not swallowed',
		'items:\n- name: a\n...\n---\nitems:\n- name: b\n',
		addItem,
		'items:\n- name: a\n- name: new\n  v:\n  - 1\n...\n---\nitems:\n- name: b\n- name: new\n  v:\n  - 1\n',
	],
] as const) {
	test(title, (t) => {
		t.is(edited(text, change), expected);
	});
}

for (const text of [
	'# head\nitems: # list\n  # first\n  - name: a   # one\n\n    args: ["x", y]\n  # behind\nother: 1 # end\n',
	'items:\n- name: a',
	'items:\r\n- name: a\r\n\r\n# c\r\nx: 1\r\n',
	'items: [ {name: a} ]\n',
	'{"items":[{"name":"a"}],"x":1}',
	'{\n    "items": [\n        {\n            "name": "a"\n        }\n    ],\n    "x": 1\n}\n',
	'items:\n- name: a\n  text: >-\n    one\n    two\n\n\n---\nitems: [{name: b}]\n',
]) {
	test(`an item that is added and taken out again leaves the text as it was: ${JSON.stringify(text)}`, (t) => {
		const added = edited(text, addItem);
		t.deepEqual(
			readDocuments(added),
			readDocuments(text).map((value) => addItem(value as Value)),
		);
		t.is(edited(added, removeLast), text);
	});
}

for (const text of [
	'notes:\n  x: 1 # c\n',
	'notes: {x: 1}\n',
	'{"notes":{"x":1}}\n',
	'{\n  "notes": {\n    "x": 1\n  }\n}',
]) {
	test(`a key that is added and taken out again leaves the text as it was: ${JSON.stringify(text)}`, (t) => {
		t.is(edited(edited(text, annotate), unannotate), text);
	});
}

test('JSON stays JSON', (t) => {
	for (const text of ['{"items":[{"name":"a"}]}', '{\n\t"items": [\n\t\t{ "name": "a" }\n\t]\n}\n', '{"items": []}']) {
		t.deepEqual(JSON.parse(edited(text, addItem)), addItem(JSON.parse(text)));
		t.deepEqual(JSON.parse(edited(text, annotate)), annotate(JSON.parse(text)));
	}
});

test('values that mean something else in YAML 1.1 are quoted', (t) => {
	const text = edited('x: 1\n', () => ({ x: 1, a: 'yes', b: '1', c: 'null', d: 'on', e: '0o7', f: '1e3', g: '12:30' }));
	t.is(text, 'x: 1\na: "yes"\nb: "1"\nc: "null"\nd: "on"\ne: "0o7"\nf: "1e3"\ng: "12:30"\n');
});

test('a text that can’t be changed in place is printed anew, and it is told', (t) => {
	const text = 'base: &b {x: 1}\n? items\n: - name: a\n<<: *b\n';
	const [value] = readDocuments(text) as [Value];
	const wanted = [{ ...value, items: [{ name: 'first' }, { name: 'a' }] }];
	const { text: result, reprinted } = editDocuments(text, wanted);
	t.deepEqual(reprinted, [0]);
	t.deepEqual(readDocuments(result), wanted);
});

test('what is no YAML is told with its document', (t) => {
	const error = t.throws(() => readDocuments('a: 1\n---\nb: [\n'), { instanceOf: YamlProblem });
	t.is(error?.document, 1);
});
