/** Reads the MeshInstallations of YAML or JSON files, several documents each, and of standard input. */
import { group, kind } from '../../api/v1/index.ts';
import { YamlProblem } from '../runtime/bounded-yaml.ts';
import { groupOf } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { readNamed, sourceName } from './files.ts';
import { decodeManifest, readManifestValues } from './manifest-text.ts';
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
	const inputs: Input[] = [];
	for (const file of files) inputs.push(...(await readOne(file)));
	if (inputs.length === 0) {
		throw new CommandError(
			`there is no ${kind} in ${files.map(sourceName).join(', ')}`,
			`give a file with apiVersion ${group}/v1 and kind ${kind}; deploy/examples/ has some`,
		);
	}
	return inputs;
}

async function readOne(file: string): Promise<readonly Input[]> {
	const source = sourceName(file);
	const { text } = decodeManifest(source, await readNamed(file));
	return parse(source, text).flatMap((object) => select(source, object));
}

function parse(source: string, yaml: string): readonly unknown[] {
	try {
		return readManifestValues(yaml).filter((object) => object !== null && object !== undefined);
	} catch (error) {
		if (!(error instanceof YamlProblem)) throw error;
		const where = error.document === 0 ? source : `${source}: document ${error.document + 1}`;
		throw new CommandError(`${where} ${error.message}`, undefined, error);
	}
}

function select(source: string, object: unknown): readonly Input[] {
	if (typeof object !== 'object' || object === null || Array.isArray(object)) {
		throw new CommandError(
			`${source} holds a document that is no Kubernetes object`,
			'each document needs apiVersion and kind',
		);
	}
	const header: Header = object;
	if ((header.kind === 'List' || header.kind === `${kind}List`) && Array.isArray(header.items)) {
		return header.items.flatMap((item) => select(source, item));
	}
	if (header.kind === kind && typeof header.apiVersion === 'string' && groupOf(header.apiVersion) === group) {
		return [{ source, object }];
	}
	note(`${source}: left out ${String(header.kind)} ${String(header.metadata?.name ?? '')} (not a ${kind} of ${group})`);
	return [];
}
