/**
 * Reads the manifests of a folder that somebody else may have filled: regular files inside of it and nothing else. A link
 * that leads out, a pipe or a device is told and left out.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CommandError } from '../command-error.ts';
import { longestFileBytes, readAll, tooLong, unreadable } from '../files.ts';

/** Files below a folder with such a name count as manifests. */
const manifestName = /\.(ya?ml|json)$/i;
const mostFiles = 10_000;
const deepestFolder = 32;
/** Of all files together. */
export const longestFolderBytes = 64 * 2 ** 20;

export interface FolderFile {
	/** As the user sees it, below the folder as it was named. */
	readonly path: string;
	/** Where it really is. */
	readonly target: string;
	readonly stats: Stats;
	readonly bytes: Buffer;
}

interface Found {
	readonly path: string;
	readonly target: string;
}

/** The manifests of the folder and its subfolders, in the order of their names, and remarks about what was left out. */
export async function readFolder(
	folder: string,
): Promise<{ readonly files: readonly FolderFile[]; readonly notes: readonly string[] }> {
	const remedy = 'give a folder with -R, or a file with -f';
	const notes: string[] = [];
	const root = await realpath(folder).catch((error: unknown) => {
		throw unreadable(folder, error, remedy);
	});
	const found = await findFiles(folder, root, notes);
	const files: FolderFile[] = [];
	let length = 0;
	for (const { path, target } of found) {
		const file = await readInside(path, target, root).catch((error: unknown) => {
			throw unreadable(path, error, 'make it readable, or move it out of the folder');
		});
		if (file === undefined) {
			notes.push(`${path} is left out: it is no regular file`);
			continue;
		}
		length += file.bytes.length;
		if (length > longestFolderBytes) {
			throw new CommandError(
				`the manifests below ${folder} are longer than ${longestFolderBytes / 2 ** 20} MiB together`,
				'give its subfolders one at a time',
			);
		}
		files.push(file);
	}
	if (files.length === 0) {
		throw new CommandError(
			[`there is no manifest below ${folder}`, ...notes.map((note) => `  ${note}`)],
			'its files must end in .yaml, .yml or .json',
		);
	}
	return { files, notes };
}

async function findFiles(folder: string, root: string, notes: string[]): Promise<readonly Found[]> {
	const found = new Map<string, Found>();
	const links: Found[] = [];
	const visit = async (path: string, depth: number): Promise<void> => {
		if (depth > deepestFolder) {
			throw new CommandError(`${path} is more than ${deepestFolder} folders deep`, 'give a folder further inside');
		}
		const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
			throw unreadable(path, error, 'give a folder with -R, or a file with -f');
		});
		for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
			const inside = join(path, entry.name);
			if (entry.isDirectory()) await visit(inside, depth + 1);
			else if (!manifestName.test(entry.name)) continue;
			else if (entry.isSymbolicLink()) links.push({ path: inside, target: await realpath(inside).catch(() => '') });
			else
				found.set(join(root, inside.slice(folder.length)), {
					path: inside,
					target: join(root, inside.slice(folder.length)),
				});
			if (found.size + links.length > mostFiles) {
				throw new CommandError(
					`there are more than ${mostFiles} manifests below ${folder}`,
					'give its subfolders one at a time',
				);
			}
		}
	};
	await visit(folder, 0);
	for (const link of links) {
		const { path, target } = link;
		if (target === '') notes.push(`${path} is left out: it is a link that leads nowhere`);
		else if (!target.startsWith(root + sep)) notes.push(`${path} is left out: it is a link out of the folder`);
		else if (found.has(target)) notes.push(`${path} is left out: it is a link to ${found.get(target)?.path}`);
		else found.set(target, link);
	}
	return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Reads a file that is looked at before and after it is opened, so that nobody can put another one in its place. Undefined
 * when it is no regular file. Not waiting matters for pipes alone, which would keep us until somebody writes into them.
 */
async function readInside(path: string, target: string, root: string): Promise<FolderFile | undefined> {
	if (!(await lstat(target)).isFile()) return undefined;
	const handle = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		const stats = await handle.stat();
		if (!stats.isFile()) return undefined;
		if (!(await isStill(target, stats)) || (await realpath(target)) !== target || !target.startsWith(root + sep)) {
			throw new CommandError(`${path} was replaced while it was read`, 'try again when nobody changes the folder');
		}
		if (stats.size > longestFileBytes) throw tooLong(path);
		return { path, target, stats, bytes: await readAll(chunksOf(handle), path) };
	} finally {
		await handle.close();
	}
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
	for (;;) {
		const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(65_536) });
		if (bytesRead === 0) return;
		yield buffer.subarray(0, bytesRead);
	}
}

/** Whether the file of this name is the one that was looked at, unchanged, and no link. */
export async function isStill(path: string, { dev, ino, mtimeMs }: Stats): Promise<boolean> {
	const now = await lstat(path);
	return now.isFile() && now.dev === dev && now.ino === ino && now.mtimeMs === mtimeMs;
}
