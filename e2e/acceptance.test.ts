/** The table of `acceptance.md` is true: every file and every title that it names exists. */
import { readFile } from 'node:fs/promises';
import test from 'ava';

const root = new URL('../', import.meta.url);

test('every test that the table names exists', async (t) => {
	const table = await readFile(new URL('e2e/acceptance.md', root), 'utf8');
	const named = [...table.matchAll(/`(?<file>[\w/.-]+\.test\.ts)`(?: "(?<title>[^"]+)")?/g)].map(
		({ groups }) => groups ?? {},
	);
	t.true(named.length > 100);
	const missing: string[] = [];
	for (const { file = '', title } of named) {
		const text = await readFile(new URL(file, root), 'utf8').catch(() => undefined);
		if (text === undefined) missing.push(file);
		else if (title !== undefined && !text.includes(title)) missing.push(`${file} "${title}"`);
	}
	t.deepEqual(missing, []);
});

test('every row names a test, or says why there is none', async (t) => {
	const table = await readFile(new URL('e2e/acceptance.md', root), 'utf8');
	const rows = table.split('\n').filter((line) => /^\| [A-Z]\d/.test(line));
	t.true(rows.length >= 100);
	const bare = rows.filter((row) => !/\.test\.ts`|Later: |not offered|no such object|nothing to test/.test(row));
	t.deepEqual(bare, []);
});
