/** What a process says at its end, seen from outside: each test runs one. */
import { execFile } from 'node:child_process';
import test from 'ava';

/**
 * Runs a program that says its last words. Returns its code and its log.
 * @param used how much of 10 of its memory is used; 9 is nearly all
 */
function run(program: string, used = 1): Promise<{ readonly code: number; readonly log: string }> {
	const script = `
		import { sayLastWords } from '${import.meta.resolve('./last-words.ts')}';
		import { createLogger } from '${import.meta.resolve('./log/logger.ts')}';
		const memory = [{ what: 'the memory', used: ${used}, limit: 10 }];
		const endsInOrder = sayLastWords({ log: createLogger({ level: 'warn' }), memory: () => memory, everyMs: 20 });
		${program}`;
	return new Promise((resolve) => {
		execFile(process.execPath, ['--input-type=module', '--eval', script], (error, log) =>
			resolve({ code: error === null ? 0 : Number(error.code), log }),
		);
	});
}

for (const [what, program, code, words] of [
	['an error that nobody caught', "setTimeout(() => { throw new Error('oh') }, 1)", 1, /error was not caught".*\n?/],
	['a promise that nobody looked at', "Promise.reject(new Error('oh'))", 1, /a promise was rejected and nobody looked/],
	[
		'an emitter whose error nobody takes',
		"const { EventEmitter } = await import('node:events'); setTimeout(() => new EventEmitter().emit('error', new Error('oh')), 1)",
		1,
		/not caught/,
	],
	['nothing left to do', 'await new Promise(() => undefined)', 13, /"code":13,.*nobody asked it to/],
	['an exit in the middle', 'process.exit(3)', 3, /"code":3,.*nobody asked it to/],
] as const) {
	test(`the log tells of the end by ${what}`, async (t) => {
		const end = await run(program);
		t.is(end.code, code);
		t.regex(end.log, words);
		t.is(end.log.trim().split('\n').length, 1, end.log);
		if (code === 1) t.regex(end.log, /"message":"oh","stack":/);
	});
}

test('an end in order says nothing more, and removes what it has added', async (t) => {
	const { code, log } = await run(
		"endsInOrder(); process.exitCode = process.listenerCount('exit') + process.listenerCount('uncaughtException')",
	);
	t.deepEqual([code, log], [0, '']);
});

test('memory that is nearly used up is told once', async (t) => {
	const { log } = await run('setTimeout(() => { memory[0].used = 1; }, 200); setTimeout(() => endsInOrder(), 300)', 9);
	t.is(log.match(/the memory is nearly used up/g)?.length, 1);
});
