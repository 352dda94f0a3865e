/** The licence texts of the packages inside the bundle: most of them ask to be shipped along with their code. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Manifest {
	readonly name: string;
	readonly version: string;
	readonly license?: string;
}

/** The folder of the package that a bundled file comes from: the part up to the name after the last `node_modules/`. */
export function packageFolder(input: string): string | undefined {
	return /^(?:lazy:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

async function licenseText(root: string, folder: string): Promise<string> {
	const manifest: Manifest = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
	const files = (await readdir(join(root, folder))).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name)).sort();
	const texts = await Promise.all(files.map((name) => readFile(join(root, folder, name), 'utf8')));
	const heading = `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`;
	return [heading, '='.repeat(heading.length), ...texts.map((text) => text.trim()), ''].join('\n\n');
}

/** One text for all packages that gave at least one input, sorted by folder. */
export async function licenseTexts(root: string, inputs: readonly string[]): Promise<string> {
	const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
	const texts = await Promise.all([...folders].sort().map((folder) => licenseText(root, folder)));
	return `This program contains code of the packages below.\n\n${texts.join('\n')}`;
}
