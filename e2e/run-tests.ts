/**
 * `npm test`: the control plane is there, the linter and the compiler are content, no generated file is stale, all tests
 * pass. `npm test -- FILE…` runs the tests in these files alone. The last line is `N passed, N failed`; the exit code is 0
 * only when nothing failed and something passed.
 *
 * Where a test is tried in many cells, such as each profile of each release, a part of them is: MESHWRIGHT_WHOLE_MATRIX=1 takes all.
 *
 * Tests that need no cluster run first and alone. For the others there is a pool of API servers, which are lent to one file
 * after the other, and one bundle of the operator.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { addCounts, atStart, type Counts, noCounts, readLine } from './ava-output.ts';
import { ClusterPool } from './control-plane/cluster-pool.ts';
import { lenderVariable, startLending } from './control-plane/lending.ts';
import { locateControlPlane } from './control-plane/locate.ts';
import { locateAll, realIstioVariable } from './real-istio/locate.ts';
import { bundleVariable, operatorBundle } from './support/bundle.ts';
import { librariesVariable, testLibraries } from './support/libraries.ts';
import { isMatrixWhole, wholeMatrixVariable } from './support/whole-matrix.ts';
import { findFiles, selectFiles } from './test-files.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string) => path.join(root, 'node_modules', '.bin', name);
/** The same as `npx ava` looks for. */
const { files: patterns } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).ava as {
	readonly files: readonly string[];
};
/** From here on there is room for all clusters of eight files, which take some 10 GB at most. */
const roomyBytes = 14e9;
/**
 * How many test files run side by side on two cores: those with a cluster wait a third of the time for what is not the
 * processor.
 */
const concurrency = { alone: 3, withCluster: process.availableMemory() < roomyBytes ? 6 : 8 } as const;
/**
 * Each server of a control plane works on one processor: here several of them share two, and threads that wake each other to
 * share the work of one server take a fifth more CPU time for it.
 */
const oneProcessor = { GOMAXPROCS: '1' } as const;
/** Stripped and compiled sources, of which each test file's thread needs the same hundreds. */
const compileCache = path.join(root, 'node_modules', '.cache', 'meshwright-compiled');

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.once(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
}

/** Runs a program in the repository; resolves with its exit code, which is not 0 either when it cannot be started. */
function run(
	command: string,
	args: readonly string[],
	onLine: (line: string) => void,
	env: NodeJS.ProcessEnv = {},
): Promise<number> {
	return new Promise((resolve) => {
		const child = spawn(command, args, {
			cwd: root,
			// Whoever forgets to name a kubeconfig gets an empty one, never that of the person at the keyboard.
			env: { ...process.env, KUBECONFIG: '/dev/null', ...env },
			stdio: ['ignore', 'pipe', 'pipe'],
			signal: interrupted.signal,
		});
		for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine);
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
	/** Whether it passes. What it has to say it tells line by line. */
	readonly passes: (say: (line: string) => void) => Promise<boolean>;
}

/** Directory of the programs of a control plane; undefined where a running cluster is offered instead. */
let programs: string | undefined;

const controlPlane: Check = {
	title: 'a control plane to test against',
	passes: async (say) => {
		const source = await locateControlPlane('all', say);
		if (source.kind === 'binaries') programs = source.directory;
		say(source.kind === 'kubeconfig' ? `cluster of ${source.file}` : `programs in ${source.directory}`);
		return true;
	},
};

const realIstio: Check = {
	title: 'Istio’s own programs to test with',
	passes: async (say) => {
		const found = await locateAll(say);
		if (found.length === 0) {
			say(`not built, so tests with them are skipped: ${realIstioVariable}=1 builds them, see CONTRIBUTING.md`);
		}
		for (const { pins, program } of found) say(`Istio ${pins.line}: ${path.dirname(program('istioctl'))}`);
		return true;
	},
};

function command(title: string, program: string, ...args: readonly string[]): Check {
	return { title, passes: async (say) => (await run(program, args, say)) === 0 };
}

const matrices: Check = {
	title: 'how many cells of each matrix are tried',
	passes: async (say) => {
		say(isMatrixWhole() ? 'all of them' : `a part of them: ${wholeMatrixVariable}=1 takes all, as .ci/run does`);
		return true;
	},
};

const staticChecks: readonly Check[] = [
	command('lint and format (biome)', bin('biome'), 'check', '.'),
	command('types (tsc)', bin('tsc')),
	...['api', 'deploy'].map((room) =>
		command(
			`generated files of ${room} are up to date`,
			process.execPath,
			path.join(root, room, 'generate.ts'),
			'--check',
		),
	),
];

/** Rejects when the run is interrupted. What is being built then ends with this process. */
const interruption = new Promise<never>((_, reject) => {
	interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason));
});
// Nobody may be listening at that moment; the end of this file looks at the signal itself.
interruption.catch(() => undefined);

