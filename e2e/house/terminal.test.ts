/** Nothing of the product writes to the terminal but its one place, operator/cli/terminal.ts. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test from 'ava';

const root = resolve(import.meta.dirname, '../..');
const writes = /\bconsole\.|\bprocess(\.stdout|\.stderr|\[)|\bemitWarning\(|\b(writeSync|writeFileSync)\([12]\b/;
const mayWrite = [
	'operator/cli/terminal.ts',
	// Finds a Node that understands the rest, before anything is read that others wrote.
	'operator/cli/meshwright.js',
];

test('only operator/cli/terminal.ts writes to standard output and standard error; logs have their own way', async (t) => {
	const found: string[] = [];
	for (const room of ['api/v1', 'operator']) {
		for (const entry of await readdir(join(root, room), { recursive: true })) {
			if (!/\.[jt]s$/.test(entry) || /\.test\.ts$|(^|\/)testing(\/|\.ts$)|\.generated\.ts$/.test(entry)) continue;
			const path = `${room}/${entry}`;
			const code = (await readFile(join(root, path), 'utf8')).replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
			if (writes.test(code)) found.push(path);
		}
	}
	t.deepEqual(found.sort(), [...mayWrite].sort());
});
