/**
 * Makes the text of documents. Nothing in it is hidden or obeyed by a terminal: YAML and JSON have escapes for that.
 *
 * kubectl and the API server read YAML 1.1, most other tools YAML 1.2, and each parser in its own way. So a text is written
 * in quotes where any of them would read something else.
 */
import { Document, type DocumentOptions, type ScalarTag, type SchemaOptions, type ToStringOptions, visit } from 'yaml';
import { escapeInvisible, escapeJson, hasInvisible } from '../runtime/visible-text.ts';

interface Options extends Pick<DocumentOptions & SchemaOptions, 'version'>, Pick<ToStringOptions, 'indentSeq'> {
	/** Whether texts of several lines may be block scalars, whose meaning depends on what is printed around them. */
	readonly literals?: boolean;
}

/** A scalar that is to be written as it was, because only its reader knows what it is: `0644`, `1_000`, `12345678901234567890`. */
export class WrittenScalar {
	/** Plain text on one line, all of which can be seen. */
	readonly text: string;
	/** What we have read it as. */
	readonly value: unknown;

	constructor(text: string, value: unknown) {
		this.text = text;
		this.value = value;
	}
}

const writtenScalar: ScalarTag = {
	tag: 'tag:yaml.org,2002:str',
	default: true,
	identify: (value) => value instanceof WrittenScalar,
	resolve: (text) => text,
	stringify: ({ value }) => (value as WrittenScalar).text,
};

/** One YAML document. Long strings are not folded, so that a diff of two outputs shows only what differs. */
export function toYaml(value: unknown, { version, indentSeq = true, literals = true }: Options = {}): string {
	const document = new Document(value, {
		aliasDuplicateObjects: false,
		// A key `<<` is no merge here: values come without any.
		customTags: (tags) => [
			...tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:merge'),
			writtenScalar,
		],
		...(version === undefined ? {} : { version }),
	});
	visit(document, {
		Scalar(key, node) {
			// Double quotes are the one form that has escapes.
			if (typeof node.value === 'string' && !isSafe(node.value, literals && key !== 'key')) node.type = 'QUOTE_DOUBLE';
		},
	});
	return escapeInYaml(
		document.toString({ lineWidth: 0, indentSeq, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
	);
}

function escapeInYaml(text: string): string {
	return escapeInvisible(text, (character) => {
		const hex = (character.codePointAt(0) ?? 0).toString(16);
		return character.length === 1 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
	}).replaceAll(noCharacters, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/** What is no character in Unicode. Go's parser refuses it (`go.yaml.in/yaml/v2` readerc.go). */
const noCharacter = /[\ufffe\uffff]/;
const noCharacters = new RegExp(noCharacter, 'g');

/** Whether the library may choose how to write a text, and every parser reads the same. */
function isSafe(text: string, mayBeLiteral: boolean): boolean {
	if (hasInvisible(text) || noCharacter.test(text)) return false;
	if (text.includes('\n')) return mayBeLiteral && isSafeLiteral(text);
	return !text.includes('\t') && !isMoreThanText(text);
}

/**
 * Whether a block scalar can hold the text without a sign for indentation or for line breaks at the end, and without blanks that
 * an editor takes away.
 */
function isSafeLiteral(text: string): boolean {
	return !/^[ \t\n]|[ \t](\n|$)|\n\n$/.test(text);
}

/** Words that some parser reads as true, false, nothing or a merge, in any case. */
const words = /^(y|n|yes|no|on|off|true|false|null|~|=|<<|[-+]?\.?(inf|infinity|nan))$/i;
const numbers = /^[-+]?(0b[01]+|0o[0-7]+|0x[0-9a-f]+|[0-9][0-9,]*|(\.[0-9]+|[0-9]+(\.[0-9.]*)?)(e[-+]?[0-9]+)?)$/i;
/** `12:30`, in base 60. */
const sexagesimal = /^[-+]?[0-9]+(:[0-9]+)+(\.[0-9]*)?$/;
const dates = /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}/;

/** Whether some parser reads the plain text as something else than text. Most take underscores out of numbers first. */
function isMoreThanText(text: string): boolean {
	const bare = text.replaceAll('_', '');
	return [text, bare].some((each) => [words, numbers, sexagesimal, dates].some((form) => form.test(each)));
}

/** @param indent of each level: a number of blanks, or text; default: all on one line */
export function toJson(value: unknown, indent?: number | string): string {
	return escapeJson(JSON.stringify(value, withoutSource, indent));
}

function withoutSource(_: string, value: unknown): unknown {
	return value instanceof WrittenScalar ? value.value : value;
}

/** A value in brackets, braces and double quotes on one line, as YAML inside of such has it. */
export function toFlow(value: unknown): string {
	if (value instanceof WrittenScalar) {
		// Inside of brackets more characters have a meaning.
		return /^[\w.+/~=<-]+([ :][\w.+/~=<-]+)*$/.test(value.text) ? value.text : toFlow(value.value);
	}
	if (Array.isArray(value)) return `[${value.map(toFlow).join(',')}]`;
	if (typeof value === 'object' && value !== null) {
		return `{${Object.entries(value)
			.map(([key, inside]) => `${escapeInYaml(JSON.stringify(key))}:${toFlow(inside)}`)
			.join(',')}}`;
	}
	return escapeInYaml(JSON.stringify(value) ?? 'null');
}