/** Runs one check; a failed one counts like a failed test. Without `tell` it speaks when it is over, all at once. */
async function check({ title, passes }: Check, tell?: (line: string) => void): Promise<Counts> {
	const kept: string[] = [];
	const speak = tell ?? ((line: string) => void kept.push(line));
	speak(`\n▶ ${title}`);
	let hasPassed = false;
	try {
		hasPassed = await Promise.race([passes(speak), interruption]);
	} catch (error) {
		speak(error instanceof Error ? error.message : String(error));
	}
	if (!hasPassed) speak(`✘ ${title}`);
	kept.forEach(say);
	return { ...noCounts, failed: hasPassed ? 0 : 1 };
}

async function runTests(
	title: string,
	files: readonly string[],
	atOnce: number,
	env: NodeJS.ProcessEnv = {},
): Promise<Counts> {
	say(`\n▶ ${title} (ava, ${files.length} files)`);
	const began = performance.now();
	let state = atStart;
	const color = process.stdout.isTTY ? '--color' : '--no-color';
	const code = await run(
		process.execPath,
		[path.join(root, 'e2e', 'ava.ts'), color, `--concurrency=${atOnce}`, ...files],
		(line) => {
			state = readLine(state, line);
			say(line);
		},
		{ NODE_COMPILE_CACHE: compileCache, ...env },
	);
	const { section: _, ...counts } = state;
	say(`${title}: ${counts.passed} passed in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
	if (counts.failed > 0 || interrupted.signal.aborted) {
		return counts;
	}
	if (code !== 0) {
		say(`✘ ava ended with exit code ${code}`);
		return { ...counts, failed: 1 };
	}
	if (counts.passed + counts.skipped === 0) {
		say('✘ no test ran');
		return { ...counts, failed: 1 };
	}
	return counts;
}

/** Runs test files that need clusters, with a pool of them. */
async function runWithClusters(
	files: readonly string[],
	directory: string | undefined,
	env: NodeJS.ProcessEnv,
): Promise<Counts> {
	const title = 'tests that need a cluster';
	// A cluster that somebody offers is used as it is.
	if (directory === undefined) return runTests(title, files, concurrency.withCluster, env);
	const pool = new ClusterPool(directory, say, oneProcessor);
	const lender = await startLending(pool);
	try {
		return await runTests(title, files, concurrency.withCluster, {
			...env,
			...oneProcessor,
			[lenderVariable]: lender.socket,
		});
	} finally {
		await lender.stop();
		await pool.stop();
		say(`${pool.figures.clusters} clusters were started for ${pool.figures.loans} loans`);
	}
}

const wanted = process.argv.slice(2);
const { alone, withCluster, unmatched } = selectFiles(await findFiles(root, patterns), wanted);
let counts = noCounts;
const count = (more: Counts) => {
	counts = addCounts(counts, more);
};
for (const pattern of unmatched) {
	say(`✘ no test file matches ${pattern}`);
	count({ ...noCounts, failed: 1 });
}
count(await check(controlPlane, say));
count(await check(realIstio, say));
count(await check(matrices, say));
const isReady = counts.failed === 0;
if (wanted.length === 0) (await Promise.all(staticChecks.map((entry) => check(entry)))).forEach(count);
if (isReady && alone.length + withCluster.length > 0 && !interrupted.signal.aborted) {
	const [bundle, libraries] = await Promise.all([operatorBundle(), testLibraries(say)]);
	const env = { [bundleVariable]: bundle, [librariesVariable]: libraries };
	if (alone.length > 0) count(await runTests('tests that need no cluster', alone, concurrency.alone, env));
	if (withCluster.length > 0 && !interrupted.signal.aborted) {
		count(await runWithClusters(withCluster, programs, env));
	}
}
if (interrupted.signal.aborted) {
	say('✘ interrupted');
	count({ ...noCounts, failed: Math.max(0, 1 - counts.failed) });
}
if (isReady && withCluster.length > 0 && !isMatrixWhole()) {
	say(`\n✂ A PART OF EACH MATRIX WAS TRIED: ${wholeMatrixVariable}=1 npm test takes all cells, as .ci/run does`);
}
say(`\n${counts.skipped === 0 ? '' : `(${counts.skipped} skipped)\n`}${counts.passed} passed, ${counts.failed} failed`);
// An explicit end, since an interrupted build would go on otherwise.
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
