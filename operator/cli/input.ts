/** Reads the MeshInstallations of YAML or JSON files, several documents each, and of standard input. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { group, kind } from '../../api/v1/index.ts';
import { groupOf } from '../runtime/object.ts';
import { visible } from '../runtime/visible-text.ts';
import { CommandError } from './command-error.ts';
import { note } from './terminal.ts';

/** A MeshInstallation from a file. Only its kind has been checked yet. */
export interface Input {
	/** Where it comes from, for messages: `mesh.yaml`, `standard input`. */
	readonly source: string;
	readonly object: unknown;
}

interface Header {
	readonly apiVersion?: unknown;
	readonly kind?: unknown;
	readonly items?: unknown;
	readonly metadata?: { readonly name?: unknown };
}

/**
 * All MeshInstallations of the files, in their order. Other kinds are left out, with a remark. Throws CommandError when
 * there is none.
 */
export async function readInput(files: readonly string[]): Promise<readonly Input[]> {
	const inputs = (await Promise.all(files.map(readOne))).flat();
	if (inputs.length === 0) {
		throw new CommandError(
			`there is no ${kind} in ${files.map(sourceName).join(', ')}`,
			`give a file with apiVersion ${group}/v1 and kind ${kind}; deploy/examples/ has some`,
		);
	}
	return inputs;
}

function sourceName(file: string): string {
	return file === '-' ? 'standard input' : file;
}

async function readOne(file: string): Promise<readonly Input[]> {
	const source = sourceName(file);
	return parse(source, await content(file)).flatMap((object) => select(source, object));
}

async function content(file: string): Promise<string> {
	if (file === '-') {
		return text(process.stdin);
	}
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		const reason =
			code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is a folder' : `can’t be read (${code ?? 'unknown'})`;
		throw new CommandError(`${file} ${reason}`, 'give a file with -f, or - for standard input', error);
	}
}

function parse(source: string, yaml: string): readonly unknown[] {
	return parseAllDocuments(yaml).flatMap((document): readonly unknown[] => {
		const [error] = document.errors;
		if (error !== undefined) {
			throw new CommandError(`${visible(source)} is not YAML: ${error.message}`.split('\n'), undefined, error);
		}
		const object: unknown = document.toJS({ maxAliasCount: 100 });
		return object === null || object === undefined ? [] : [object];
	});
}

function select(source: string, object: unknown): readonly Input[] {
	if (typeof object !== 'object' || object === null || Array.isArray(object)) {
		throw new CommandError(
			`${source} holds a document that is no Kubernetes object`,
			'each document needs apiVersion and kind',
		);
	}
	const header: Header = object;
	if (header.kind === 'List' && Array.isArray(header.items)) {
		return header.items.flatMap((item) => select(source, item));
	}
	if (header.kind === kind && typeof header.apiVersion === 'string' && groupOf(header.apiVersion) === group) {
		return [{ source, object }];
	}
	note(`${source}: left out ${String(header.kind)} ${String(header.metadata?.name ?? '')} (not a ${kind} of ${group})`);
	return [];
}
