/** Reads the files of `inject` and `uninject`, and writes them back when that is asked for. */
import { readdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CommandError } from '../command-error.ts';

export interface ManifestFile {
	/** The path, or `standard input`. For messages. */
	readonly source: string;
	/** Undefined for standard input. */
	readonly path?: string;
	readonly text: string;
}

export interface FileOptions {
	readonly filename?: readonly string[];
	readonly recursive?: readonly string[];
}

/** Files below a folder with such a name count as manifests. */
const manifestName = /\.(ya?ml|json)$/i;

/** The named files, then those below the folders, each folder's in the order of their names. */
export async function readManifests({ filename = [], recursive = [] }: FileOptions): Promise<readonly ManifestFile[]> {
	if (filename.length === 0 && recursive.length === 0) {
		throw new CommandError(
			'there is nothing to read',
			'give files with -f, folders with -R, or -f - for standard input',
		);
	}
	if (filename.filter((name) => name === '-').length > 1) {
		throw new CommandError('standard input can be read once only', 'give -f - once');
	}
	const below = (await Promise.all(recursive.map(filesBelow))).flat();
	return Promise.all([...filename, ...below].map(readOne));
}

async function filesBelow(folder: string): Promise<readonly string[]> {
	try {
		const entries = await readdir(folder, { withFileTypes: true, recursive: true });
		const files = entries
			.filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && manifestName.test(entry.name))
			.map((entry) => join(entry.parentPath, entry.name));
		if (files.length === 0) {
			throw new CommandError(`there is no manifest below ${folder}`, 'its files must end in .yaml, .yml or .json');
		}
		return files.sort();
	} catch (error) {
		throw error instanceof CommandError ? error : unreadable(folder, error, 'give a folder with -R, or a file with -f');
	}
}

async function readOne(file: string): Promise<ManifestFile> {
	const [source, path] = file === '-' ? ['standard input'] : [file, file];
	try {
		const bytes = path === undefined ? await buffer(process.stdin) : await readFile(path);
		// Refuses bytes that are no UTF-8, since they would come out as others. Keeps a byte order mark.
		const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
		return { source, ...(path === undefined ? {} : { path }), text };
	} catch (error) {
		throw unreadable(source, error, 'give a file with -f, a folder with -R, or -f - for standard input');
	}
}

function unreadable(file: string, error: unknown, remedy: string): CommandError {
	if (error instanceof TypeError) {
		return new CommandError(`${file} is not UTF-8`, 'convert it, or leave it out', error);
	}
	const { code } = error as NodeJS.ErrnoException;
	const reasons: Readonly<Record<string, string>> = {
		ENOENT: 'does not exist',
		EISDIR: 'is a folder',
		ENOTDIR: 'is no folder',
	};
	const reason = reasons[code ?? ''] ?? `can’t be read (${code ?? 'unknown'})`;
	return new CommandError(`${file} ${reason}`, remedy, error);
}

/** Replaces a file in one step: a reader sees the old text or the new one, never half of it. A link stays a link. */
export async function replaceFile(path: string, content: string): Promise<void> {
	try {
		const target = await realpath(path);
		const { mode } = await stat(target);
		const temporary = `${target}.meshwright-${process.pid}`;
		await writeFile(temporary, content, { mode, flag: 'wx' });
		await rename(temporary, target);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		throw new CommandError(
			`${path} can’t be written (${code ?? 'unknown'})`,
			'check the rights of the folder, or leave --write out and redirect the output',
			error,
		);
	}
}
