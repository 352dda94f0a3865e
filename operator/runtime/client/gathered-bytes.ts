/**
 * Gathers the pieces of a body in blocks. A list of pieces would cost a hundred bytes and more for each, and whoever sends a
 * body byte by byte would decide how much that is.
 */
const firstBlock = 4 * 1024;
const block = 64 * 1024;

export class GatheredBytes {
	/** All are full but the last. */
	#blocks: Buffer[] = [];
	/** Bytes in the last block. */
	#filled = 0;
	#length = 0;
	#held = 0;
	/** The one piece that there is so far, which need not be copied. */
	#only: Buffer | undefined;

	get length(): number {
		return this.#only?.length ?? this.#length;
	}

	/** Bytes of memory that are taken. */
	get held(): number {
		return this.#only?.length ?? this.#held;
	}

	push(piece: Buffer): void {
		if (piece.length === 0) return;
		if (this.#only === undefined && this.#length === 0) {
			this.#only = piece;
			return;
		}
		if (this.#only !== undefined) {
			const only = this.#only;
			this.#only = undefined;
			this.#copy(only);
		}
		this.#copy(piece);
	}

	/** Everything so far. Begins anew. */
	take(): Buffer {
		const all = this.#only ?? Buffer.concat(this.#blocks, this.#length);
		this.clear();
		return all;
	}

	clear(): void {
		this.#only = undefined;
		this.#blocks = [];
		this.#filled = 0;
		this.#length = 0;
		this.#held = 0;
	}

	#copy(piece: Buffer): void {
		for (let from = 0; from < piece.length; ) {
			let last = this.#blocks.at(-1);
			if (last === undefined || this.#filled === last.length) {
				// Not from the pool that Buffers share: a small one would keep all of it.
				last = Buffer.allocUnsafeSlow(this.#blocks.length === 0 ? firstBlock : block);
				this.#blocks.push(last);
				this.#held += last.length;
				this.#filled = 0;
			}
			const copied = piece.copy(last, this.#filled, from);
			from += copied;
			this.#filled += copied;
			this.#length += copied;
		}
	}
}

/** Bytes that have come and are not taken in yet. They are given out in order, and in small pieces. */
export class Backlog {
	readonly #waiting = new GatheredBytes();
	/** What is given out next. */
	#next: Buffer = Buffer.alloc(0);

	get isEmpty(): boolean {
		return this.#next.length + this.#waiting.length === 0;
	}

	/** Bytes of memory that are taken. */
	get held(): number {
		return this.#next.length + this.#waiting.held;
	}

	push(piece: Buffer): void {
		if (this.#next.length === 0) this.#next = piece;
		else this.#waiting.push(piece);
	}

	/** Up to so many of the oldest bytes. */
	shift(most: number): Buffer {
		const piece = this.#next.subarray(0, most);
		this.#next = piece.length < this.#next.length ? this.#next.subarray(most) : this.#waiting.take();
		return piece;
	}

	clear(): void {
		this.#next = Buffer.alloc(0);
		this.#waiting.clear();
	}
}
