/**
 * Binary heap of items that are due at a time, the earliest on top. Items that are due together keep the order in which
 * they came.
 */

interface Slot<T> {
	readonly item: T;
	readonly due: number;
	readonly order: number;
}

/** Push, pop and removal of any item cost O(log n). An item is in the heap at most once. */
export class DueHeap<T> {
	readonly #slots: Slot<T>[] = [];
	readonly #index = new Map<T, number>();
	#order = 0;

	get size(): number {
		return this.#slots.length;
	}

	/** When the earliest item is due. */
	get nextDue(): number | undefined {
		return this.#slots[0]?.due;
	}

	dueOf(item: T): number | undefined {
		const index = this.#index.get(item);
		return index === undefined ? undefined : this.#slots[index]?.due;
	}

	/** Adds an item, or moves it to another due time. */
	set(item: T, due: number): void {
		this.delete(item);
		const slot = { item, due, order: this.#order++ };
		this.#slots.push(slot);
		this.#up(this.#slots.length - 1, slot);
	}

	delete(item: T): boolean {
		const index = this.#index.get(item);
		if (index === undefined) return false;
		this.#index.delete(item);
		const last = this.#slots.pop();
		if (last === undefined || last.item === item) return true;
		if (this.#up(index, last) === index) this.#down(index, last);
		return true;
	}

	/** Removes and returns the earliest item, if it is due by `now`. */
	popDue(now: number): T | undefined {
		const top = this.#slots[0];
		if (top === undefined || top.due > now) return undefined;
		this.delete(top.item);
		return top.item;
	}

	clear(): void {
		this.#slots.length = 0;
		this.#index.clear();
	}

	#place(index: number, slot: Slot<T>): void {
		this.#slots[index] = slot;
		this.#index.set(slot.item, index);
	}

	/** Moves a slot towards the top, starting at a free place. Returns where it ended. */
	#up(from: number, slot: Slot<T>): number {
		let index = from;
		while (index > 0) {
			const parentIndex = (index - 1) >> 1;
			const parent = this.#slots[parentIndex];
			if (parent === undefined || !isBefore(slot, parent)) break;
			this.#place(index, parent);
			index = parentIndex;
		}
		this.#place(index, slot);
		return index;
	}

	#down(from: number, slot: Slot<T>): void {
		let index = from;
		for (;;) {
			const leftIndex = 2 * index + 1;
			const left = this.#slots[leftIndex];
			const right = this.#slots[leftIndex + 1];
			if (left === undefined) break;
			const [childIndex, child] =
				right !== undefined && isBefore(right, left) ? [leftIndex + 1, right] : [leftIndex, left];
			if (!isBefore(child, slot)) break;
			this.#place(index, child);
			index = childIndex;
		}
		this.#place(index, slot);
	}
}

function isBefore<T>(a: Slot<T>, b: Slot<T>): boolean {
	return a.due < b.due || (a.due === b.due && a.order < b.order);
}
