/** Ctrl-C where something has to be tidied up first. */
import { exitCodes } from './exit-codes.ts';

export class Interrupted extends Error {
	override readonly name = 'Interrupted';
}

/**
 * Runs something that has to end tidily: the first Ctrl-C aborts its signal and is waited for, a second one ends the process
 * as usual. Returns the exit code of an interrupted command when it was.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
	const controller = new AbortController();
	const stop = (): void => {
		controller.abort(new Interrupted('interrupted'));
		release();
	};
	const release = (): void => {
		process.off('SIGINT', stop);
		process.off('SIGTERM', stop);
	};
	process.once('SIGINT', stop);
	process.once('SIGTERM', stop);
	try {
		return await work(controller.signal);
	} catch (error) {
		if (controller.signal.aborted) return exitCodes.interrupted;
		throw error;
	} finally {
		release();
	}
}
