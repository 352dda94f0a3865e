/**
 * Looks at the brackets of a JSON text before it is parsed. Parsing takes memory and time by the number of values, and what
 * walks over them afterwards takes stack by their nesting. Neither can be told from the size: 2 MB of `[],` become 24 MB.
 */
export interface JsonBounds {
	readonly bytes: number;
	readonly depth: number;
	/** Objects, lists and what stands between their commas. */
	readonly values: number;
}

export const quote = 0x22;
export const backslash = 0x5c;
export const comma = 0x2c;
export const colon = 0x3a;
export const openBrace = 0x7b;
export const closeBrace = 0x7d;
export const openBracket = 0x5b;
export const closeBracket = 0x5d;

/** What is too much about a document, as the end of a sentence. Undefined when it may be parsed. */
export function excessOf(text: Buffer, bounds: JsonBounds): string | undefined {
	if (text.length > bounds.bytes) return tooManyBytes(bounds);
	const brackets = new Brackets(bounds);
	brackets.walk(text, 0);
	return brackets.excess;
}

export function tooManyBytes(bounds: Pick<JsonBounds, 'bytes'>): string {
	return `is longer than ${bounds.bytes} bytes`;
}

/** Follows the brackets of a text that comes in pieces. */
export class Brackets {
	readonly #bounds: JsonBounds;
	depth = 0;
	values = 0;
	#isInText = false;
	#isEscaped = false;
	excess: string | undefined;

	constructor(bounds: JsonBounds) {
		this.#bounds = bounds;
	}

	/**
	 * Walks on from an index. Returns the index after the piece, or after the bracket by which the depth falls to `closesAt`.
	 * What is too much is in `excess` then, as the end of a sentence.
	 */
	walk(piece: Buffer, from: number, closesAt = Number.NEGATIVE_INFINITY): number {
		const { depth: deepest, values: most } = this.#bounds;
		let { depth, values } = this;
		let isInText = this.#isInText;
		let isEscaped = this.#isEscaped;
		let at = from;
		for (; at < piece.length; at++) {
			const byte = piece[at];
			if (isInText) {
				if (isEscaped) isEscaped = false;
				else if (byte === backslash) isEscaped = true;
				else if (byte === quote) isInText = false;
			} else if (byte === quote) isInText = true;
			else if (byte === comma) values++;
			else if (byte === openBrace || byte === openBracket) {
				depth++;
				values++;
				if (depth > deepest || values > most) break;
			} else if (byte === closeBrace || byte === closeBracket) {
				depth--;
				if (depth === closesAt) {
					at++;
					break;
				}
			}
		}
		this.depth = depth;
		this.values = values;
		this.#isInText = isInText;
		this.#isEscaped = isEscaped;
		if (depth > deepest) this.excess = `nests deeper than ${deepest} levels`;
		else if (values > most) this.excess = `has more than ${most} values`;
		return at;
	}
}
