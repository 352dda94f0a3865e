import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { applyPatch as applyByLibrary } from 'rfc6902';
import { thaw } from './finish.ts';
import { applyPatch, measure, mergePatch, PatchError, type PatchOperation } from './json-patch.ts';

type Fields = Record<string, unknown>;

function patched(document: Fields, ...operations: readonly PatchOperation[]): Fields {
	const copy = structuredClone(document);
	applyPatch(copy, operations, structuredClone);
	return copy;
}

function merged(target: unknown, patch: unknown): unknown {
	return mergePatch(target, patch, structuredClone);
}

/** Parses JSON, as hostile documents do: only there is `__proto__` a field like others. */
function json(text: string): unknown {
	return JSON.parse(text);
}

test('each operation does what RFC 6902 says', (t) => {
	const document = { a: { b: 1 }, list: ['x', 'y'] };
	t.deepEqual(patched(document, { op: 'add', path: '/a/c', value: { d: [] } }), {
		...document,
		a: { b: 1, c: { d: [] } },
	});
	t.deepEqual(patched(document, { op: 'add', path: '/list/1', value: 'n' }).list, ['x', 'n', 'y']);
	t.deepEqual(patched(document, { op: 'add', path: '/list/2', value: 'n' }).list, ['x', 'y', 'n']);
	t.deepEqual(patched(document, { op: 'add', path: '/list/-', value: 'n' }).list, ['x', 'y', 'n']);
	t.deepEqual(patched(document, { op: 'replace', path: '/list/0', value: 'n' }).list, ['n', 'y']);
	t.deepEqual(patched(document, { op: 'remove', path: '/list/0' }).list, ['y']);
	t.deepEqual(patched(document, { op: 'remove', path: '/a' }), { list: ['x', 'y'] });
	t.deepEqual(patched(document, { op: 'move', from: '/a/b', path: '/b' }), { a: {}, b: 1, list: ['x', 'y'] });
	t.deepEqual(patched(document, { op: 'copy', from: '/a', path: '/a2' }).a2, { b: 1 });
	t.deepEqual(patched(document, { op: 'test', path: '/a', value: { b: 1 } }), document);
	t.deepEqual(patched({ 'a/b': { 'm~n': 1 } }, { op: 'replace', path: '/a~1b/m~0n', value: 2 }), {
		'a/b': { 'm~n': 2 },
	});
	t.deepEqual(patched({ '': 1 }, { op: 'remove', path: '/' }), {});
});

test('a place in a list that something moved away from counts as gone before the new place is looked for', (t) => {
	t.deepEqual(patched({ list: ['a', 'b', 'c'] }, { op: 'move', from: '/list/0', path: '/list/2' }).list, [
		'b',
		'c',
		'a',
	]);
	t.throws(() => patched({ list: ['a', 'b'] }, { op: 'move', from: '/list/0', path: '/list/2' }), {
		message: /outside of the list/,
	});
});

