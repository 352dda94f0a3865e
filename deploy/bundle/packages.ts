/** Which packages have code in the bundle. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export interface BundledPackage {
	readonly folder: string;
	readonly name: string;
	readonly version: string;
	readonly license?: string;
}

/** The folder of the package that a bundled file belongs to: its path up to the name after the last `node_modules/`. */
function packageFolder(input: string): string | undefined {
	return /^(?:[a-z-]+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/**
 * All packages with at least one bundled file, sorted by folder.
 * @param inputs of esbuild's metafile
 */
export async function bundledPackages(root: string, inputs: readonly string[]): Promise<readonly BundledPackage[]> {
	const folders = new Set(
		inputs.map(packageFolder).flatMap((folder) => (folder === undefined ? [] : [resolve(root, folder)])),
	);
	return Promise.all(
		[...folders].sort().map(async (folder) => ({
			...(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Omit<BundledPackage, 'folder'>),
			folder,
		})),
	);
}
