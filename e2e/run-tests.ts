/**
 * `npm test`: the control plane is there, the linter and the compiler are content, no generated file is stale, all tests
 * pass. `npm test -- FILE…` runs the tests in these files alone. The last line is `N passed, N failed`; the exit code is 0
 * only when nothing failed and something passed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { addCounts, atStart, type Counts, noCounts, readLine } from './ava-output.ts';
import { locateControlPlane } from './control-plane/locate.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);
const generator = path.join(root, 'api', 'generate.ts');

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}

/** Runs a program in the repository; resolves with its exit code, which is not 0 either when it cannot be started. */
function run(command: string, args: readonly string[], onLine?: (line: string) => void): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn(command, args, {
			cwd: root,
			// Whoever forgets to name a kubeconfig gets an empty one, never that of the person at the keyboard.
			env: { ...process.env, KUBECONFIG: '/dev/null' },
			stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', 'inherit'],
			signal: interrupted.signal,
		});
		if (onLine !== undefined && child.stdout !== null) {
			createInterface({ input: child.stdout }).on('line', onLine);
		}
		child.once('error', (error) => {
			if (!interrupted.signal.aborted) {
				process.stderr.write(`${command}: ${error.message}\n`);
			}
			resolve(127);
		});
		child.once('close', (code) => resolve(code ?? 1));
	});
}

function say(line: string): void {
	process.stdout.write(`${line}\n`);
}

interface Check {
	readonly title: string;
	readonly passes: () => Promise<boolean>;
}

const controlPlane: Check = {
	title: 'a control plane to test against',
	passes: async () => {
		const source = await locateControlPlane('all', say);
		say(source.kind === 'kubeconfig' ? `cluster of ${source.file}` : `programs in ${source.directory}`);
		return true;
	},
};

const staticChecks: readonly Check[] = [
	{ title: 'lint and format (biome)', passes: async () => (await run(bin('biome'), ['check', '.'])) === 0 },
	{ title: 'types (tsc)', passes: async () => (await run(bin('tsc'), [])) === 0 },
	...(existsSync(generator)
		? [
				{
					title: 'generated files are up to date',
					passes: async () => (await run(process.execPath, [generator, '--check'])) === 0,
				},
			]
		: []),
];

/** Rejects when the run is interrupted. What is being built then ends with this process. */
const interruption = new Promise<never>((_, reject) => {
	interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason));
});
// Nobody may be listening at that moment; the end of this file looks at the signal itself.
interruption.catch(() => undefined);

/** Runs one check; a failed one counts like a failed test. */
async function check({ title, passes }: Check): Promise<Counts> {
	say(`\n▶ ${title}`);
	try {
		if (await Promise.race([passes(), interruption])) {
			return noCounts;
		}
	} catch (error) {
		say(error instanceof Error ? error.message : String(error));
	}
	say(`✘ ${title}`);
	return { ...noCounts, failed: 1 };
}

async function runTests(files: readonly string[]): Promise<Counts> {
	say('\n▶ tests (ava)');
	let state = atStart;
	const code = await run(bin('ava'), [...(process.stdout.isTTY ? ['--color'] : ['--no-color']), ...files], (line) => {
		state = readLine(state, line);
		say(line);
	});
	const { section: _, ...counts } = state;
	if (counts.failed > 0 || interrupted.signal.aborted) {
		return counts;
	}
	if (code !== 0) {
		say(`✘ ava ended with exit code ${code}`);
		return { ...counts, failed: 1 };
	}
	if (counts.passed === 0) {
		say('✘ no test ran');
		return { ...counts, failed: 1 };
	}
	return counts;
}

const files = process.argv.slice(2);
let counts = await check(controlPlane);
const isReady = counts.failed === 0;
for (const entry of files.length === 0 ? staticChecks : []) {
	counts = addCounts(counts, await check(entry));
}
if (isReady && !interrupted.signal.aborted) {
	counts = addCounts(counts, await runTests(files));
}
if (interrupted.signal.aborted) {
	say('✘ interrupted');
	counts = addCounts(counts, { ...noCounts, failed: Math.max(0, 1 - counts.failed) });
}
say(`\n${counts.skipped === 0 ? '' : `(${counts.skipped} skipped)\n`}${counts.passed} passed, ${counts.failed} failed`);
// An explicit end, since an interrupted build would go on otherwise.
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
