/**
 * Reads plain data from bytes whose writer may mean harm. It accepts only what JSON has too: no anchors, aliases, tags,
 * merge keys and directives, no second document, no key twice. Much of that is legal YAML and some of it harmless, but no
 * tool writes it, and different parsers read it differently.
 *
 * The time is bounded: less than a second of CPU for the worst mebibyte that was found. Messages say where, never what is
 * written there.
 */

import { Composer, CST, isMap, isScalar, isSeq, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { refuseDepth, YamlProblem } from '../runtime/bounded-yaml.ts';

/** Plain data. Maps have no prototype that a key could reach. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainMap;
export type PlainMap = ReadonlyMap<string, Plain>;

/** Names what is read, for messages. */
export interface Source {
	/** `kubeconfig` */
	readonly noun: string;
	/** What the owner can do when it is too large: `keep one context`. */
	readonly remedy: string;
}

/** The text was refused. The message says what is wrong and where, never what is written there. */
export class UntrustedYamlError extends Error {
	override readonly name = 'UntrustedYamlError';
}

/** Kubernetes keeps no larger Secret or ConfigMap. */
const longestBytes = 1024 * 1024;
/** At most this many words and marks of YAML, of which a line has some eight. A kubeconfig of 150 clusters has as many. */
const mostLexemes = 30_000;
/** In a kubeconfig the variables of an exec plugin are at depth 8. Extensions of tools may go deeper. */
const deepest = 32;

/** JavaScript's names for what an object inherits. No document has them, and no code should meet them. */
const inheritedNames = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Escapes that double quotes don't allow, pairs of backslashes aside. Each one would cost the parser an error of its own.
 */
const wrongEscape = /\\(?![0abtnvfre "/N_LP\t\r\n]|x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U00(?:0[\dA-Fa-f]|10)[\dA-Fa-f]{4})/;

/** Reads the data. Throws UntrustedYamlError with what is wrong. */
export function readUntrustedYaml(content: Buffer, source: Source): Plain {
	const text = decode(content, source);
	refuseSyntax(text, source);
	const lines = new LineCounter();
	const composer = new Composer({
		schema: 'core',
		stringKeys: true,
		uniqueKeys: false,
		merge: false,
		logLevel: 'silent',
	});
	const tokens = [...new Parser(lines.addNewLine).parse(text)];
	refuseNesting(tokens, source);
	const documents = [...composer.compose(tokens)];
	const [document] = documents;
	if (document === undefined) {
		throw refused(source, 'is empty');
	}
	if (documents.length > 1) {
		throw refused(source, 'has several YAML documents: leave one');
	}
	const [error] = document.errors;
	if (error !== undefined) {
		throw refused(source, `is not YAML; see its line ${lines.linePos(error.pos[0]).line}`);
	}
	return plainOf(document.contents, { source, lines, depth: 0 });
}

function decode(content: Buffer, source: Source): string {
	if (content.length > longestBytes) {
		throw refused(source, `is longer than ${longestBytes} bytes: ${source.remedy}`);
	}
	const isUtf16 = content.length >= 2 && [0xfffe, 0xfeff].includes(content.readUInt16BE(0));
	let text: string;
	try {
		// Removes a byte order mark, as PowerShell writes it.
		text = new TextDecoder('utf-8', { fatal: true }).decode(content);
	} catch {
		text = '\0';
	}
	if (isUtf16 || text.includes('\0')) {
		throw refused(source, 'is not text in UTF-8: save it in that encoding');
	}
	if (/(?![\t\n\r])\p{Cc}/u.test(text)) {
		throw refused(source, 'has control characters: remove them');
	}
	return text;
}

/** @param what the rest of the sentence, after the name of the source: `is empty` */
function refused({ noun }: Source, what: string): UntrustedYamlError {
	return new UntrustedYamlError(`the ${noun} ${what}`);
}

/** Judges by words and marks alone, before anything is built from them. */
function refuseSyntax(text: string, source: Source): void {
	let count = 0;
	let isContent = false;
	for (const lexeme of new Lexer().lex(text)) {
		count++;
		if (count > mostLexemes) {
			throw refused(source, `has too many entries: ${source.remedy}`);
		}
		// After this mark comes the text of a plain or block scalar, whatever it looks like.
		const type = isContent ? 'scalar' : CST.tokenType(lexeme);
		isContent = !isContent && lexeme === CST.SCALAR;
		if (type === 'anchor' || type === 'alias' || type === 'tag' || type === 'directive-line') {
			throw refused(source, `has a YAML ${type.replace('-line', '')}: write plain values instead`);
		}
		if (type === 'double-quoted-scalar' && wrongEscape.test(lexeme.replaceAll('\\\\', ' '))) {
			throw refused(source, 'has a wrong escape in double quotes');
		}
	}
}

/** Judges by the tokens alone: composing what is nested takes stack, and its end may be that of the process. */
function refuseNesting(tokens: readonly CST.Token[], source: Source): void {
	try {
		refuseDepth(tokens, deepest);
	} catch (error) {
		if (!(error instanceof YamlProblem)) throw error;
		throw refused(source, `is nested more than ${deepest} levels deep`);
	}
}

interface Place {
	readonly source: Source;
	readonly lines: LineCounter;
	readonly depth: number;
}

function plainOf(node: ParsedNode | null, place: Place): Plain {
	const { source, lines, depth } = place;
	const inside = { ...place, depth: depth + 1 };
	if (depth > deepest) {
		throw refused(source, `is nested more than ${deepest} levels deep`);
	}
	if (node === null) {
		return null;
	}
	if (isScalar(node)) {
		return scalarOf(node.value, source);
	}
	if (isSeq(node)) {
		return node.items.map((item) => plainOf(item as ParsedNode, inside));
	}
	if (!isMap(node)) {
		throw refused(source, 'has a YAML alias: write plain values instead');
	}
	const result = new Map<string, Plain>();
	for (const { key, value } of node.items) {
		const name = isScalar(key) ? key.value : undefined;
		const line = () => lines.linePos(node.range[0]).line;
		if (typeof name !== 'string' || name === '<<' || inheritedNames.has(name)) {
			throw refused(
				source,
				`has a key that no ${source.noun} has (merge key, number or the like), below line ${line()}`,
			);
		}
		if (result.has(name)) {
			throw refused(source, `has a key twice, below line ${line()}`);
		}
		result.set(name, plainOf(value as ParsedNode | null, inside));
	}
	return result;
}

function scalarOf(value: unknown, source: Source): Plain {
	if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
		return value;
	}
	throw refused(source, 'has a value that is neither text, number, true, false nor null');
}
