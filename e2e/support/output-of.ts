/** Runs a program to its end. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface Run {
	/** What it reads from standard input. Default: nothing. */
	readonly input?: string;
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
}

/** What it prints on standard output. Throws, with what it says on standard error, when it fails or is not there. */
export async function outputOf(
	program: string,
	args: readonly string[],
	{ input = '', ...options }: Run = {},
): Promise<string> {
	const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
	// When it ends early, its exit code is what counts.
	child.stdin.on('error', () => undefined);
	child.stdin.end(input);
	const exited = new Promise<number>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', (code) => resolve(code ?? 1));
	});
	const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
	if (code !== 0) throw new Error(`${program} ${args[0]} ended with exit code ${code}:\n${complaint.trim()}`);
	return output;
}
