/**
 * The memory that the answers of all clusters together may take while they are read. Whoever needs more than there is waits
 * until others have given some back, and gives up when that takes too long. Each connection has a small share that it never
 * waits for, so those that take much delay nobody who takes little. Of the answers of one connection, one goes on when all
 * of them together take too much: otherwise each could wait for the others.
 */
import { type Clock, systemClock, type Timer } from '../clock.ts';
import { BlockedError } from '../errors.ts';

export interface SharedBytesOptions {
	/** What all connections may hold together. */
	readonly limit: number;
	/** What one connection may hold, apart from what one of its answers still takes. */
	readonly most: number;
	/** A connection that holds no more than this never waits for others. */
	readonly free: number;
	/** The longest wait. */
	readonly patienceMs: number;
	readonly clock?: Clock;
}

interface Waiter {
	readonly holder: Holder;
	readonly answer: object;
	readonly resolve: () => void;
	readonly timer: Timer;
}

interface Holder {
	held: number;
	/** The answer that goes on when the connection holds too much. */
	first: object | undefined;
}

/** What one answer holds. */
export interface ByteShare {
	/**
	 * Sets how much is held from now on. When that is too much, nothing more may be read until the returned promise resolves.
	 * It rejects with BlockedError `AnswersWait` when that takes too long.
	 */
	resize(bytes: number): Promise<void> | undefined;
	/** Gives everything back. */
	close(): void;
}

export class SharedBytes {
	readonly #options: SharedBytesOptions;
	readonly #clock: Clock;
	readonly #waiters = new Set<Waiter>();
	#held = 0;

	constructor(options: SharedBytesOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
	}

	/** Bytes that are held now. */
	get held(): number {
		return this.#held;
	}

	get waiting(): number {
		return this.#waiters.size;
	}

	/** Makes the means by which the answers of one connection take their shares. */
	connection(): () => ByteShare {
		const holder: Holder = { held: 0, first: undefined };
		return () => this.#share(holder);
	}

	#share(holder: Holder): ByteShare {
		const answer = {};
		let mine = 0;
		const set = (bytes: number) => {
			const more = bytes - mine;
			mine = bytes;
			holder.held += more;
			this.#held += more;
			if (bytes === 0 && holder.first === answer) holder.first = undefined;
			if (more < 0) this.#wake();
		};
		return {
			resize: (bytes) => {
				const isMore = bytes > mine;
				set(bytes);
				return isMore && this.#isTooMuch(holder, answer) ? this.#wait(holder, answer) : undefined;
			},
			close: () => set(0),
		};
	}

	#isTooMuch(holder: Holder, answer: object): boolean {
		const { limit, most, free } = this.#options;
		if (this.#held > limit && holder.held > free) return true;
		if (holder.held <= most) {
			holder.first = undefined;
			return false;
		}
		holder.first ??= answer;
		return holder.first !== answer;
	}

	#wait(holder: Holder, answer: object): Promise<void> {
		const { patienceMs } = this.#options;
		return new Promise((resolve, reject) => {
			const timer = this.#clock.setTimer(() => {
				this.#waiters.delete(waiter);
				reject(
					new BlockedError(
						'AnswersWait',
						`the answer was given up: for ${patienceMs / 1000} s there was no room for it beside the answers of other clusters`,
					),
				);
			}, patienceMs);
			const waiter: Waiter = { holder, answer, resolve, timer };
			this.#waiters.add(waiter);
		});
	}

	/** Lets those go on who waited longest. What they read is counted when it comes. */
	#wake(): void {
		for (const waiter of this.#waiters) {
			if (this.#isTooMuch(waiter.holder, waiter.answer)) continue;
			this.#waiters.delete(waiter);
			waiter.timer.cancel();
			waiter.resolve();
		}
	}
}
