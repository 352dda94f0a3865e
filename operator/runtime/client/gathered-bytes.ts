/**
 * Gathers the pieces of a body in one buffer that grows. A list of pieces would cost a hundred bytes and more for each, and
 * whoever sends a body byte by byte would decide how much that is.
 */
const smallest = 4096;

export class GatheredBytes {
	#bytes = Buffer.alloc(0);
	#length = 0;
	/** The one piece that there is so far, which need not be copied. */
	#only: Buffer | undefined;

	get length(): number {
		return this.#only?.length ?? this.#length;
	}

	/** Bytes of memory that are taken. */
	get held(): number {
		return this.#only?.length ?? this.#bytes.length;
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
		const all = this.#only ?? this.#bytes.subarray(0, this.#length);
		this.clear();
		return all;
	}

	clear(): void {
		this.#only = undefined;
		this.#bytes = Buffer.alloc(0);
		this.#length = 0;
	}

	#copy(piece: Buffer): void {
		const needed = this.#length + piece.length;
		if (needed > this.#bytes.length) {
			// Not from the pool that Buffers share: a small one would keep all of it.
			const grown = Buffer.allocUnsafeSlow(Math.max(smallest, needed, Math.ceil(this.#bytes.length * 1.5)));
			this.#bytes.copy(grown, 0, 0, this.#length);
			this.#bytes = grown;
		}
		piece.copy(this.#bytes, this.#length);
		this.#length = needed;
	}
}