const refusals: readonly (readonly [title: string, operation: PatchOperation, message: RegExp])[] = [
	['a field that is not there', { op: 'remove', path: '/a/x' }, /finds nothing at \/a\/x: there is b, proto$/],
	['a parent that is not there', { op: 'add', path: '/x/y', value: 1 }, /finds nothing at \/x: there is a, list/],
	['a parent that is a text', { op: 'add', path: '/a/b/length', value: 1 }, /no object and no list at \/a\/b/],
	['an index behind the end', { op: 'remove', path: '/list/2' }, /finds nothing at \/list\/2: the list has 2 entries/],
	['an index far behind the end', { op: 'add', path: '/list/999999999', value: 1 }, /outside of the list/],
	['an index beyond all numbers', { op: 'add', path: '/list/99999999999999999999', value: 1 }, /outside of the list/],
	['a negative index', { op: 'replace', path: '/list/-1', value: 1 }, /finds nothing/],
	['an index with a zero before it', { op: 'replace', path: '/list/00', value: 1 }, /finds nothing/],
	['an index with an exponent', { op: 'replace', path: '/list/1e0', value: 1 }, /finds nothing/],
	['the end of a list, to remove it', { op: 'remove', path: '/list/-' }, /finds nothing/],
	['the length of a list', { op: 'replace', path: '/list/length', value: 0 }, /finds nothing/],
	['a method of lists', { op: 'copy', from: '/list/push', path: '/a/x' }, /finds nothing/],
	['a method of objects', { op: 'copy', from: '/a/toString', path: '/a/x' }, /finds nothing/],
	['the constructor', { op: 'add', path: '/constructor/prototype/x', value: 1 }, /finds nothing at \/constructor/],
	['the prototype, below', { op: 'add', path: '/__proto__/x', value: 1 }, /__proto__/],
	['the prototype, itself', { op: 'add', path: '/a/__proto__', value: { x: 1 } }, /__proto__/],
	['the prototype, as a source', { op: 'copy', from: '/__proto__', path: '/x' }, /__proto__/],
	['the prototype, in a value', { op: 'add', path: '/x', value: json('{"y": {"__proto__": {"z": 1}}}') }, /__proto__/],
	['a pointer without slash', { op: 'remove', path: 'a' }, /no JSON pointer/],
	['a pointer with half an escape', { op: 'remove', path: '/a~2' }, /no JSON pointer/],
	['no value', { op: 'add', path: '/x' }, /no value for add/],
	['a value that is null', { op: 'replace', path: '/a', value: null }, /no value for replace/],
	['a test that fails', { op: 'test', path: '/a/b', value: 2 }, /another value at \/a\/b/],
	['a move into itself', { op: 'move', from: '/a', path: '/a/b' }, /into itself/],
	['a copy from nowhere', { op: 'copy', path: '/a/b' }, /no from/],
];

for (const [title, operation, message] of refusals) {
	test(`refused, and nothing is changed but the copy: ${title}`, (t) => {
		const document: Fields = { a: { b: 'text', proto: {} }, list: ['x', 'y'] };
		const error = t.throws(() => patched(document, { op: 'test', path: '/a/b', value: 'text' }, operation), {
			instanceOf: PatchError,
			message,
		});
		t.is(error?.operation, 1, 'the second operation is the one that is named');
		t.is(({} as Fields).x, undefined);
		t.is(Object.getPrototypeOf(document.a), Object.prototype);
	});
}

test('copies of copies end before they fill the memory', (t) => {
	const doubling = Array.from(
		{ length: 64 },
		(_, index): PatchOperation => ({ op: 'copy', from: '/a', path: `/a/x${index}` }),
	);
	t.throws(() => patched({ a: { text: 'x'.repeat(1000) } }, ...doubling), { message: /copies and moves more than/ });
	const large: Fields = { a: 'x'.repeat(200_000) };
	const copies = [1, 2].map((index): PatchOperation => ({ op: 'copy', from: '/a', path: `/b${index}` }));
	t.throws(() => patched(large, ...copies), { message: /copies and moves more than/ });
});

test('moving something large to and fro ends as well', (t) => {
	const moves = Array.from(
		{ length: 3 },
		(_, index): PatchOperation => ({ op: 'move', from: `/a${index}`, path: `/a${index + 1}` }),
	);
	t.throws(() => patched({ a0: 'x'.repeat(100_000) }, ...moves), { message: /copies and moves more than/ });
});

test('nothing is nested so deep that reading it would end the process', (t) => {
	const deep = json(`${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`);
	t.is(measure(deep).depth, 9000);
	t.throws(() => patched({}, { op: 'add', path: '/x', value: deep }), { message: /64 levels/ });
	t.throws(() => merged({}, deep), { message: /64 levels/ });
	const grow = Array.from(
		{ length: 64 },
		(_, index): PatchOperation => ({ op: 'add', path: '/a'.repeat(index + 2), value: {} }),
	);
	t.throws(() => patched({ a: {} }, ...grow), { message: /64 levels/ });
});

