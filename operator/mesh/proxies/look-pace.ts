/** Keeps the looks at the pods of all joined clusters together from taking much of the process' time, or of its memory. */
import { Semaphore } from '../../runtime/client/semaphore.ts';

/** Pages that are asked for at the same time. */
const mostPages = 8;
/** For each millisecond that a page takes of the processor, all looks together rest this many. */
const restPerWork = 15;

export class LookPace {
	readonly #pages = new Semaphore(mostPages);
	#looks = 0;

	begin(): void {
		this.#looks++;
	}

	end(): void {
		this.#looks--;
	}

	/** Asks for a page when it is its turn. Rejects as the request does, and with the signal's reason. */
	async page<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
		await this.#pages.acquire(signal);
		try {
			return await ask();
		} finally {
			this.#pages.release();
		}
	}

	/** How long a look rests after a page. The more of them go on, the longer each. */
	restMs(workMs: number): number {
		return workMs * restPerWork * Math.max(1, this.#looks);
	}
}
