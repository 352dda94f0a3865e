import { randomUUID } from 'node:crypto';
import { access, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { startGuarded } from './guard.ts';
import { eventually, printAndDie, processesWith } from './testing.ts';

const guard = JSON.stringify(new URL('guard.ts', import.meta.url).href);

/** A command that starts another one, both of which would run for an hour and can be found by the marker. */
const family = (marker: string) => `/bin/sh -c 'sleep 3600 & wait' ${marker}; : ${marker}`;

test('a guarded command tells its output line by line, and its exit code', async (t) => {
	const lines: string[] = [];
	const guarded = await startGuarded('/bin/sh', ['-c', 'echo one; echo two >&2; printf three; exit 7'], {
		output: (line) => lines.push(line),
	});
	t.is(await guarded.exited, 7);
	t.true(guarded.hasExited());
	t.deepEqual(lines.toSorted(), ['one', 'three', 'two']);
});

test('a command that does not exist is an exit code, not a hang', async (t) => {
	const guarded = await startGuarded('/no/such/command', [], { output: () => undefined });
	t.is(await guarded.exited, 127);
});

test('ending a guarded command ends what it has started too', async (t) => {
	const marker = randomUUID();
	const guarded = await startGuarded('/bin/sh', ['-c', family(marker)], { output: () => undefined });
	t.not((await processesWith(marker)).length, 0);
	await guarded.end();
	await guarded.end();
	await eventually('no process is left', async () => (await processesWith(marker)).length === 0);
	t.pass();
});

test('a signal reaches the command and leaves it to the command what to do', async (t) => {
	const lines: string[] = [];
	const ready = Promise.withResolvers<void>();
	const script = 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.05; done';
	const guarded = await startGuarded('/bin/sh', ['-c', script], {
		output: (line) => {
			lines.push(line);
			ready.resolve();
		},
	});
	await ready.promise;
	guarded.signal('SIGTERM');
	t.is(await guarded.exited, 3);
	t.deepEqual(lines, ['ready', 'caught']);
	t.notThrows(() => guarded.signal('SIGTERM'));
});

for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
	test(`when the parent ends by ${signal}, its guarded commands and its directory go`, async (t) => {
		const marker = randomUUID();
		const directory = await mkdtemp(path.join(tmpdir(), 'meshwright-guard-'));
		await writeFile(path.join(directory, 'file'), 'content');
		const source = `
			import { removeWhenOrphaned, startGuarded } from ${guard};
			await removeWhenOrphaned(${JSON.stringify(directory)});
			await startGuarded('/bin/sh', ['-c', ${JSON.stringify(family(marker))}], { output: 1 });
			setInterval(() => {}, 1000);
			console.log('started');
		`;
		t.is(await printAndDie(source, signal), 'started');
		await eventually('no process is left', async () => (await processesWith(marker)).length === 0);
		await eventually('the directory is gone', () =>
			access(directory).then(
				() => false,
				() => true,
			),
		);
		t.pass();
	});
}

test('a parent that has nothing else to do ends, and its commands with it', async (t) => {
	const marker = randomUUID();
	const source = `
		import { startGuarded } from ${guard};
		await startGuarded('/bin/sh', ['-c', ${JSON.stringify(family(marker))}], { output: 2 });
		console.log('at the end');
	`;
	t.is(await printAndDie(source, 'SIGCONT'), 'at the end');
	await eventually('no process is left', async () => (await processesWith(marker)).length === 0);
	t.pass();
});
