/** One program of a control plane: started, watched while it is waited for, and its log told when it fails. */
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Guarded, startGuarded } from './guard.ts';

/**
 * By how much a program's memory may grow before garbage is collected (Go's `GOGC`). At the default of 100 a sixth of an API
 * server's work here is collecting garbage; it gets by with 400 MB at three times as much.
 */
const garbagePercent = '300';

/** How often a program that starts is asked whether it is there: less and less often. */
const probeMs = { first: 20, growth: 1.2, most: 150 } as const;

/** A program ended although it was still needed. */
export class ProgramExitError extends Error {
	override readonly name = 'ProgramExitError';
	/** The last lines of its log. */
	readonly log: string;
	constructor(program: string, code: number, log: string) {
		super(`${program} ended with exit code ${code}:\n${log}`);
		this.log = log;
	}
}

export interface Running extends Guarded {
	readonly name: string;
	readonly logFile: string;
}

async function tail(file: string): Promise<string> {
	return (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-20).join('\n');
}

/**
 * Starts a program from a directory of programs; its output is appended to the log file.
 * @param env added to the variables of this process
 */
export async function startProgram(
	directory: string,
	name: string,
	flags: readonly string[],
	logFile: string,
	env: NodeJS.ProcessEnv = {},
): Promise<Running> {
	const log = await open(logFile, 'a');
	try {
		const guarded = await startGuarded(path.join(directory, name), flags, {
			output: log.fd,
			env: { ...process.env, GOGC: garbagePercent, ...env },
		});
		return { ...guarded, name, logFile };
	} finally {
		await log.close();
	}
}

/**
 * Asks again and again until `probe` gives a value. Throws ProgramExitError as soon as one of the programs has ended, and
 * a plain error with the last of their logs at the deadline. What `probe` throws is told only then: a server that is
 * starting refuses connections.
 */
export async function waitFor<Value>(
	what: string,
	programs: readonly Running[],
	deadlineMs: number,
	probe: () => Promise<Value | undefined>,
): Promise<Value> {
	const end = Date.now() + deadlineMs;
	let lastError: unknown;
	for (let pauseMs: number = probeMs.first; ; pauseMs = Math.min(pauseMs * probeMs.growth, probeMs.most)) {
		for (const program of programs) {
			if (program.hasExited()) {
				throw new ProgramExitError(program.name, await program.exited, await tail(program.logFile));
			}
		}
		try {
			const value = await probe();
			if (value !== undefined) {
				return value;
			}
		} catch (error) {
			lastError = error;
		}
		if (Date.now() > end) {
			const logs = await Promise.all(
				programs.map(async (program) => `${program.name}:\n${await tail(program.logFile)}`),
			);
			throw new Error(`${what} took longer than ${deadlineMs / 1000} s\n${logs.join('\n')}`, { cause: lastError });
		}
		await sleep(pauseMs);
	}
}
