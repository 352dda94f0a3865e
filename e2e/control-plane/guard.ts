/** Child processes that end with this one, however it ends. The mechanism is described in guard.sh. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const guardScript = fileURLToPath(new URL('guard.sh', import.meta.url));
const janitorScript = fileURLToPath(new URL('janitor.sh', import.meta.url));

/** How long it may take, on a busy machine, until a guard has killed its process group and the kernel has ended it. */
const killDeadlineMs = 60_000;

export interface GuardedOptions {
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
	/** Where standard output and standard error go: an open file, or a pipe that is read line by line. */
	readonly output: number | ((line: string) => void);
}

export interface Guarded {
	/** Process id of the guard, which is the id of its process group too. */
	readonly pid: number;
	/** Process id of the command; undefined when it ended before the guard could tell. */
	readonly commandPid: number | undefined;
	/** Exit code of the command (128 + signal when a signal ended it). Never rejects. Waiting for it alone keeps no process alive. */
	readonly exited: Promise<number>;
	/** True from the moment that `exited` is settled. */
	readonly hasExited: () => boolean;
	/** Sends a signal to the command alone; nothing happens when it has ended. */
	readonly signal: (signal: 'SIGINT' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT') => void;
	/** Kills the command with everything it started; settled when they are gone. */
	readonly end: () => Promise<void>;
}

function lifelineOf(child: ChildProcess): Socket {
	const stream = child.stdin;
	if (!(stream instanceof Socket)) {
		throw new Error('a guarded process has no lifeline');
	}
	// Writing to a guard that has just ended is not an error: its exit is what the caller looks at.
	stream.on('error', () => stream.destroy());
	stream.unref();
	return stream;
}

function forEachLine(stream: Readable | null, consume: (line: string) => void): void {
	let rest = '';
	stream?.setEncoding('utf8');
	stream?.on('data', (chunk: string) => {
		const lines = (rest + chunk).split('\n');
		rest = lines.pop() ?? '';
		lines.forEach(consume);
	});
	stream?.on('end', () => {
		if (rest !== '') {
			consume(rest);
		}
	});
}

interface Leashed {
	readonly child: ChildProcess;
	readonly pid: number;
	readonly lifeline: Socket;
	/** Exit code; settled when the last output has been read. */
	readonly exited: Promise<number>;
}

async function spawnLeashed(script: string, args: readonly string[], options: SpawnOptions): Promise<Leashed> {
	const child = spawn('/bin/sh', [script, ...args], { ...options, detached: true });
	const exited = Promise.withResolvers<number>();
	child.once('close', (code) => exited.resolve(code ?? 137));
	await new Promise<void>((resolve, reject) => {
		child.once('spawn', resolve);
		child.once('error', reject);
	});
	if (child.pid === undefined) {
		throw new Error(`${script} was started without a process id`);
	}
	const lifeline = lifelineOf(child);
	// Nothing here keeps the parent alive: when it has no other work it ends, and the child with it.
	child.unref();
	return { child, pid: child.pid, lifeline, exited: exited.promise };
}

function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
			throw error;
		}
		// It ended a moment ago, which is as good.
	}
}

/** A stop may take this long to reach every thread. */
const stopDeadlineMs = 5_000;

/**
 * Returns when every thread of a process has stopped, as far as the system tells (Linux): on a busy machine one that runs
 * goes on for a while, and may answer what was asked after the signal.
 */
function untilStopped(pid: number): void {
	const pause = new Int32Array(new SharedArrayBuffer(4));
	const deadline = performance.now() + stopDeadlineMs;
	while (!isStopped(pid) && performance.now() < deadline) {
		Atomics.wait(pause, 0, 0, 1);
	}
}

function isStopped(pid: number): boolean {
	try {
		return readdirSync(`/proc/${pid}/task`).every((thread) =>
			// The state follows the name, which is in parentheses and may hold anything.
			/\) [TtZX] [^)]*$/.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')),
		);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
			throw error;
		}
		// No such file system, or the process has ended: there is nothing to wait for.
		return true;
	}
}

/** The process id that the guard tells; undefined when the guard ended before it could. */
async function commandId(child: ChildProcess, exited: Promise<number>): Promise<number | undefined> {
	const stream = child.stdio[3];
	if (!(stream instanceof Socket)) {
		throw new Error('a guarded process has no pipe for its id');
	}
	const told = new Promise<string>((resolve, reject) => {
		stream.setEncoding('utf8').once('data', resolve);
		stream.once('error', reject);
	});
	const first = await Promise.race([told, exited]);
	return typeof first === 'string' ? Number.parseInt(first, 10) : undefined;
}

/** Starts a command under a guard, in a process group of its own. Throws when the guard itself cannot be started. */
export async function startGuarded(
	program: string,
	args: readonly string[],
	options: GuardedOptions,
): Promise<Guarded> {
	const output = typeof options.output === 'number' ? options.output : 'pipe';
	const { child, pid, lifeline, exited } = await spawnLeashed(guardScript, [program, ...args], {
		stdio: ['pipe', output, output, 'pipe'],
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		...(options.env === undefined ? {} : { env: options.env }),
	});
	let ended = false;
	const marked = exited.then((code) => {
		ended = true;
		return code;
	});
	if (typeof options.output === 'function') {
		forEachLine(child.stdout, options.output);
		forEachLine(child.stderr, options.output);
	}
	const command = await commandId(child, exited);
	return {
		pid,
		commandPid: command,
		exited: marked,
		hasExited: () => ended,
		signal: (signal) => {
			// The guard ends right after it has collected the command: until then the id is the command's.
			if (!ended && command !== undefined) {
				send(command, signal);
				if (signal === 'SIGSTOP') {
					untilStopped(command);
				}
			}
		},
		end: async () => {
			if (ended) {
				return;
			}
			child.ref();
			lifeline.end();
			const late = Promise.withResolvers<'late'>();
			const timer = setTimeout(() => late.resolve('late'), killDeadlineMs);
			const first = await Promise.race([marked, late.promise]);
			clearTimeout(timer);
			if (first === 'late') {
				throw new Error(`${program} (process group ${pid}) is still there ${killDeadlineMs / 1000} s after SIGKILL`);
			}
		},
	};
}

/** Sees to it that a directory is removed when this process ends without having called the returned function. */
export async function removeWhenOrphaned(directory: string): Promise<() => void> {
	const { lifeline } = await spawnLeashed(janitorScript, [directory], { stdio: ['pipe', 'ignore', 'ignore'] });
	return () => {
		lifeline.end('removed\n');
	};
}
