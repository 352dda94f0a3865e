/** A text to look something up in that is checked afterwards. It can't be printed. */
export class WithheldText {
	readonly #text: string;

	constructor(text: string) {
		this.#text = text;
	}

	/** The first match of a pattern whose groups say all that may come out. */
	match(pattern: RegExp): RegExpExecArray | null {
		return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(this.#text);
	}
}
