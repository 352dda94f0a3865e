/** Waiting for something that may never come. */

export interface Deadline {
	/** How long is waited, milliseconds. */
	readonly ms: number;
	/** What is thrown when that is over; made only then. */
	readonly late: () => Error;
	/** Ends the wait with its reason. */
	readonly signal?: AbortSignal;
}

/** Rejects with `late()` when the work takes too long, which goes on all the same. */
export async function withinDeadline<T>(work: Promise<T>, { ms, late, signal }: Deadline): Promise<T> {
	const { promise, reject } = Promise.withResolvers<never>();
	const timer = setTimeout(() => reject(late()), ms);
	const onAbort = () => reject(signal?.reason);
	signal?.addEventListener('abort', onAbort, { once: true });
	if (signal?.aborted === true) onAbort();
	try {
		return await Promise.race([promise, work]);
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener('abort', onAbort);
	}
}
