/** The `meshwright` command at a real terminal: a pseudo-terminal of util-linux' `script`, whose keys the test presses. */
import { spawn, spawnSync } from 'node:child_process';
import { program } from './cli.ts';
import { eventually } from './eventually.ts';

/** Whether this machine has such a program. BSD's of the same name takes other arguments. */
export const hasTerminal =
	spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true;

export interface AtTerminal extends AsyncDisposable {
	/** Presses keys. */
	readonly press: (keys: string) => void;
	/** Waits until the screen has shown this. */
	readonly shown: (text: RegExp) => Promise<void>;
	/** Everything that was written to the terminal so far. */
	readonly screen: () => string;
	/** Exit code of the command. */
	readonly exitCode: Promise<number | null>;
}

/** Ctrl-C, as a terminal sends it. */
export const ctrlC = '\u0003';

/** Starts a command at a terminal of its own. It sees no kubeconfig but the one that its arguments name. */
export function atTerminal(args: readonly string[]): AtTerminal {
	const command = [process.execPath, program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
	// In a group of its own: at its end the terminal is closed, which ends what runs there.
	const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
		env: { ...process.env, KUBECONFIG: '/dev/null', TERM: 'xterm', SHELL: '/bin/sh' },
		stdio: ['pipe', 'pipe', 'inherit'],
		detached: true,
	});
	let screen = '';
	child.stdout.setEncoding('utf8').on('data', (text: string) => {
		screen += text;
	});
	child.stdin.on('error', () => undefined);
	const { promise: exitCode, resolve, reject } = Promise.withResolvers<number | null>();
	child.once('error', reject);
	child.once('close', resolve);
	return {
		press: (keys) => void child.stdin.write(keys),
		shown: async (text) => void (await eventually(`the screen shows ${text}`, () => text.test(screen))),
		screen: () => screen,
		exitCode,
		[Symbol.asyncDispose]: async () => {
			if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
			await exitCode;
		},
	};
}
