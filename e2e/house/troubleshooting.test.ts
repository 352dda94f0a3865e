/** docs/troubleshooting.md explains each reason that a status or a warning can give, and no other word. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test from 'ava';
import { clusterReasons, reasons } from '../../api/v1/index.ts';

const root = resolve(import.meta.dirname, '../..');
const page = await readFile(join(root, 'docs/troubleshooting.md'), 'utf8');
const known = new Set([...Object.keys(reasons), ...Object.keys(clusterReasons)]);
const code = await codeOfOperator();
/** What needs nobody is told in a sentence. */
const fine = page.slice(page.indexOf('\n## All is well\n'));
const sections = page.split(/^(?=#{1,3} )/m).flatMap((text) => {
	const [, title] = /^### (.+)\n/.exec(text) ?? [];
	return title === undefined ? [] : [{ title, text }];
});

/** The rooms that decide what a status or an Event says: their texts, without tests. */
async function codeOfOperator(): Promise<readonly string[]> {
	const files = (await readdir(join(root, 'operator'), { recursive: true })).filter(
		(file) =>
			/^(apply|clusters|lines|mesh|plan|releases|render|status)\/.*\.ts$/.test(file) && !/testing|\.test\./.test(file),
	);
	return Promise.all(files.map((file) => readFile(join(root, 'operator', file), 'utf8')));
}

/** What the first group of an expression finds in the code, each word once. */
function words(expression: RegExp): readonly string[] {
	return [...new Set(code.flatMap((text) => [...text.matchAll(expression)].map(([, word = '']) => word)))].sort();
}

/** Reasons of Events of type Warning, as they are written in the code. */
const warnings = words(/'Warning',\s*(?:reason: )?'([A-Z]\w+)'/g);

test('each reason of a status and of a warning has one heading, and each heading is such a reason', (t) => {
	t.true(warnings.includes('DeletionTimedOut') && warnings.includes('Recreated'));
	t.deepEqual(sections.map(({ title }) => title).sort(), [...new Set([...known, ...warnings])].sort());
});

test('each paragraph says what is meant, how to see more, and what to do', (t) => {
	t.true(fine.startsWith('\n## All is well\n'));
	for (const { title, text } of sections) {
		const [, meaning = '', see = '', todo = ''] =
			/^### .+\n\n(.+?)(?:\n\*\*See:\*\* (.+?)\n\*\*Do:\*\* (.+?))?\n*$/s.exec(text) ?? [];
		t.regex(meaning, /^[A-Z`].*\.$/s, title);
		if (fine.includes(text)) continue;
		t.regex(see, /`.*\.$/s, `${title}: how to see more, by which command`);
		t.regex(todo, /\.$/, `${title}: what to do`);
	}
});

test('a reason that has a remedy is not among those that need nobody', (t) => {
	for (const table of [reasons, clusterReasons])
		for (const [reason, { remedy }] of Object.entries(table))
			if (remedy !== '') t.false(fine.includes(`\n### ${reason}\n`), reason);
});

test('each reason that the operator writes down for a status is in a table of reasons', (t) => {
	// Beside the type of an Event stands a reason of the Event.
	const written = words(/(?<!'(?:Normal|Warning)',\s*|readonly )\breason: '([A-Z]\w+)'/g);
	const thrown = words(/\b(?:Invalid|Blocked)Error\(\s*'([A-Z]\w+)'/g);
	t.true(written.includes('RightsMissing') && thrown.includes('ForeignObject'));
	t.deepEqual(
		[...written, ...thrown].filter((reason) => !known.has(reason)),
		[],
	);
});

test('each link to a reason leads to its heading', async (t) => {
	const names = ['README.md', ...(await readdir(join(root, 'docs'))).map((name) => `docs/${name}`)];
	const titles = [...page.matchAll(/^#{2,3} (.+)$/gm)].map(([, title = '']) => title);
	const anchors = new Set(titles.map((title) => title.toLowerCase().replaceAll(' ', '-')));
	for (const name of names) {
		const text = await readFile(join(root, name), 'utf8');
		const links = name === 'docs/troubleshooting.md' ? /\]\(#([\w-]+)\)/g : /troubleshooting\.md#([\w-]+)\)/g;
		for (const [, anchor = ''] of text.matchAll(links)) t.true(anchors.has(anchor), `${name}: #${anchor}`);
	}
});
