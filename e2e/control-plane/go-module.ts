/** Modules of Go, fetched and built as a go.mod and go.sum say that are checked in. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { go, isPackagePath } from './go.ts';
import type { Progress } from './progress.ts';

/** Nothing outside of the go.mod decides what is built. Go refuses what go.sum does not know. */
export const pinnedGo = { GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' } as const;

/** Copies go.mod and go.sum. */
export async function copyModule(from: string, to: string): Promise<void> {
	for (const file of ['go.mod', 'go.sum']) await copyFile(path.join(from, file), path.join(to, file));
}

/**
 * The folder with the sources of a module, fetched if it is not there yet. Throws where the module can't be fetched, or is
 * not what go.sum says.
 * @param directory where the go.mod is that requires it
 */
export async function moduleFolder(
	module: string,
	directory: string,
	env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
	const answer = await go(['mod', 'download', '-json', module], directory, { ...env, ...pinnedGo });
	const folder = /"Dir": "([^"]+)"/.exec(answer.join('\n'))?.[1];
	if (folder === undefined) throw new Error(`go mod download ${module} names no folder`);
	return folder;
}

export interface Installation {
	/** Where the go.mod is. */
	readonly source: string;
	/** Each list is built by one call of Go. */
	readonly targets: readonly (readonly string[])[];
	/** Those whose parts are counted, to tell how far the build is. */
	readonly counted: readonly string[];
	readonly linkerFlags: string;
	/** Variables of Go. `GOBIN` says where the programs go. */
	readonly env: NodeJS.ProcessEnv;
	readonly progress: Progress;
}

/** Fetches and builds programs. Throws with the end of what Go said. */
export async function installPrograms(installation: Installation): Promise<void> {
	const { source, targets, counted, linkerFlags, env, progress } = installation;
	const all = await go(['list', '-deps', ...counted], source, env, (line) => {
		if (line.startsWith('go: downloading')) progress.step(line.slice('go: '.length));
	});
	progress.expect(all.filter((line) => isPackagePath.test(line)).length);
	for (const packages of targets) {
		const flags = ['-v', '-trimpath', `-ldflags=${linkerFlags}`];
		await go(['install', ...flags, ...packages], source, env, (line) => progress.advance(line));
	}
}
