/**
 * Changes values inside YAML and JSON texts and leaves every other byte as it is: comments, order, quoting, blank lines. It
 * edits the smallest pieces of text, and reads the outcome again: an outcome that does not mean what was wanted is never
 * printed.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Document } from 'yaml';
import { YamlProblem } from '../../runtime/bounded-yaml.ts';
import { toJson } from '../document.ts';
import { asYamlStream, isJson, manifestValue, parseManifests, readManifestValues } from '../manifest-text.ts';
import { NotEditable } from './nodes.ts';
import { type Edit, eolOf, type How, print, Writer } from './writer.ts';
import { Written } from './written.ts';

export interface Edited {
	readonly text: string;
	/** Documents (counted from 0) that had to be printed anew, without their comments. */
	readonly reprinted: readonly number[];
}

/** The value of each document; null for an empty one. Throws YamlProblem. */
export function readDocuments(text: string): readonly unknown[] {
	return readManifestValues(text);
}

/** The ways to change a document, the one that looks best first. */
const ways: readonly Omit<How, 'json'>[] = [
	{ expandAliases: false, literals: true },
	{ expandAliases: true, literals: true },
	{ expandAliases: true, literals: false },
];

/** The text with these values in place of its own, one for each document. Throws YamlProblem. */
export function editDocuments(given: string, wanted: readonly unknown[]): Edited {
	const { text, separators } = asYamlStream(given);
	// What was put in to read the text does not come out.
	const removals = separators.map((span): Edit => ({ ...span, text: '' }));
	const changes = parseManifests(text, { keepSourceTokens: true }).flatMap((document, index): readonly Change[] => {
		const before = manifestValue(document, index);
		const after = wanted[index];
		return isDeepStrictEqual(before, after)
			? []
			: [{ document, index, before, after, written: new Written(document), json: isJsonDocument(text, document) }];
	});
	// All changes are tried at once. Only when that fails they are tried one by one.
	const [simplest] = ways;
	const simple = simplest === undefined ? [] : changes.map((change) => editsOf(text, change, simplest));
	if (simple.every((edits) => edits !== undefined)) {
		const edited = apply(text, [...simple.flat(), ...removals]);
		const values = valuesOf(edited);
		if (changes.every(({ index, after }) => isDeepStrictEqual(values[index], after))) {
			return { text: edited, reprinted: [] };
		}
	}
	const reprinted: number[] = [];
	const edits = changes.flatMap((change) => {
		for (const way of ways) {
			const edits = editsOf(text, change, way);
			if (edits !== undefined && isDeepStrictEqual(valuesOf(apply(text, edits))[change.index], change.after)) {
				return edits;
			}
		}
		reprinted.push(change.index);
		return [reprint(text, change)];
	});
	const edited = apply(text, [...edits, ...removals]);
	const values = valuesOf(edited);
	const wrong = changes.find(({ index, after }) => !isDeepStrictEqual(values[index], after));
	if (wrong !== undefined) throw new YamlProblem(wrong.index, 'has a form that can’t be changed');
	return { text: edited, reprinted };
}

/** A document that is to get another value. */
interface Change {
	readonly document: Document.Parsed;
	/** Index of the document in the text. */
	readonly index: number;
	readonly before: unknown;
	readonly after: unknown;
	readonly written: Written;
	/** Whether the document is JSON. */
	readonly json: boolean;
}

function isJsonDocument(text: string, { contents }: Document.Parsed): boolean {
	const [start, end] = contents?.range ?? [0, 0];
	return (text[start] === '{' || text[start] === '[') && isJson(text.slice(start, end));
}

/** The values of a text. Empty when an edit that did not fit has broken it: then another way is tried. */
function valuesOf(text: string): readonly unknown[] {
	try {
		return readDocuments(text);
	} catch (error) {
		if (error instanceof YamlProblem) {
			return [];
		}
		throw error;
	}
}

function apply(text: string, edits: readonly Edit[]): string {
	let result = '';
	let position = 0;
	for (const { start, end, text: inserted } of edits.toSorted((a, b) => a.start - b.start)) {
		if (start < position) {
			throw new NotEditable('two changes of the same text');
		}
		result += text.slice(position, start) + inserted;
		position = end;
	}
	return result + text.slice(position);
}

function reprint(text: string, { document, before, after, written, json }: Change): Edit {
	const [start, end] = document.contents?.range ?? [0, 0];
	const printed = json
		? toJson(after, 2)
		: print(written.keep(document.contents, before, after), { indentSeq: true, literals: false }).trimEnd();
	return { start, end: text[end - 1] === '\n' ? end - 1 : end, text: printed.replaceAll('\n', eolOf(text)) };
}

/** The edits for a change. Undefined when the text has a form that can't be changed in place. */
function editsOf(text: string, change: Change, way: Omit<How, 'json'>): readonly Edit[] | undefined {
	const { document, before, after, written, json } = change;
	try {
		const writer = new Writer(text, document.contents, written, { ...way, json });
		writer.change(document.contents, before, after, { after: 0, column: -2, kind: 'key', flow: false });
		apply(text, writer.edits); // It refuses edits that overlap.
		return writer.edits;
	} catch (error) {
		if (error instanceof NotEditable) {
			return undefined;
		}
		throw error;
	}
}
