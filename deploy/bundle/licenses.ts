/** Collects the licence texts of the packages inside the bundle. Most of them have to be shipped along with the code. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundledPackage } from './packages.ts';

async function licenseText({ folder, name, version, license }: BundledPackage): Promise<string> {
	const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
	const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
	const heading = `${name} ${version} (${license ?? 'see below'})`;
	return [heading, '='.repeat(heading.length), ...texts.map((text) => text.trim()), ''].join('\n\n');
}

/** One text for all packages. */
export async function licenseTexts(packages: readonly BundledPackage[]): Promise<string> {
	const texts = await Promise.all(packages.map(licenseText));
	return `This program contains code of the packages below.\n\n${texts.join('\n')}`;
}
