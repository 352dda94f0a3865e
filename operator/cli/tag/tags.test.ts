import test from 'ava';
import { listLines, tagLines, tagOperations, tagsOf, withTag } from './tags.ts';

const spec = { upgrade: { tags: [{ name: 'prod', revision: 'default' }, { name: 'next' }, 7, { name: 8 }] } };

test('tags are read from a spec whatever is wrong with it', (t) => {
	t.deepEqual(tagsOf({ spec }), [{ name: 'prod', revision: 'default' }, { name: 'next' }]);
	t.deepEqual(tagsOf({ spec: { upgrade: 'x' } }), []);
});

test('a tag that is set takes the place of the one of its name, and the others stay', (t) => {
	const tags = withTag(tagsOf({ spec }), { name: 'prod', revision: '1-31-4' });
	t.deepEqual(tags, [{ name: 'next' }, { name: 'prod', revision: '1-31-4' }]);
	t.deepEqual(tagLines(tags), [
		'spec:',
		'  upgrade:',
		'    tags:',
		'      - name: "next"',
		'      - name: "prod"',
		'        revision: "1-31-4"',
	]);
	t.deepEqual(tagLines([]).at(-1), '    tags: []');
});

test('where nothing is said of upgrades, the field is made first', (t) => {
	t.deepEqual(
		tagOperations({ spec: {} }, []).map(({ path }) => path),
		['/spec/upgrade', '/spec/upgrade/tags'],
	);
	t.deepEqual(
		tagOperations({ spec }, []).map(({ path }) => path),
		['/spec/upgrade/tags'],
	);
});

test('revisions are listed with who uses them and when they go', (t) => {
	const revisions = [
		{ name: '1-31-4', version: '1.31.4', state: 'Active', namespaces: 2, proxies: 5 },
		{
			name: 'default',
			version: '1.30.8',
			state: 'Standing',
			namespaces: 0,
			proxies: 0,
			removedAfter: '2026-01-01T12:30:00Z',
		},
	];
	t.deepEqual(listLines([{ name: 'next' }], revisions), [
		'revision 1-31-4 (1.31.4): Active, 2 namespaces and 5 proxies',
		'revision default (1.30.8): Standing, 0 namespaces and 0 proxies, goes at 2026-01-01T12:30:00Z unless somebody uses it',
		'tag next: follows spec.version',
	]);
	t.deepEqual(listLines([], []), ['no revision runs yet']);
});
