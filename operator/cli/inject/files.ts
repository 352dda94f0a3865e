/** Reads the files of `inject` and `uninject`. */
import type { Stats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { CommandError } from '../command-error.ts';
import { readNamed, sourceName, unreadable } from '../files.ts';
import { decodeManifest, type Encoding } from '../manifest-text.ts';
import { readFolder } from './folder.ts';

export interface ManifestFile {
	/** The path, or `standard input`. For messages. */
	readonly source: string;
	readonly text: string;
	/** In which the file is written back. Output is always UTF-8. */
	readonly encoding: Encoding;
	/** Undefined for what can't be replaced: standard input and pipes. */
	readonly replaceable?: {
		/** Where the file really is. */
		readonly target: string;
		readonly stats: Stats;
	};
}

export interface Manifests {
	readonly files: readonly ManifestFile[];
	/** What was left out, a line each. */
	readonly notes: readonly string[];
}

export interface FileOptions {
	readonly filename?: readonly string[];
	readonly recursive?: readonly string[];
}

/** The named files, then those below the folders, each folder's in the order of their names. */
export async function readManifests({ filename = [], recursive = [] }: FileOptions): Promise<Manifests> {
	if (filename.length === 0 && recursive.length === 0) {
		throw new CommandError(
			'there is nothing to read',
			'give files with -f, folders with -R, or -f - for standard input',
		);
	}
	if (filename.filter((name) => name === '-').length > 1) {
		throw new CommandError('standard input can be read once only', 'give -f - once');
	}
	const files: ManifestFile[] = [];
	const notes: string[] = [];
	for (const file of filename) files.push(await readOne(file));
	for (const folder of recursive) {
		const read = await readFolder(folder);
		notes.push(...read.notes);
		files.push(
			...read.files.map(({ path, target, stats, bytes }) => ({
				source: path,
				...decodeManifest(path, bytes),
				replaceable: { target, stats },
			})),
		);
	}
	return { files, notes };
}

const remedy = 'give a file with -f, a folder with -R, or -f - for standard input';

/** A file that the user has named. A link leads to what the user means, so it is followed. */
async function readOne(file: string): Promise<ManifestFile> {
	const source = sourceName(file);
	if (file === '-') return { source, ...decodeManifest(source, await readNamed(file)) };
	try {
		// Looked at before it is read: what comes in its place meanwhile is never written over.
		const stats = await stat(file);
		const replaceable = stats.isFile() ? { replaceable: { target: await realpath(file), stats } } : {};
		return { source, ...decodeManifest(source, await readNamed(file, remedy)), ...replaceable };
	} catch (error) {
		throw unreadable(source, error, remedy);
	}
}
