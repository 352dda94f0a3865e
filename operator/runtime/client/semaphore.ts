/**
 * Bounds how many requests are in flight. Waiting callers are served in order of arrival. Patient callers come after the
 * others, but are not passed over for ever.
 */

interface Waiter {
	readonly resolve: () => void;
	next: Waiter | undefined;
	isGone: boolean;
}

/** First in, first out. Skips callers that gave up. */
class Line {
	#first: Waiter | undefined;
	#last: Waiter | undefined;

	push(waiter: Waiter): void {
		if (this.#last === undefined) {
			this.#first = waiter;
		} else {
			this.#last.next = waiter;
		}
		this.#last = waiter;
	}

	shift(): Waiter | undefined {
		let waiter = this.#first;
		while (waiter?.isGone === true) {
			waiter = waiter.next;
		}
		this.#first = waiter?.next;
		if (this.#first === undefined) {
			this.#last = undefined;
		}
		return waiter;
	}
}

/** While both wait, one of this many freed places goes to a patient caller. */
const patientShare = 8;

export class Semaphore {
	readonly #limit: number;
	readonly #urgent = new Line();
	readonly #patient = new Line();
	#held = 0;
	#waiting = 0;
	#released = 0;

	/** @param limit how many may hold the semaphore at once; at least 1 */
	constructor(limit: number) {
		if (!Number.isInteger(limit) || limit < 1) {
			throw new RangeError(`a semaphore needs a whole number of at least 1, not ${limit}`);
		}
		this.#limit = limit;
	}

	get held(): number {
		return this.#held;
	}

	get waiting(): number {
		return this.#waiting;
	}

	/**
	 * Takes a place. Returns undefined when one is free: the usual case costs no promise. Otherwise returns a promise that
	 * resolves when it is this caller's turn, and rejects with the signal's reason when the signal aborts first. Each place
	 * taken must be given back by exactly one `release()`.
	 */
	acquire(signal?: AbortSignal, isPatient = false): Promise<void> | undefined {
		if (this.#held < this.#limit) {
			this.#held++;
			return undefined;
		}
		return new Promise((resolve, reject) => {
			const abort = () => {
				waiter.isGone = true;
				this.#waiting--;
				reject(signal?.reason);
			};
			const waiter: Waiter = {
				resolve: () => {
					signal?.removeEventListener('abort', abort);
					resolve();
				},
				next: undefined,
				isGone: false,
			};
			if (signal?.aborted === true) {
				reject(signal.reason);
				return;
			}
			signal?.addEventListener('abort', abort, { once: true });
			this.#waiting++;
			(isPatient ? this.#patient : this.#urgent).push(waiter);
		});
	}

	/** Gives a place back. It goes to the caller that has waited longest, to patient ones after the others. */
	release(): void {
		const isPatientTurn = ++this.#released % patientShare === 0;
		const [first, second] = isPatientTurn ? [this.#patient, this.#urgent] : [this.#urgent, this.#patient];
		const waiter = first.shift() ?? second.shift();
		if (waiter === undefined) {
			this.#held--;
			return;
		}
		this.#waiting--;
		waiter.resolve();
	}
}
