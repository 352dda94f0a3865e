/** Collects the licence texts of the packages inside the bundle. Most of them have to be shipped along with the code. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

interface Manifest {
	readonly name: string;
	readonly version: string;
	readonly license?: string;
}

/** The folder of the package that a bundled file belongs to: its path up to the name after the last `node_modules/`. */
function packageFolder(input: string): string | undefined {
	return /^(?:[a-z-]+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

async function licenseText(folder: string): Promise<string> {
	const manifest: Manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
	const files = (await readdir(folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
	const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
	const heading = `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`;
	return [heading, '='.repeat(heading.length), ...texts.map((text) => text.trim()), ''].join('\n\n');
}

/** One text for all packages with at least one bundled file, sorted by folder. */
export async function licenseTexts(root: string, inputs: readonly string[]): Promise<string> {
	const folders = new Set(
		inputs.map(packageFolder).flatMap((folder) => (folder === undefined ? [] : [resolve(root, folder)])),
	);
	const texts = await Promise.all([...folders].sort().map(licenseText));
	return `This program contains code of the packages below.\n\n${texts.join('\n')}`;
}
