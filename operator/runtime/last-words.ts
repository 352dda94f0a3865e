/**
 * Sees to it that a process which ends says why, in its log. Node tells an error that nobody caught on standard error
 * alone, and of an end because there is nothing left to do it tells nothing. Of an end by the kernel, because memory is used
 * up, nobody can tell afterwards. So it is told before.
 */
import { getHeapStatistics } from 'node:v8';
import type { Logger } from './log/logger.ts';

type End = 'uncaughtException' | 'exit';

/** The part of `process` that is needed. Tests replace it. */
export interface EndingProcess {
	on(event: 'uncaughtException', listener: (error: unknown, origin: string) => void): unknown;
	on(event: 'exit', listener: (code: number) => void): unknown;
	// biome-ignore lint/suspicious/noExplicitAny: Node's own listeners of both events.
	off(event: End, listener: (...args: any[]) => void): unknown;
	exit(code: number): void;
}

export interface MemoryUse {
	/** Bytes that are used, and that may be used. */
	readonly used: number;
	readonly limit: number;
	readonly what: string;
}

export interface LastWordsOptions {
	readonly log: Pick<Logger, 'fatal' | 'warn'>;
	readonly process?: EndingProcess;
	readonly memory?: () => readonly MemoryUse[];
	/** Memory is looked at this often. Default 5 s. */
	readonly everyMs?: number;
}

const defaultEveryMs = 5_000;
/** Told when more than this part is used, and again only after it was less. */
const nearlyAll = 0.85;

/** Returns a function that says that the end is in order from now on. */
export function sayLastWords(options: LastWordsOptions): () => void {
	const {
		log,
		process: ending = process as EndingProcess,
		memory = memoryOfProcess,
		everyMs = defaultEveryMs,
	} = options;
	const onError = (error: unknown, origin: string) => {
		const what =
			origin === 'unhandledRejection' ? 'a promise was rejected and nobody looked' : 'an error was not caught';
		log.fatal({ err: error }, `the process ends: ${what}`);
		ending.off('exit', onExit);
		// What this process knows may be wrong now. It must not write another time.
		ending.exit(1);
	};
	const onExit = (code: number) => {
		log.fatal({ code }, 'the process ends, and nobody asked it to: there is nothing left that it waits for');
	};
	ending.on('uncaughtException', onError);
	ending.on('exit', onExit);
	const told = new Set<string>();
	const look = () => {
		for (const { what, used, limit } of memory()) {
			if (used < limit * nearlyAll) told.delete(what);
			else if (!told.has(what)) {
				told.add(what);
				log.warn({ used, limit }, `${what} is nearly used up; the process ends without a word when it is`);
			}
		}
	};
	const timer = setInterval(look, everyMs);
	// A process that has nothing left to do ends, and says so.
	timer.unref();
	return () => {
		clearInterval(timer);
		ending.off('uncaughtException', onError);
		ending.off('exit', onExit);
	};
}

/** The memory that the container may use, where it is bounded, and the heap. */
function memoryOfProcess(): readonly MemoryUse[] {
	const limit = process.constrainedMemory();
	const { used_heap_size, heap_size_limit } = getHeapStatistics();
	const isBounded = limit > 0 && limit < 2 ** 50;
	return [
		...(isBounded ? [{ what: "the container's memory", used: process.memoryUsage.rss(), limit }] : []),
		{ what: "the program's memory (heap)", used: used_heap_size, limit: heap_size_limit },
	];
}
