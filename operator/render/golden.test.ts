/**
 * Keeps what is rendered as files that a person can read. `UPDATE_GOLDEN=1 npx ava operator/render/golden.test.ts` rewrites
 * them.
 *
 * The files of a release's profiles list every object: in full, or, when another file of the release has the same object,
 * as a line that names that file.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { classicReleases } from '../releases/classic/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { combinationFile, combinationOf, combinations, golden, yamlOf } from './golden-testing.ts';

const directory = new URL('golden/', import.meta.url);

function document(objects: readonly KubeObject[]): string {
	return objects.map(yamlOf).join('---\n');
}

async function compare(t: ExecutionContext, file: string, text: string): Promise<void> {
	const url = new URL(file, directory);
	if (process.env.UPDATE_GOLDEN === '1') {
		await writeFile(url, text);
	}
	t.is(text, await readFile(url, 'utf8'));
}

for (const [file, objects] of golden) {
	test(`renders ${file}`, async (t) => compare(t, file, document(await objects())));
}

for (const { version } of classicReleases) {
	test(`renders the profiles of ${version}, with Citadel and without`, async (t) => {
		/** The file that has an object in full, by the object's text. */
		const shown = new Map<string, string>();
		const show = (objects: readonly KubeObject[], file: string) => {
			for (const object of objects) if (!shown.has(yamlOf(object))) shown.set(yamlOf(object), file);
		};
		for (const [file, objects] of golden) {
			if (file.startsWith(`${version}-`)) show(await objects(), file);
		}
		for (const combination of combinations) {
			const file = combinationFile(version, combination);
			const objects = combinationOf(version, combination);
			show(objects, file);
			const parts = objects.map((object) => {
				const text = yamlOf(object);
				const place = shown.get(text);
				return place === undefined || place === file ? text : `# ${objectKey(object)}: as in ${place}\n`;
			});
			await compare(t, file, parts.join('---\n'));
		}
	});
}

test('there is no golden file that nothing renders', async (t) => {
	const files = [
		...golden.map(([file]) => file),
		...classicReleases.flatMap(({ version }) =>
			combinations.map((combination) => combinationFile(version, combination)),
		),
	];
	t.deepEqual((await readdir(directory)).sort(), files.sort());
});
