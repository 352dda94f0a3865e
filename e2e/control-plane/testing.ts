/** What the tests in this folder share: a look at the processes of this machine, and at what remains of another process. */
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Command lines of running processes that contain a text. */
export async function processesWith(text: string): Promise<readonly string[]> {
	const { stdout } = await promisify(execFile)('ps', ['-eo', 'args'], { maxBuffer: 64 * 1024 * 1024 });
	return stdout.split('\n').filter((line) => line.includes(text));
}

/** States of running processes, as `ps` writes them, whose command lines contain a text. `T` is stopped. */
export async function statesWith(text: string): Promise<readonly string[]> {
	const { stdout } = await promisify(execFile)('ps', ['-eo', 'stat=,args='], { maxBuffer: 64 * 1024 * 1024 });
	return stdout.split('\n').flatMap((line) => (line.includes(text) ? [line.charAt(0)] : []));
}

const deadlineMs = 60_000;

/** Waits until a condition holds. Throws after a minute. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
	for (const end = Date.now() + deadlineMs; !(await holds()); await sleep(50)) {
		if (Date.now() > end) {
			throw new Error(`still not so after ${deadlineMs / 1_000} s: ${what}`);
		}
	}
}

/**
 * Runs a TypeScript module in a Node process of its own, reads the first line that it prints, and ends it by a signal.
 * Returns the line once the process is gone.
 */
export async function printAndDie(
	source: string,
	signal: NodeJS.Signals,
	env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
	const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', source], {
		stdio: ['ignore', 'pipe', 'inherit'],
		env,
	});
	const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
	const lines = createInterface({ input: child.stdout });
	const line = await Promise.race([
		new Promise<string>((resolve) => lines.once('line', resolve)),
		gone.then(() => Promise.reject(new Error('the process ended before it printed a line'))),
	]);
	child.kill(signal);
	await gone;
	return line;
}
