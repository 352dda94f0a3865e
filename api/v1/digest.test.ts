import test from 'ava';
import { canonicalJson, digest } from './digest.ts';

test('equal values have one text, whatever the order of their keys; lists keep theirs, and what is undefined is left out', (t) => {
	const value = { b: [2, 1, { d: null, c: 'x' }], a: undefined, 10: true };
	t.is(canonicalJson(value), '{"10":true,"b":[2,1,{"c":"x","d":null}]}');
	t.is(canonicalJson({ 10: true, b: [2, 1, { c: 'x', d: null }] }), canonicalJson(value));
	t.not(digest(canonicalJson([1, 2])), digest(canonicalJson([2, 1])));
	t.is(digest('').length, 22);
});
