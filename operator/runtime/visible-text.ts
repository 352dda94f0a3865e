/**
 * Makes text safe to be shown: a terminal must not obey it, and a reader must see all that is in it. Whoever writes an
 * object, a file or an answer chooses its words, and logs, Events and statuses end in somebody's terminal.
 */

/**
 * Control characters (C1 too, which terminals obey like escape sequences), format characters (directions of writing, zero
 * width), line and paragraph separators, halves of surrogate pairs, and all else that Unicode lets a program leave out.
 */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
/** Most texts have nothing else, and that is told quickly. */
const isPlain = /^[ -~\t\n]*$/;
/** The same, but for what makes lines and columns. */
const invisibleInLines = new RegExp(`(?![\\t\\n])${invisible.source}`, 'gu');

/** Replaces what can't be seen by an escape such as `\u{1b}`. Line breaks and tabs become one space. */
export function visible(text: string): string {
	return text
		.replaceAll(/[\t\n\r]+/g, ' ')
		.replaceAll(invisible, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Replaces what can't be seen by `�`, one for each UTF-16 unit, so that no bound of a field is crossed. Lines stay lines. */
export function replaceInvisible(text: string): string {
	return text.replaceAll(invisibleInLines, (character) => '\ufffd'.repeat(character.length));
}

/** Escapes what can't be seen, by a function. Line breaks and tabs stay. */
export function escapeInvisible(text: string, escapeOf: (character: string) => string): string {
	return isPlain.test(text) ? text : text.replaceAll(invisibleInLines, escapeOf);
}

/** Escapes what can't be seen in the text of a JSON document, which means the same as before. */
export function escapeJson(json: string): string {
	// Line breaks and tabs stand between values alone: inside of texts JSON has none.
	return escapeInvisible(json, (character) =>
		unitsOf(character)
			.map((unit) => `\\u${unit}`)
			.join(''),
	);
}

/** Whether the text has anything that can't be seen, other than line breaks and tabs. */
export function hasInvisible(text: string): boolean {
	return text.search(invisibleInLines) !== -1;
}

/** The UTF-16 units, in hexadecimal. */
function unitsOf(character: string): readonly string[] {
	return Array.from({ length: character.length }, (_, index) =>
		character.charCodeAt(index).toString(16).padStart(4, '0'),
	);
}
