/** The Go toolchain of this machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startGuarded } from './guard.ts';

/** What `go version` prints; undefined where there is no Go. */
export async function goVersion(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
	try {
		return (await promisify(execFile)('go', ['version'], { env })).stdout.trim();
	} catch {
		return undefined; // No Go is one of the answers: the caller says what to do then.
	}
}

/** What `go install -v` prints for each package that it compiles: no news in an error. */
export const isPackagePath = /^[\w./~@-]+$/;

const aMinuteMs = 60_000;

/** Runs `go` and returns its lines. Throws with the last of them when it fails. */
export async function go(
	args: readonly string[],
	cwd: string,
	env: NodeJS.ProcessEnv,
	onLine: (line: string) => void = () => undefined,
): Promise<readonly string[]> {
	const lines: string[] = [];
	const words: string[] = [];
	const process = await startGuarded('go', args, {
		cwd,
		env,
		output: (line) => {
			lines.push(line);
			if (!isPackagePath.test(line)) {
				words.push(line);
			}
			onLine(line);
		},
	});
	// A guarded process keeps this one not alive, and a script may have nothing else to do.
	const alive = setInterval(() => undefined, aMinuteMs);
	const code = await process.exited.finally(() => clearInterval(alive));
	if (code !== 0) {
		throw new Error(`go ${args[0]} failed with exit code ${code}:\n${words.slice(-20).join('\n')}`);
	}
	return lines;
}
