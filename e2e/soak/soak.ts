/**
 * `npm run soak`: the operator among API servers that misbehave in a tenth of all requests, while users and others change
 * everything, replicas are killed, and a joined cluster comes and goes. Afterwards all must be as it should be.
 *
 *     npm run soak                                    # 10 minutes, 20 meshes, a seed by chance
 *     npm run soak -- --minutes 60 --meshes 40
 *     npm run soak -- --minutes 10 --seed 4711        # the same decisions again
 *
 * The exit code is 0 when nothing was found, 1 when something was, 130 after Ctrl-C. Logs are kept in a folder that is named.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { paint, step } from '../demo/steps.ts';
import { commandOf, readOptions, type SoakOptions } from './options.ts';
import { soak } from './run.ts';

const bounds = { readyMs: 60_000, restMs: 20_000, deadlineMs: 180_000 };

function optionsOrEnd(): SoakOptions {
	try {
		return readOptions();
	} catch (error) {
		console.error(error instanceof Error ? error.message : String(error));
		return process.exit(1);
	}
}

async function main(signal: AbortSignal): Promise<number> {
	const options = optionsOrEnd();
	const folder = await mkdtemp(path.join(tmpdir(), `meshwright-soak-${options.seed}-`));
	const tell = (line: string) => console.log(`  ${line}`);
	try {
		const problems = await soak({ ...options, folder, bounds, isShort: false, signal, say: step, tell });
		step(problems.length === 0 ? paint('green', 'All is as it should be') : paint('red', 'Not as it should be'));
		for (const problem of problems) tell(problem.replaceAll('\n', '\n    '));
		if (problems.length > 0) tell(`\n  Run it again: ${commandOf(options)}\n  Logs: ${folder}`);
		return problems.length === 0 ? 0 : 1;
	} catch (error) {
		if (!signal.aborted) tell(`\n  Run it again: ${commandOf(options)}\n  Logs: ${folder}`);
		throw error;
	}
}

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.on(name, () => {
		if (interrupt.signal.aborted) {
			process.exit(130); // The user asked twice. The guards end what is left.
		}
		interrupt.abort(new Error(`interrupted by ${name}`));
	});
}
try {
	process.exitCode = await main(interrupt.signal);
} catch (error) {
	const isAsked = interrupt.signal.aborted;
	const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
	console.error(isAsked ? '\nInterrupted' : `\n${paint('red', 'The soak failed:')} ${words}`);
	process.exitCode = isAsked ? 130 : 1;
}
