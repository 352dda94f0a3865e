/**
 * Reads the answer to a list piece by piece. It hands out each object as soon as its last byte is there, so that never more
 * than one of them is held as text. What is left at the end is the answer with an empty list.
 */

import type { BodyReader } from './exchange.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import {
	Brackets,
	backslash,
	closeBrace,
	closeBracket,
	colon,
	comma,
	type JsonBounds,
	openBrace,
	openBracket,
	quote,
	tooManyBytes,
} from './json-bounds.ts';

const key = Buffer.from('items');

export interface ListReaderOptions {
	/** Bounds of each object. */
	readonly item: JsonBounds;
	/** Bounds of everything else. */
	readonly rest: JsonBounds;
	/** Called with the text of each object. What it throws ends the answer. */
	readonly onItem: (text: Buffer) => void;
	/** Makes the error for an answer that is beyond its bounds. `words` is the end of a sentence about the answer. */
	readonly refuse: (words: string) => Error;
}

export class ListReader implements BodyReader {
	readonly #options: ListReaderOptions;
	readonly #rest = new GatheredBytes();
	readonly #item = new GatheredBytes();
	/**
	 * `around`: before and after the list. `between`: two objects. `inside`: one of them. `odd`: the list has something else
	 * in it, and the remaining text is dropped.
	 */
	#where: 'around' | 'between' | 'inside' | 'odd' = 'around';
	#brackets: Brackets;
	#depth = 0;
	#isInText = false;
	#isEscaped = false;
	/** The characters of the present or last text at the top, as far as it may be our key. */
	#text: number[] = [];
	#isKey = false;

	constructor(options: ListReaderOptions) {
		this.#options = options;
		this.#brackets = new Brackets(options.item);
	}

	/** Whether something in the list is no object. */
	get isOdd(): boolean {
		return this.#where === 'odd';
	}

	get held(): number {
		return this.#rest.held + this.#item.held;
	}

	push(piece: Buffer): void {
		let at = 0;
		while (at < piece.length && this.#where !== 'odd') {
			if (this.#where === 'around') at = this.#around(piece, at);
			else if (this.#where === 'between') at = this.#between(piece, at);
			else at = this.#inside(piece, at);
		}
	}

	end(): Buffer {
		if (this.isOdd || this.#where !== 'around') this.#rest.clear();
		return this.#rest.take();
	}

	#around(piece: Buffer, from: number): number {
		let at = from;
		while (at < piece.length && this.#where === 'around') this.#step(piece[at++] ?? 0);
		this.#rest.push(piece.subarray(from, at));
		const { rest, refuse } = this.#options;
		if (this.#rest.length > rest.bytes) throw refuse(tooManyBytes(rest));
		return at;
	}

	/** Follows one byte outside of the list, to find where it begins. */
	#step(byte: number): void {
		if (this.#isInText) {
			if (this.#isEscaped) this.#isEscaped = false;
			else if (byte === backslash) this.#isEscaped = true;
			else if (byte === quote) this.#isInText = false;
			if (this.#isInText && this.#text.length <= key.length) this.#text.push(byte);
			return;
		}
		switch (byte) {
			case quote:
				this.#isInText = true;
				this.#text = [];
				break;
			case colon:
				this.#isKey = this.#depth === 1 && key.equals(Buffer.from(this.#text));
				break;
			case comma:
				if (this.#depth === 1) this.#isKey = false;
				break;
			case openBrace:
			case openBracket:
				this.#depth++;
				if (this.#depth === 2 && this.#isKey && byte === openBracket) this.#where = 'between';
				break;
			case closeBrace:
			case closeBracket:
				this.#depth--;
				break;
		}
	}

	#between(piece: Buffer, from: number): number {
		for (let at = from; at < piece.length; at++) {
			const byte = piece[at];
			if (byte === openBrace) {
				this.#where = 'inside';
				this.#brackets = new Brackets(this.#options.item);
				return at;
			}
			if (byte === closeBracket) {
				this.#where = 'around';
				return at;
			}
			if (byte !== comma && !isSpace(byte)) {
				this.#where = 'odd';
				return at;
			}
		}
		return piece.length;
	}

	#inside(piece: Buffer, from: number): number {
		const { item, refuse, onItem } = this.#options;
		const to = this.#brackets.walk(piece, from, 0);
		const length = this.#item.length + to - from;
		if (this.#brackets.excess !== undefined) throw refuse(`has an object that ${this.#brackets.excess}`);
		if (length > item.bytes) throw refuse(`has an object that ${tooManyBytes(item)}`);
		this.#item.push(piece.subarray(from, to));
		if (this.#brackets.depth === 0) {
			this.#where = 'between';
			onItem(this.#item.take());
		}
		return to;
	}
}

function isSpace(byte: number | undefined): boolean {
	return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
