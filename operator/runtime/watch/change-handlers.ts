/**
 * Tells handlers the changes of a store, each in the moment when it comes. Those of an object that is being written wait for
 * the answer, so that the event of an own write is told to nobody.
 */
import type { KubeObject } from '../object.ts';
import type { Change, Store } from './store.ts';

/** What changed. `initial`: part of the first list, not a change that happened just now. */
export type ReflectorChange<T> = Change<T> & { readonly initial: boolean };

export type ChangeHandler<T> = (change: ReflectorChange<T>) => void;

interface Held<T> {
	readonly change: ReflectorChange<T>;
	/** The resourceVersion after the change. Undefined for a deletion. */
	readonly resourceVersion: string | undefined;
}

export interface ChangeHandlersOptions<T> {
	readonly store: Pick<Store<T>, 'resourceVersionOf'>;
	/** Puts the answer to an own write into the store. */
	readonly observeWrite: (answer: KubeObject) => void;
	/** A handler threw. */
	readonly onError: (error: unknown) => void;
}

export class ChangeHandlers<T> {
	readonly #options: ChangeHandlersOptions<T>;
	readonly #handlers = new Set<ChangeHandler<T>>();
	/** Own writes under way, by key, with the changes of these objects meanwhile. */
	readonly #expected = new Map<string, { writes: number; readonly held: Held<T>[] }>();
	#isStopped = false;

	constructor(options: ChangeHandlersOptions<T>) {
		this.#options = options;
	}

	/** Returns a function that removes the handler. */
	add(handler: ChangeHandler<T>): () => void {
		this.#handlers.add(handler);
		return () => this.#handlers.delete(handler);
	}

	/** No handler is called after this returns. */
	stop(): void {
		this.#isStopped = true;
	}

	/**
	 * Announces an own write of this object, so that its event is recognised even when it overtakes the answer. Until the
	 * returned function is called, changes of the object go into the store but are told to nobody. Call the function in any
	 * case, with the answer, or with nothing when the write failed. Calling it again does nothing.
	 *
	 * @param key as `objectKey` makes it
	 */
	expectWrite(key: string): (answer?: KubeObject) => void {
		const expected = this.#expected.get(key) ?? { writes: 0, held: [] };
		expected.writes++;
		this.#expected.set(key, expected);
		let isSettled = false;
		return (answer) => {
			if (isSettled) {
				return;
			}
			isSettled = true;
			expected.writes--;
			if (answer !== undefined) {
				this.#options.observeWrite(answer);
			}
			if (expected.writes > 0) {
				return;
			}
			this.#expected.delete(key);
			const isEcho =
				answer !== undefined &&
				expected.held.length === 1 &&
				expected.held[0]?.resourceVersion === answer.metadata.resourceVersion;
			if (!isEcho) {
				this.#tellAll(expected.held.map(({ change }) => change));
			}
		};
	}

	/** Tells the changes, but those of objects that are being written. */
	notify(changes: readonly Change<T>[], initial: boolean): void {
		for (const change of changes) {
			const expected = this.#expected.get(change.key);
			if (expected === undefined) {
				this.#tellAll([{ ...change, initial }]);
			} else {
				const resourceVersion = this.#options.store.resourceVersionOf(change.key);
				expected.held.push({ change: { ...change, initial }, resourceVersion });
			}
		}
	}

	#tellAll(changes: readonly ReflectorChange<T>[]): void {
		for (const change of changes) {
			for (const handler of this.#handlers) {
				this.tell(handler, change);
			}
		}
	}

	/** Calls one handler. What it throws is reported. */
	tell(handler: ChangeHandler<T>, change: ReflectorChange<T>): void {
		if (this.#isStopped) {
			return;
		}
		try {
			handler(change);
		} catch (error) {
			this.#options.onError(error);
		}
	}
}
