/** What a list that is under way has brought so far: of each object only what is kept, until the list is complete. */
import type { ConnectionBudget } from '../client/budget.ts';
import type { KubeObject } from '../object.ts';
import { Unreadable } from './reflector-source.ts';
import { Listed, type Store } from './store.ts';

export class ListGathering<T> {
	readonly #store: Pick<Store<T>, 'read'>;
	/** What the connection may cost, where that is bounded. */
	readonly #budget: ConnectionBudget | undefined;
	#listed = new Map<string, Listed<T>>();
	/** The first object that could not be read. */
	#unreadable: Unreadable | undefined;
	/** How much of that is not in the store already. */
	readonly #listedNew = { objects: 0, bytes: 0 };

	constructor(store: Pick<Store<T>, 'read'>, budget: ConnectionBudget | undefined) {
		this.#store = store;
		this.#budget = budget;
	}

	/** Reads an object of the list, and keeps nothing yet. */
	read(object: KubeObject): Unreadable | Listed<T> {
		try {
			return this.#store.read(object);
		} catch (error) {
			return new Unreadable(error);
		}
	}

	/** Throws when that is more than the connection may bring. */
	add(item: KubeObject | Unreadable | Listed<unknown>): void {
		const one = item instanceof Listed || item instanceof Unreadable ? item : this.read(item);
		if (one instanceof Unreadable) {
			this.#unreadable ??= one;
			return;
		}
		// What the source returns was made by `read` above.
		this.#listed.set(one.key, one as Listed<T>);
		if (one.size === 0) return;
		this.#listedNew.objects++;
		this.#listedNew.bytes += one.size;
		this.#budget?.keeps(this.#listedNew, this.#listedNew.objects, this.#listedNew.bytes);
	}

	/** All that was gathered. It is forgotten here. Throws when an object could not be read, since the list is useless then. */
	takeAll(): readonly Listed<T>[] {
		const [listed, unreadable] = [this.#listed, this.#unreadable];
		this.clear();
		if (unreadable !== undefined) throw unreadable.error;
		return [...listed.values()];
	}

	clear(): void {
		this.#listed = new Map();
		this.#unreadable = undefined;
		this.#listedNew.objects = 0;
		this.#listedNew.bytes = 0;
		this.#budget?.keeps(this.#listedNew, 0, 0);
	}
}
