/** Shares a text that costs something to make between all who ask for it within a short time. */
export class RecentText {
	readonly #make: () => Promise<string>;
	readonly #freshMs: number;
	#made: { readonly bytes: Promise<Buffer>; readonly atMs: number } | undefined;

	/** @param freshMs for so long after it was made a text is given again. It is never made twice at a time. */
	constructor(make: () => Promise<string>, freshMs: number) {
		this.#make = make;
		this.#freshMs = freshMs;
	}

	/** One buffer for all who ask. Rejects for all of them when the text can't be made. */
	get(): Promise<Buffer> {
		if (this.#made === undefined || performance.now() - this.#made.atMs >= this.#freshMs) {
			const made = { bytes: this.#make().then((text) => Buffer.from(text)), atMs: Number.POSITIVE_INFINITY };
			const age = (): void => {
				made.atMs = performance.now();
			};
			made.bytes.then(age, age);
			this.#made = made;
		}
		return this.#made.bytes;
	}
}
