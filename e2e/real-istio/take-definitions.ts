/**
 * `npm run crds` writes `crds/istio/istiod.json` from the Go module `istio.io/api`. `--check` writes nothing: exit code 1 says
 * that the file is not what follows from the module, 2 that the module can't be had, so that nobody knows.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { argv, stderr, stdout } from 'node:process';
import { definitionData, pinnedApi } from './definitions.ts';
import { formattedJson } from './formatted-json.ts';

const target = new URL('../../crds/istio/istiod.json', import.meta.url);

/** Undefined where the module can't be had. */
async function made(): Promise<string | undefined> {
	try {
		return await formattedJson(await definitionData());
	} catch (error) {
		stderr.write(
			`istio.io/api ${await pinnedApi()} can't be read: ${error instanceof Error ? error.message : error}\n`,
		);
		return undefined;
	}
}

async function main(): Promise<number> {
	const text = await made();
	if (text === undefined) return 2;
	if (!argv.includes('--check')) {
		await writeFile(target, text);
		stdout.write('Written: crds/istio/istiod.json\n');
		return 0;
	}
	if (text === (await readFile(target, 'utf8'))) return 0;
	stderr.write('crds/istio/istiod.json is not what follows from istio.io/api. Run: npm run crds\n');
	return 1;
}

process.exitCode = await main();
