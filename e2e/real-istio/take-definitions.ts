/**
 * `npm run crds` writes what is taken from the Go module `istio.io/api`: `crds/istio/istiod.json`, the definitions, and
 * `crds/istio/mesh-config.json`, the fields of the mesh configuration. `--check` writes nothing: exit code 1 says that a file is
 * not what follows from the module, 2 that the module can't be had, so that nobody knows.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { argv, stderr, stdout } from 'node:process';
import { definitionData } from './definitions.ts';
import { formattedJson } from './formatted-json.ts';
import { meshConfigData } from './mesh-config.ts';

const files: Readonly<Record<string, () => Promise<unknown>>> = {
	'istiod.json': () => definitionData(),
	'mesh-config.json': () => meshConfigData(),
};

async function take(file: string, make: () => Promise<unknown>): Promise<number> {
	const target = new URL(`../../crds/istio/${file}`, import.meta.url);
	let text: string;
	try {
		text = await formattedJson(await make());
	} catch (error) {
		stderr.write(`crds/istio/${file} can't be made: ${error instanceof Error ? error.message : error}\n`);
		return 2;
	}
	if (!argv.includes('--check')) {
		await writeFile(target, text);
		stdout.write(`Written: crds/istio/${file}\n`);
		return 0;
	}
	if (text === (await readFile(target, 'utf8'))) return 0;
	stderr.write(`crds/istio/${file} is not what follows from istio.io/api. Run: npm run crds\n`);
	return 1;
}

let worst = 0;
for (const [file, make] of Object.entries(files)) worst = Math.max(worst, await take(file, make));
process.exitCode = worst;
