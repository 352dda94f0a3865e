/** Handles Ctrl-C for commands that have to clean up. */
import { exitCodes } from './exit-codes.ts';

class Interrupted extends Error {
	override readonly name = 'Interrupted';
}

/**
 * Runs work that has to clean up. The first Ctrl-C aborts the work's signal and waits for its end. A second one ends the
 * process as usual. Returns the exit code of an interrupted command when Ctrl-C came.
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
