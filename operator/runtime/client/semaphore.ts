/**
 * Bounds how many requests are in flight. Who waits is served in order of arrival; those who say that they are patient
 * come after those who are not, but are never passed over for ever.
 */

interface Waiter {
	readonly resolve: () => void;
	next: Waiter | undefined;
	isGone: boolean;
}

/** First in, first out; who gave up is skipped. */
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

/** Of so many places that are given back, one goes to the patient while others wait. */
const patientShare = 8;

export class Semaphore {
	readonly #limit: number;
	readonly #urgent = new Line();
	readonly #patient = new Line();
	#held = 0;
	#waiting = 0;
	#released = 0;

	/** @param limit how many may hold the semaphore at once; at least 1. */
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
	 * Takes a place. Returns nothing where one is free (the common case costs no promise), else a promise that resolves
	 * when it is this caller's turn and rejects with the signal's reason when the signal aborts first. Each place taken
	 * must be given back by exactly one `release()`.
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

	/** Gives a place back: it goes to the one who has waited longest, the patient after the others. */
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
