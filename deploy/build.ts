/**
 * `npm run build`: builds the whole product as one file, `dist/meshwright.js`, which runs on plain Node ≥ 22.19 without
 * node_modules, and beside it the licences of what is inside and the list of it (`meshwright.cdx.json`, CycloneDX).
 *
 * git tells the commit, or `MESHWRIGHT_COMMIT` when the sources were unpacked without their history.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { licenseTexts } from './bundle/licenses.ts';
import { bundledPackages } from './bundle/packages.ts';
import { plugins } from './bundle/plugins.ts';
import { sbomOf } from './bundle/sbom.ts';

const root = resolve(import.meta.dirname, '..');

/** CommonJS packages inside an ES module call `require` for Node's own modules. */
const banner =
	"#!/usr/bin/env node\nimport{createRequire as $createRequire}from'node:module';const require=$createRequire(import.meta.url);";

async function currentCommit(): Promise<string> {
	const given = process.env.MESHWRIGHT_COMMIT;
	if (given !== undefined && given !== '') {
		return given;
	}
	try {
		const git = async (...args: string[]): Promise<string> =>
			(await promisify(execFile)('git', args, { cwd: root })).stdout.trim();
		const commit = await git('rev-parse', '--short=12', 'HEAD');
		return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? commit : `${commit}-dirty`;
	} catch {
		return 'unknown'; // There is no git, or no repository: an unpacked archive can be built too.
	}
}

/**
 * Builds into `outdir` and returns the path of the bundle.
 * @param withList whether the list of what is inside is written too, which takes longer than all else
 */
export async function buildBundle(outdir: string, { withList = true } = {}): Promise<string> {
	const outfile = join(outdir, 'meshwright.js');
	await rm(outdir, { recursive: true, force: true });
	await mkdir(outdir, { recursive: true });
	const { metafile } = await build({
		absWorkingDir: root,
		entryPoints: ['operator/cli/meshwright.ts'],
		outfile,
		bundle: true,
		platform: 'node',
		target: 'node22.19',
		format: 'esm',
		// Only white space and syntax shrink, so that names stay readable in stack traces.
		minifySyntax: true,
		minifyWhitespace: true,
		keepNames: false,
		legalComments: 'none',
		sourcemap: 'external',
		metafile: true,
		logLevel: 'warning',
		banner: { js: banner },
		define: { MESHWRIGHT_COMMIT: JSON.stringify(await currentCommit()) },
		plugins: [...plugins],
	});
	await chmod(outfile, 0o755);
	await writeFile(join(outdir, 'package.json'), `${JSON.stringify({ type: 'module' })}\n`);
	const packages = await bundledPackages(root, Object.keys(metafile.inputs));
	await writeFile(join(outdir, 'LICENSES.txt'), await licenseTexts(packages));
	if (withList) await writeFile(join(outdir, 'meshwright.cdx.json'), await sbomOf(root, packages));
	return outfile;
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { outdir: { type: 'string', default: join(root, 'dist') } } });
	const started = performance.now();
	const outfile = await buildBundle(resolve(values.outdir));
	const { size } = await stat(outfile);
	console.log(
		`${outfile}: ${(size / 2 ** 20).toFixed(1)} MiB in ${((performance.now() - started) / 1000).toFixed(1)} s`,
	);
}
