/** Waits for something that may never come. */

export interface Deadline {
	/** Longest wait. */
	readonly ms: number;
	/** Makes the error that is thrown when the time is over. */
	readonly late: () => Error;
	/** Ends the wait with the signal's reason. */
	readonly signal?: AbortSignal;
}

/** Rejects with `late()` when the work takes too long. The work itself goes on. */
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
