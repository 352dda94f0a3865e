/**
 * The benchmark as a program: what it accepts, what it writes, and that nothing outlives it. The tests don't judge its
 * figures.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { processesWith } from '../control-plane/testing.ts';
import { eventually } from '../support/eventually.ts';

const script = join(import.meta.dirname, 'bench.ts');

interface Result {
	readonly code: number;
	readonly output: string;
	readonly errors: string;
}

function bench(...args: readonly string[]): Promise<Result> {
	return new Promise((resolve) => {
		execFile(process.execPath, [script, ...args], { timeout: 240_000 }, (error, output, errors) =>
			resolve({ code: error === null ? 0 : Number(error.code), output, errors }),
		);
	});
}

async function folder(t: ExecutionContext): Promise<string> {
	const made = await mkdtemp(join(tmpdir(), 'bench-'));
	t.teardown(() => rm(made, { recursive: true, force: true }));
	return made;
}

test.serial('the names by which figures are followed over time stay', async (t) => {
	const { code, output } = await bench('--help');
	t.is(code, 0);
	const named = new Set(output.split(/[\s,]+/));
	for (const name of [
		'apply.single.ratio',
		'apply.fifty.ratio',
		'apply.first_ms',
		'full.single.ratio',
		'full.istiod.ratio',
		'full.calls_per_object',
		'drift.p50_ms',
		'drift.p99_ms',
		'drift.p50_ratio',
		'drift.p99_ratio',
		'drift.istiod.p50_ms',
		'drift.istiod.p99_ms',
		'drift.istiod.p50_ratio',
		'drift.istiod.p99_ratio',
		'noop.writes',
		'resync.writes',
		'restart.writes',
		'change.calls',
		'clusters.join_s',
		'clusters.mb_each',
		'clusters.requests_per_minute_each',
		'clusters.dead.drift_ratio',
		'hostile.healthz_ms',
		'hostile.drift_ratio',
		'hostile.rss_mb',
		'upgrade.writes_per_object',
		'upgrade.overhead_ratio',
		'pods.fifty_thousand.mb',
		'pods.fifty_thousand.list_s',
		'rss_mb',
		'child_kib',
		'ready_s',
		'render_ms',
	]) {
		t.true(named.has(name), name);
	}
});

test.serial('parts alone are measured, and their figures written as JSON', async (t) => {
	const file = join(await folder(t), 'figures.json');
	const { code, output, errors } = await bench('--only', 'render', '--only', 'child', '--json', file);
	t.is(code, 0, errors);
	t.regex(output, /\n {2}child_kib +[0-9.]+ +goal 1, /);
	const { environment, ...figures } = JSON.parse(await readFile(file, 'utf8'));
	t.deepEqual(Object.keys(figures), ['child_kib', 'render_ms']);
	t.true(Object.values(figures).every((value) => typeof value === 'number' && value > 0));
	t.like(environment, { node: process.versions.node });
});

test.serial('what it does not know is refused, with what there is', async (t) => {
	for (const args of [['--only', 'speed'], ['--only'], ['--quick']]) {
		const { code, errors } = await bench(...args);
		t.is(code, 2);
		t.regex(
			errors,
			/\n {2}drift +drift\.p50_ms, drift\.p99_ms, drift\.p50_ratio, drift\.p99_ratio, drift\.istiod\.p50_ms,.*\n/,
		);
		t.notRegex(errors, /\n\s+at /);
	}
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
	test.serial(`ended by ${signal}, it leaves neither operator nor cluster nor files`, async (t) => {
		const temporary = await folder(t);
		const child = spawn(process.execPath, [script, '--only', 'drift'], {
			env: { ...process.env, TMPDIR: temporary },
			stdio: 'ignore',
			// Started as from a terminal: what it starts in process groups of its own does not get Ctrl-C.
			detached: true,
		});
		t.teardown(() => child.kill('SIGKILL'));
		const ended = new Promise((resolve) => child.once('exit', resolve));
		await eventually('the operator runs', async () =>
			(await processesWith(temporary)).some((line) => line.includes('meshwright.js operator')),
		);
		child.kill(signal);
		await ended;
		await eventually('no process is left', async () => (await processesWith(temporary)).length === 0);
		await eventually('no file is left', async () => (await readdir(temporary)).length === 0);
		t.pass();
	});
}
