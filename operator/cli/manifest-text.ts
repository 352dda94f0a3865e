/**
 * Reads manifests as kubectl does, for every command: UTF-8, or UTF-16 with a byte order mark as PowerShell writes it
 * (kubernetes/cli-runtime `pkg/resource/visitor.go`); YAML 1.1 with merge keys, but without dates and numbers of base 60
 * (sigs.k8s.io/yaml reads these as text); and JSON objects one after another (apimachinery `pkg/util/yaml/decoder.go`).
 */
import type { Document } from 'yaml';
import { parseYaml, plainValue, type YamlOptions } from '../runtime/bounded-yaml.ts';
import { CommandError } from './command-error.ts';

export interface ManifestText {
	/** With its byte order mark, if it has one. */
	readonly text: string;
	readonly encoding: Encoding;
}

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** Refuses bytes that are no text, since they would come out as others. Throws CommandError. */
export function decodeManifest(source: string, bytes: Buffer): ManifestText {
	const encoding = encodingOf(bytes);
	let text: string;
	try {
		text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch (error) {
		throw new CommandError(`${source} is not ${encoding.toUpperCase()}`, 'convert it, or leave it out', error);
	}
	if (encoding === 'utf-8' && text.includes('\0')) {
		throw new CommandError(
			`${source} is not text in UTF-8, nor in UTF-16 with a byte order mark`,
			'convert it to UTF-8, or leave it out',
		);
	}
	return { text, encoding };
}

function encodingOf(bytes: Buffer): Encoding {
	const mark = bytes.length < 2 ? 0 : bytes.readUInt16BE(0);
	return mark === 0xfffe ? 'utf-16le' : mark === 0xfeff ? 'utf-16be' : 'utf-8';
}

/** The bytes of a text in the encoding that it was read in. */
export function encodeManifest({ text, encoding }: ManifestText): Buffer {
	if (encoding === 'utf-8') return Buffer.from(text, 'utf8');
	const bytes = Buffer.from(text, 'utf16le');
	return encoding === 'utf-16be' ? bytes.swap16() : bytes;
}

const byteOrderMark = '\ufeff';

export function withoutMark(text: string): string {
	return text.startsWith(byteOrderMark) ? text.slice(1) : text;
}

/** The documents of a stream of YAML (see `asYamlStream`). Throws YamlProblem for the first that is wrong. */
export function parseManifests(
	text: string,
	options: Pick<YamlOptions, 'keepSourceTokens'> = {},
): readonly Document.Parsed[] {
	return parseYaml(text, {
		...options,
		version: '1.1',
		customTags: (tags) =>
			tags.filter(
				(tag) => typeof tag === 'string' || (tag.tag !== 'tag:yaml.org,2002:timestamp' && tag.format !== 'TIME'),
			),
	});
}

/** The value of a document. Throws YamlProblem. */
export function manifestValue(document: Document.Parsed, index: number): unknown {
	return plainValue(document, index, 1000);
}

/** The value of each document of a text; null for an empty one. Throws YamlProblem. */
export function readManifestValues(text: string): readonly unknown[] {
	return parseManifests(asYamlStream(text).text).map(manifestValue);
}

export interface YamlStream {
	readonly text: string;
	/** Where separators were put in. They are no part of the text that was read. */
	readonly separators: readonly { readonly start: number; readonly end: number }[];
}

const separator = '\n---\n';

/** Puts the separators of YAML between JSON objects that follow each other without any. All else stays as it is. */
export function asYamlStream(text: string): YamlStream {
	const separators: { start: number; end: number }[] = [];
	const parts: string[] = [];
	let from = 0;
	let at = skipBlanks(text, text.startsWith(byteOrderMark) ? 1 : 0);
	while (text[at] === '{') {
		const end = endOfObject(text, at);
		if (end === undefined || !isJson(text.slice(at, end))) break;
		at = skipBlanks(text, end);
		if (text[at] !== '{') break;
		parts.push(text.slice(from, at), separator);
		from = at;
		const start = at + separators.length * separator.length;
		separators.push({ start, end: start + separator.length });
	}
	return { text: parts.join('') + text.slice(from), separators };
}

function skipBlanks(text: string, from: number): number {
	let at = from;
	while (/^[ \t\r\n]$/.test(text[at] ?? '')) at++;
	return at;
}

/** The offset after the brace that closes the one at `start`. Undefined when there is none. */
function endOfObject(text: string, start: number): number | undefined {
	let depth = 0;
	let isText = false;
	for (let at = start; at < text.length; at++) {
		const character = text[at];
		if (isText) {
			if (character === '\\') at++;
			else if (character === '"') isText = false;
		} else if (character === '"') isText = true;
		else if (character === '{') depth++;
		else if (character === '}' && --depth === 0) return at + 1;
	}
	return undefined;
}

export function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch (error) {
		if (error instanceof SyntaxError) return false;
		throw error;
	}
}
