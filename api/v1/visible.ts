/**
 * Control and format characters, separators of lines, halves of surrogate pairs and what Unicode lets programs leave out: a
 * terminal obeys them, or a reader does not see them. No field of this API has a use for them.
 */
export const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

const all = new RegExp(invisible.source, 'gu');

/** The text as it may be quoted in a message, with an escape for what can't be seen: `\u{1b}`. */
export function visible(text: string): string {
	return text.replaceAll(all, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
