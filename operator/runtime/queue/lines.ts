/**
 * Lines of waiting items, one line per priority. The highest priority goes first, and inside a line it is first in first
 * out.
 */

export class ReadyLines<T extends { readonly priority: number }> {
	/** Highest priority first, without empty lines. There are few priorities, so a list is enough. */
	#lines: { readonly priority: number; readonly members: Set<T> }[] = [];

	/** Appends the item to the line of its priority. The priority must not change until the item leaves. */
	join(item: T): void {
		const position = this.#lines.findIndex(({ priority }) => priority <= item.priority);
		const found = this.#lines[position];
		if (found?.priority === item.priority) found.members.add(item);
		else {
			const line = { priority: item.priority, members: new Set([item]) };
			this.#lines.splice(position === -1 ? this.#lines.length : position, 0, line);
		}
	}

	leave(item: T): void {
		const position = this.#lines.findIndex(({ priority }) => priority === item.priority);
		const found = this.#lines[position];
		if (found === undefined) return;
		found.members.delete(item);
		if (found.members.size === 0) this.#lines.splice(position, 1);
	}

	/** Removes and returns the item whose turn it is. */
	shift(): T | undefined {
		const next = this.#lines[0]?.members.values().next().value;
		if (next !== undefined) this.leave(next);
		return next;
	}

	clear(): void {
		this.#lines = [];
	}

	sizes(): ReadonlyMap<number, number> {
		return new Map(this.#lines.map(({ priority, members }) => [priority, members.size]));
	}

	[Symbol.iterator](): Iterator<T> {
		return this.#lines.flatMap(({ members }) => [...members]).values();
	}
}
