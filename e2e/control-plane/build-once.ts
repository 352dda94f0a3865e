/** Builds something once, into a directory that all processes of this machine share: the cache. */
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { removeWhenOrphaned } from './guard.ts';
import { withLock } from './lock.ts';
import { setting } from './source.ts';

/** `${MESHWRIGHT_CACHE}`, else `meshwright` in the user's cache directory. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
	return (
		setting(env, 'MESHWRIGHT_CACHE') ??
		path.join(setting(env, 'XDG_CACHE_HOME') ?? path.join(homedir(), '.cache'), 'meshwright')
	);
}

/** True when the file is there. */
export function exists(file: string): Promise<boolean> {
	return access(file).then(
		() => true,
		() => false,
	);
}

export interface OneBuild {
	/** Where the result is. Its name changes with every input of the build. */
	readonly directory: string;
	/** A file of the result. */
	readonly product: string;
	/** Called when another process builds it and is waited for. */
	readonly onWait: () => void;
	/** Makes the result in another directory. */
	readonly compile: (temporary: string) => Promise<void>;
}

/**
 * Returns when the result is there, having built it if it was not. It is built in a directory beside, which goes away
 * however this process ends, and appears under its name only when all of it is there.
 */
export async function buildOnce({ directory, product, onWait, compile }: OneBuild): Promise<void> {
	const isBuilt = () => exists(path.join(directory, product));
	const parent = path.dirname(directory);
	await withLock(directory, onWait, async () => {
		if (await isBuilt()) {
			return;
		}
		await mkdir(parent, { recursive: true });
		const temporary = await mkdtemp(path.join(parent, '.building-'));
		const removed = await removeWhenOrphaned(temporary);
		try {
			await compile(temporary);
			await rename(temporary, directory).catch(async (error: unknown) => {
				if (!(await isBuilt())) {
					throw error;
				}
			});
		} finally {
			await rm(temporary, { recursive: true, force: true });
			removed();
		}
	});
}
