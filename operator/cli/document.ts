/** Makes the text of documents. Nothing in it is hidden or obeyed by a terminal: YAML and JSON have escapes for that. */
import { Document, type DocumentOptions, type SchemaOptions, type ToStringOptions, visit } from 'yaml';
import { escapeInvisible, escapeJson, hasInvisible } from '../runtime/visible-text.ts';

type Options = Pick<DocumentOptions & SchemaOptions, 'version'> & Pick<ToStringOptions, 'indentSeq'>;

/** One YAML document. Long strings are not folded, so that a diff of two outputs shows only what differs. */
export function toYaml(value: unknown, { version, indentSeq = true }: Options = {}): string {
	const document = new Document(value, { aliasDuplicateObjects: false, ...(version === undefined ? {} : { version }) });
	visit(document, {
		Scalar(_, node) {
			// Double quotes are the one form that has escapes.
			if (typeof node.value === 'string' && hasInvisible(node.value)) node.type = 'QUOTE_DOUBLE';
		},
	});
	return escapeInvisible(
		document.toString({ lineWidth: 0, indentSeq, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
		(character) => {
			const hex = (character.codePointAt(0) ?? 0).toString(16);
			return character.length === 1 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
		},
	);
}

/** @param indent of each level: a number of blanks, or text; default: all on one line */
export function toJson(value: unknown, indent?: number | string): string {
	return escapeJson(JSON.stringify(value, null, indent));
}
