/**
 * Parses YAML that somebody else wrote, within bounds: whatever it says, the outcome is plain data of a bounded size, or one
 * sentence. The parser itself recurses into what is nested, and deep in its stack V8 ends the process where it finds no room
 * for a regular expression, so depth is measured on the tokens before.
 *
 * Nothing of this goes through `process.emitWarning`, by which the parser would print keys.
 */
import {
	Composer,
	type CST,
	type Document,
	type DocumentOptions,
	isScalar,
	LineCounter,
	type ParseOptions,
	Parser,
	type SchemaOptions,
	visit,
	type YAMLMap,
} from 'yaml';
import { isRecord } from './object-shape.ts';

/** The text is no YAML, or more than is read. The message is a clause whose subject is the document: `is not YAML: …`. */
export class YamlProblem extends Error {
	override readonly name = 'YamlProblem';
	/** Counted from 0. */
	readonly document: number;
	constructor(document: number, message: string, cause?: unknown) {
		super(message, { cause });
		this.document = document;
	}
}

export type YamlOptions = Pick<
	ParseOptions & DocumentOptions & SchemaOptions,
	'keepSourceTokens' | 'version' | 'customTags'
>;

/** Kubernetes' own objects have some 30 levels, definitions with their schemas twice as many. */
const deepest = 200;
const mostDocuments = 10_000;
/** Texts, numbers and the like, lists and maps, with what aliases stand for. */
const mostValues = 1_000_000;

/** Parses without making values yet. Throws YamlProblem for the first document that is wrong. */
export function parseYaml(text: string, options: YamlOptions = {}): readonly Document.Parsed[] {
	const lines = new LineCounter();
	const tokens = [...new Parser(lines.addNewLine).parse(text)];
	refuseDepth(tokens, deepest);
	// The parser compares each key of a map with all others, which takes hours for a large one. It is done below.
	const composer = new Composer({ ...options, uniqueKeys: false, logLevel: 'silent' });
	const documents = [...composer.compose(tokens)] as Document.Parsed[];
	if (documents.length > mostDocuments)
		throw new YamlProblem(mostDocuments, `is one too many: more than ${mostDocuments} are not read`);
	for (const [index, document] of documents.entries()) {
		const [error] = document.errors;
		if (error !== undefined)
			throw new YamlProblem(index, `is not YAML: ${error.message} at ${place(lines, error.pos[0])}`, error);
		refuseMaps(document, index, lines);
	}
	return documents;
}

function place(lines: LineCounter, offset: number): string {
	const { line, col } = lines.linePos(offset);
	return `line ${line}, column ${col}`;
}

/** Throws YamlProblem when something is nested deeper than this. Takes no stack of its own for it. */
export function refuseDepth(tokens: readonly CST.Token[], most: number): void {
	let document = -1;
	for (const token of tokens) {
		if (token.type !== 'document') continue;
		document++;
		let level: readonly unknown[] = [token.value];
		for (let depth = 0; level.length > 0; depth++) {
			if (depth > most) throw new YamlProblem(document, `is nested more than ${most} levels deep`);
			level = level.flatMap(within);
		}
	}
}

/** What a token holds. Items of lists have a value, those of maps a key too. */
function within(token: unknown): readonly unknown[] {
	if (!isRecord(token) || !Array.isArray(token.items)) return [];
	return token.items.flatMap((item: unknown) =>
		isRecord(item) ? [item.key, item.value].filter((part) => part !== undefined && part !== null) : [],
	);
}

/** Refuses keys that a map has twice, and merge keys that would copy more than is read. */
function refuseMaps(document: Document.Parsed, index: number, lines: LineCounter): void {
	let pairs = 0;
	let merges = 0;
	visit(document, {
		Map(_, map) {
			pairs += map.items.length;
			merges += refuseTwice(map, index, lines);
		},
	});
	// A merged map has at most all keys of the document.
	if (merges * pairs > mostValues)
		throw new YamlProblem(index, 'has more merge keys than are read: write the fields out');
}

/** Returns how many merge keys the map has. */
function refuseTwice(map: YAMLMap, index: number, lines: LineCounter): number {
	const seen = new Set<unknown>();
	let merges = 0;
	for (const { key } of map.items) {
		if (!isScalar(key)) continue;
		// The library has a symbol for a merge.
		if (typeof key.value === 'symbol' || key.value === '<<') merges++;
		if (seen.has(key.value)) {
			throw new YamlProblem(index, `is not YAML: Map keys must be unique at ${place(lines, key.range?.[0] ?? 0)}`);
		}
		seen.add(key.value);
	}
	return merges;
}

/** The plain value of a parsed document, a tree. Throws YamlProblem when it is no tree, or too large. */
export function plainValue(document: Document.Parsed, index: number, maxAliasCount = 100): unknown {
	let value: unknown;
	try {
		value = document.toJS({ maxAliasCount });
	} catch (error) {
		// The parser throws it for aliases alone: for those without an anchor, and for those that grow without bound.
		if (!(error instanceof ReferenceError)) throw error;
		const what = /^Unresolved/.test(error.message)
			? 'has an alias without an anchor before it'
			: 'has aliases that grow without bound: write the values out';
		throw new YamlProblem(index, what, error);
	}
	refuseSize(value, index);
	return value;
}

/** Throws YamlProblem for data that refers to itself, or grows too large where aliases stand for it. */
function refuseSize(value: unknown, index: number): void {
	let count = 0;
	let level: readonly unknown[] = [value];
	for (let depth = 0; level.length > 0; depth++) {
		if (depth > deepest)
			throw new YamlProblem(index, 'has an alias inside of what it stands for, or is nested too deep');
		const next: unknown[] = [];
		for (const one of level) {
			const fields = typeof one === 'object' && one !== null ? Object.values(one) : [];
			count += fields.length;
			if (count > mostValues) throw new YamlProblem(index, `has more than ${mostValues} values: more are not read`);
			for (const field of fields) if (typeof field === 'object' && field !== null) next.push(field);
		}
		level = next;
	}
}
