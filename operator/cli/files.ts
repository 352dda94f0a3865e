/** Reads files that are named on the command line, and standard input, up to a length. */
import { createReadStream } from 'node:fs';
import { CommandError } from './command-error.ts';

/** Of one file. The largest bundles of manifests that people publish have some 4 MiB. */
export const longestFileBytes = 8 * 2 ** 20;

export function sourceName(file: string): string {
	return file === '-' ? 'standard input' : file;
}

/**
 * The bytes of a file, or of standard input for `-`. Whatever can be opened is read, as `cat` does: a pipe made by
 * `<(…)` is named /dev/fd/63. Throws CommandError when it can't be read, or is longer than is read.
 */
export async function readNamed(
	file: string,
	remedy = 'give a file with -f, or - for standard input',
): Promise<Buffer> {
	try {
		return await readAll(file === '-' ? process.stdin : createReadStream(file), sourceName(file));
	} catch (error) {
		throw unreadable(sourceName(file), error, remedy);
	}
}

/** All bytes of a stream. Throws CommandError as soon as there are too many. */
export async function readAll(stream: AsyncIterable<Buffer>, source: string): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of stream) {
		length += chunk.length;
		if (length > longestFileBytes) throw tooLong(source);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks, length);
}

export function tooLong(source: string): CommandError {
	return new CommandError(`${source} is longer than ${longestFileBytes / 2 ** 20} MiB`, 'split it, or leave it out');
}

/** Says why a file or folder can't be read. An error that does so already stays as it is. */
export function unreadable(file: string, error: unknown, remedy: string): CommandError {
	if (error instanceof CommandError) return error;
	const { code } = error as NodeJS.ErrnoException;
	const reasons: Readonly<Record<string, string>> = {
		ENOENT: 'does not exist',
		EISDIR: 'is a folder',
		ENOTDIR: 'is no folder',
		ELOOP: 'is a link that leads nowhere',
	};
	const reason = reasons[code ?? ''] ?? `can’t be read (${code ?? 'unknown'})`;
	return new CommandError(`${file} ${reason}`, remedy, error);
}