test('the examples of RFC 7386 give what it says', (t) => {
	const examples: readonly (readonly [target: string, patch: string, result: string])[] = [
		['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
		['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
		['{"a":"b"}', '{"a":null}', '{}'],
		['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
		['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
		['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
		['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
		['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
		['["a","b"]', '["c","d"]', '["c","d"]'],
		['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
		['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
		['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
	];
	for (const [target, patch, result] of examples) {
		t.deepEqual(merged(json(target), json(patch)), json(result), patch);
	}
});

test('a merge patch can not reach the prototype', (t) => {
	t.throws(() => merged({ a: {} }, json('{"a": {"__proto__": {"x": 1}}}')), {
		instanceOf: PatchError,
		message: /__proto__/,
	});
	t.deepEqual(merged({}, json('{"constructor": {"prototype": {"x": 1}}}')), { constructor: { prototype: { x: 1 } } });
	t.is(({} as Fields).x, undefined);
});

test('patches that fit give what another implementation gives', (t) => {
	const paths = ['/a', '/a/b', '/list', '/list/0', '/list/1', '/list/-', '/list/2', '/new', '/a/new', '/list/0/x'];
	const path = fc.constantFrom(...paths);
	const value = fc.constantFrom(1, 'text', {}, [], { b: 1 }, ['z'], [{ x: 1 }]);
	const operation = fc.oneof(
		fc.record({ op: fc.constantFrom('add' as const, 'replace' as const, 'test' as const), path, value }),
		fc.record({ op: fc.constant('remove' as const), path }),
		fc.record({ op: fc.constant('copy' as const), path, from: path }),
	);
	const document = fc.constantFrom<Fields>(
		{ a: { b: 1 }, list: ['x', { x: 2 }] },
		{ list: [{ x: [] }] },
		{ a: [1], list: {} },
	);
	let applied = 0;
	fc.assert(
		fc.property(document, fc.array(operation, { maxLength: 4 }), (start, operations) => {
			let ours: Fields | undefined;
			try {
				ours = patched(start, ...operations);
			} catch (error) {
				t.true(error instanceof PatchError, String(error));
				return;
			}
			applied += 1;
			const theirs = structuredClone(start);
			const errors = applyByLibrary(theirs, structuredClone(operations));
			t.true(errors.every((error) => error === null));
			t.true(isDeepStrictEqual(ours, theirs), JSON.stringify({ start, operations, ours, theirs }));
		}),
		{ numRuns: 1000 },
	);
	t.true(applied > 100, 'enough of them fit');
});

test('no patch does anything but give an object or a PatchError', (t) => {
	const token = fc.constantFrom('a', 'list', '0', '1', '-', '__proto__', 'constructor', 'length', '', '~0', '~', '1e9');
	const path = fc.array(token, { maxLength: 4 }).map((tokens) => `/${tokens.join('/')}`);
	const operation = fc.record(
		{
			op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test') as fc.Arbitrary<PatchOperation['op']>,
			path,
			from: path,
			value: fc.jsonValue(),
		},
		{ requiredKeys: ['op', 'path'] },
	);
	fc.assert(
		fc.property(fc.array(operation, { maxLength: 5 }), (operations) => {
			const document = { a: { list: [1, { a: 'x' }] }, list: [] };
			try {
				t.is(typeof patched(document, ...operations), 'object');
			} catch (error) {
				t.true(error instanceof PatchError, String(error));
			}
			return Object.keys(Object.prototype).length === 0;
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});

test('a thawed copy can be changed, and its original stays as it was', (t) => {
	const original = Object.freeze({ a: Object.freeze({ b: Object.freeze([]) }) });
	const copy = thaw(original) as { a: { b: number[] } };
	copy.a.b.push(1);
	t.deepEqual(original, { a: { b: [] } });
});
