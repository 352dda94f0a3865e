/**
 * Bytes of a kubeconfig to plain data, where whoever wrote them may mean harm. Only what JSON has too is taken: no
 * anchors, aliases, tags, merge keys and directives, no second document, no key twice. Much of that is legal YAML and
 * some of it harmless, but no tool writes it into kubeconfigs, and different parsers read it differently.
 *
 * Time is bounded: below a second of CPU for the worst mebibyte that was found. Messages say where, never what stands there.
 */
import { Composer, CST, isMap, isScalar, isSeq, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { invalid } from './fields.ts';

/** Maps have no prototype that a key could reach. */
export type Plain = string | number | boolean | null | readonly Plain[] | PlainMap;
export type PlainMap = ReadonlyMap<string, Plain>;

/** Longest content, bytes: Kubernetes keeps no larger Secret. */
const longest = 1024 * 1024;
/** Words and marks of YAML, some eight a line. A kubeconfig of 150 clusters has as many. */
const mostLexemes = 30_000;
/** An exec plugin's variables are at depth 8; extensions of tools may go deeper. */
const deepest = 32;

/** JavaScript's own names for what an object inherits: no kubeconfig has them, and no code should meet them. */
const inheritedNames = new Set(['__proto__', 'constructor', 'prototype']);

/** What can't be written in double quotes, pairs of backslashes aside; each one would cost the parser an error of its own. */
const wrongEscape = /\\(?![0abtnvfre "/N_LP\t\r\n]|x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U00(?:0[\dA-Fa-f]|10)[\dA-Fa-f]{4})/;

/** Throws InvalidError with what is wrong. */
export function readPlainYaml(content: Buffer): Plain {
	const text = decode(content);
	refuseSyntax(text);
	const lines = new LineCounter();
	const composer = new Composer({
		schema: 'core',
		stringKeys: true,
		uniqueKeys: false,
		merge: false,
		logLevel: 'silent',
	});
	// The composer catches a stack that overflows and reports it as an error of the document.
	const documents = [...composer.compose(new Parser(lines.addNewLine).parse(text))];
	const [document] = documents;
	if (document === undefined) {
		throw invalid('the kubeconfig is empty');
	}
	if (documents.length > 1) {
		throw invalid('the kubeconfig has several YAML documents: leave one');
	}
	const [error] = document.errors;
	if (error !== undefined) {
		throw invalid(`the kubeconfig is not YAML; see its line ${lines.linePos(error.pos[0]).line}`);
	}
	return plainOf(document.contents, lines, 0);
}

function decode(content: Buffer): string {
	if (content.length > longest) {
		throw invalid(`the kubeconfig is longer than ${longest} bytes: keep one context (kubectl config view --minify)`);
	}
	const isUtf16 = content.length >= 2 && [0xfffe, 0xfeff].includes(content.readUInt16BE(0));
	let text: string;
	try {
		// Takes off a byte order mark, as PowerShell writes it.
		text = new TextDecoder('utf-8', { fatal: true }).decode(content);
	} catch {
		text = '\0';
	}
	if (isUtf16 || text.includes('\0')) {
		throw invalid('the kubeconfig is not text in UTF-8: save it in that encoding');
	}
	if (/(?![\t\n\r])\p{Cc}/u.test(text)) {
		throw invalid('the kubeconfig has control characters: remove them');
	}
	return text;
}

/** Judges by words and marks alone, before anything is built of them. */
function refuseSyntax(text: string): void {
	let count = 0;
	let isContent = false;
	for (const lexeme of new Lexer().lex(text)) {
		count++;
		if (count > mostLexemes) {
			throw invalid('the kubeconfig has too many entries: keep one context (kubectl config view --minify)');
		}
		// After this mark comes the text of a plain or block scalar, whatever it looks like.
		const type = isContent ? 'scalar' : CST.tokenType(lexeme);
		isContent = !isContent && lexeme === CST.SCALAR;
		if (type === 'anchor' || type === 'alias' || type === 'tag' || type === 'directive-line') {
			throw invalid(`the kubeconfig has a YAML ${type.replace('-line', '')}: write plain values instead`);
		}
		if (type === 'double-quoted-scalar' && wrongEscape.test(lexeme.replaceAll('\\\\', ' '))) {
			throw invalid('the kubeconfig has a wrong escape in double quotes');
		}
	}
}

function plainOf(node: ParsedNode | null, lines: LineCounter, depth: number): Plain {
	if (depth > deepest) {
		throw invalid(`the kubeconfig is nested more than ${deepest} levels deep`);
	}
	if (node === null) {
		return null;
	}
	if (isScalar(node)) {
		return scalarOf(node.value);
	}
	if (isSeq(node)) {
		return node.items.map((item) => plainOf(item as ParsedNode, lines, depth + 1));
	}
	if (!isMap(node)) {
		throw invalid('the kubeconfig has a YAML alias: write plain values instead');
	}
	const result = new Map<string, Plain>();
	for (const { key, value } of node.items) {
		const name = isScalar(key) ? key.value : undefined;
		const line = () => lines.linePos(node.range[0]).line;
		if (typeof name !== 'string' || name === '<<' || inheritedNames.has(name)) {
			throw invalid(
				`the kubeconfig has a key that no kubeconfig has (merge key, number or the like), below line ${line()}`,
			);
		}
		if (result.has(name)) {
			throw invalid(`the kubeconfig has a key twice, below line ${line()}`);
		}
		result.set(name, plainOf(value as ParsedNode | null, lines, depth + 1));
	}
	return result;
}

function scalarOf(value: unknown): Plain {
	if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
		return value;
	}
	throw invalid('the kubeconfig has a value that is neither text, number, true, false nor null');
}
