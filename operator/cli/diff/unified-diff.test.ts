import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import { unifiedDiff } from './unified-diff.ts';

const names = { before: 'live', after: 'merged' };

test('equal texts give nothing', (t) => {
	t.deepEqual(unifiedDiff(names, 'a\nb\n', 'a\nb\n'), []);
	t.deepEqual(unifiedDiff(names, '', ''), []);
});

test('a changed line shows with three lines of context and line numbers', (t) => {
	const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
	const after = before.with(4, 'five');
	t.deepEqual(unifiedDiff(names, before.join('\n'), after.join('\n')), [
		'--- live',
		'+++ merged',
		'@@ -2,7 +2,7 @@',
		' 2',
		' 3',
		' 4',
		'-5',
		'+five',
		' 6',
		' 7',
		' 8',
	]);
});

test('changes far apart are hunks of their own', (t) => {
	const before = Array.from({ length: 30 }, (_, index) => String(index));
	const after = before.with(2, 'x').with(27, 'y');
	const hunks = unifiedDiff(names, before.join('\n'), after.join('\n')).filter((line) => line.startsWith('@@'));
	t.deepEqual(hunks, ['@@ -1,6 +1,6 @@', '@@ -25,6 +25,6 @@']);
});

test('a text that did not exist is all added', (t) => {
	t.deepEqual(unifiedDiff(names, '', 'a\nb\n'), ['--- live', '+++ merged', '@@ -0,0 +1,2 @@', '+a', '+b']);
});

interface Line {
	readonly mark: string;
	readonly text: string;
}

/** All lines of both texts with their marks, including those outside hunks. */
function diffLines(before: readonly string[], after: readonly string[]): readonly Line[] {
	const [, , , ...lines] = unifiedDiff(names, before.join('\n'), after.join('\n'), Number.MAX_SAFE_INTEGER);
	const shown = lines.map((line) => ({ mark: line.charAt(0), text: line.slice(1) }));
	return shown.length === 0 ? before.map((line) => ({ mark: ' ', text: line })) : shown;
}

const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

/** Length of the longest common subsequence, by the textbook's table. */
function common(a: readonly string[], b: readonly string[]): number {
	let row = new Array<number>(b.length + 1).fill(0);
	for (const x of a) {
		const next = [0];
		for (const [index, y] of b.entries()) {
			next.push(x === y ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0));
		}
		row = next;
	}
	return row.at(-1) ?? 0;
}

test('every diff leads from one text to the other, and is the shortest that does', (t) => {
	fc.assert(
		fc.property(text, text, (before, after) => {
			const lines = diffLines(before, after);
			t.true(lines.every(({ mark }) => [' ', '-', '+'].includes(mark)));
			t.deepEqual(
				lines.filter(({ mark }) => mark !== '+').map((line) => line.text),
				before,
			);
			t.deepEqual(
				lines.filter(({ mark }) => mark !== '-').map((line) => line.text),
				after,
			);
			const kept = lines.filter(({ mark }) => mark === ' ').length;
			t.is(kept, common(before, after));
		}),
	);
});

test('one line is told by its number alone, and none by the line before it', (t) => {
	t.deepEqual(unifiedDiff(names, 'a', 'b'), ['--- live', '+++ merged', '@@ -1 +1 @@', '-a', '+b']);
	t.deepEqual(unifiedDiff(names, 'a\n', ''), ['--- live', '+++ merged', '@@ -1 +0,0 @@', '-a']);
	t.deepEqual(unifiedDiff(names, 'a\nb\nc', 'a\nx\nb\nc', 0), ['--- live', '+++ merged', '@@ -1,0 +2 @@', '+x']);
});

test('what is removed stands before what is added in its place', (t) => {
	t.deepEqual(unifiedDiff(names, 'a\nb\nc', 'x\ny\nc').slice(3), ['-a', '-b', '+x', '+y', ' c']);
});

test('six unchanged lines between two changes are shown, of seven the one in the middle is not', (t) => {
	const between = (count: number) => {
		const lines = ['old', ...Array.from({ length: count }, (_, index) => `${index}`), 'old'];
		const hunks = unifiedDiff(names, lines.join('\n'), lines.join('\n').replaceAll('old', 'new'));
		return hunks.filter((line) => line.startsWith('@@'));
	};
	t.deepEqual(between(6), ['@@ -1,8 +1,8 @@']);
	t.deepEqual(between(7), ['@@ -1,4 +1,4 @@', '@@ -6,4 +6,4 @@']);
});

test('whether the last line is ended makes no difference, a space or an empty line does', (t) => {
	t.deepEqual(unifiedDiff(names, 'a\nb', 'a\nb\n'), []);
	t.deepEqual(unifiedDiff(names, 'a', 'a ').slice(3), ['-a', '+a ']);
	t.deepEqual(unifiedDiff(names, 'a\n', 'a\n\n').slice(3), [' a', '+']);
	t.deepEqual(unifiedDiff(names, 'a\r\nb', 'a\nb').slice(3), ['-a\r', '+a', ' b']);
	t.deepEqual(unifiedDiff(names, '\\ No newline', '\\ No newline at all').slice(3), [
		'-\\ No newline',
		'+\\ No newline at all',
	]);
});

test('patch(1) understands the hunks', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-diff-'));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	const before = Array.from({ length: 40 }, (_, index) => `line ${index}`);
	const after = [...before.slice(0, 3), 'new', ...before.slice(5, 20), 'x', 'y', ...before.slice(20)];
	const file = join(folder, 'file');
	await writeFile(file, `${before.join('\n')}\n`);
	await writeFile(join(folder, 'patch'), `${unifiedDiff(names, before.join('\n'), after.join('\n')).join('\n')}\n`);
	try {
		await promisify(execFile)('patch', [file, join(folder, 'patch')]);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			t.pass('patch is not installed here');
			return;
		}
		throw error;
	}
	const { stdout } = await promisify(execFile)('cat', [file]);
	t.is(stdout, `${after.join('\n')}\n`);
});
