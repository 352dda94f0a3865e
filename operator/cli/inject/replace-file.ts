/** Replaces a file, and nothing else, whatever happens to its folder in the meantime. */
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CommandError } from '../command-error.ts';
import { isStill } from './folder.ts';

/**
 * Replaces a file in one step: a reader sees the old text or the new one, never half of it. It keeps its mode and, where
 * the user may give it away, its owner. Throws CommandError when it is not the file any more that was read.
 * @param target where the file really is: no part of the path is a link
 * @param read what the file was when it was read
 */
export async function replaceFile(path: string, target: string, read: Stats, content: Buffer): Promise<void> {
	try {
		await using folder = await openFolder(dirname(target));
		const name = basename(target);
		const temporary = `${folder.path}/.${name}.meshwright-${randomBytes(6).toString('hex')}`;
		try {
			await write(temporary, content, read);
			if (!(await isStill(`${folder.path}/${name}`, read))) {
				throw new CommandError(`${path} was replaced since it was read, and is left as it is`, 'run the command again');
			}
			await rename(temporary, `${folder.path}/${name}`);
		} catch (error) {
			await rm(temporary, { force: true });
			throw error;
		}
	} catch (error) {
		if (error instanceof CommandError) throw error;
		const { code } = error as NodeJS.ErrnoException;
		throw new CommandError(
			`${path} can’t be written (${code ?? 'unknown'})`,
			'check the rights of the folder, or leave --write out and redirect the output',
			error,
		);
	}
}

async function write(path: string, content: Buffer, { mode, uid, gid }: Stats): Promise<void> {
	const handle = await open(path, 'wx', 0o600);
	try {
		await handle.writeFile(content);
		const made = await handle.stat();
		if (made.uid !== uid || made.gid !== gid) await handle.chown(uid, gid).catch(ignoreDenied);
		await handle.chmod(mode & 0o777);
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** Nobody but root gives files away. Then the new file is the user's. */
function ignoreDenied(error: NodeJS.ErrnoException): void {
	if (error.code !== 'EPERM') throw error;
}

/**
 * A folder that stays the same one when somebody puts a link in its place: Linux has a path to each open folder. Elsewhere
 * it is checked that the path has no link.
 */
async function openFolder(folder: string): Promise<{ readonly path: string } & AsyncDisposable> {
	const handle: FileHandle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
	try {
		const byHandle = `/proc/self/fd/${handle.fd}`;
		const path = await access(byHandle).then(
			() => byHandle,
			() => folder,
		);
		if ((await realpath(path)) !== folder) {
			throw new CommandError(`${folder} was replaced since it was read`, 'run the command again');
		}
		return { path, [Symbol.asyncDispose]: () => handle.close() };
	} catch (error) {
		await handle.close();
		throw error;
	}
}
