import { EventEmitter } from 'node:events';
import test from 'ava';
import { FakeClock, settle } from './clock-fake.ts';
import { Lifecycle, onStopSignals, type Part } from './shutdown.ts';

function recording() {
	const seen: string[] = [];
	const part = (name: string, rest: Partial<Part> = {}): Part => ({
		name,
		start: () => void seen.push(`start ${name}`),
		stop: () => void seen.push(`stop ${name}`),
		...rest,
	});
	return { seen, part };
}

test('parts start in order and stop in reverse, once', async (t) => {
	const { seen, part } = recording();
	const lifecycle = new Lifecycle();
	await lifecycle.start([part('http'), part('caches'), part('workers')]);
	t.false(lifecycle.signal.aborted);
	const [first, second] = await Promise.all([lifecycle.stop('SIGTERM'), lifecycle.stop('again')]);
	t.is(first, second);
	t.true(first.isClean);
	t.true(lifecycle.signal.aborted);
	t.deepEqual(seen, ['start http', 'start caches', 'start workers', 'stop workers', 'stop caches', 'stop http']);
});

test('when a part fails to start, it and those before it are stopped and the error is thrown', async (t) => {
	const { seen, part } = recording();
	const start = (): Promise<void> => Promise.reject(new Error('port is taken'));
	await t.throwsAsync(new Lifecycle().start([part('a'), part('b', { start }), part('c')]), {
		message: 'port is taken',
	});
	t.deepEqual(seen, ['start a', 'stop b', 'stop a']);
});

test('a start that takes too long is given up', async (t) => {
	const { seen, part } = recording();
	const clock = new FakeClock();
	const started = new Lifecycle({ clock }).start([
		part('caches', { start: () => new Promise(() => {}), startTimeoutMs: 1_000 }),
	]);
	const failed = t.throwsAsync(started, { message: 'caches did not start within 1000 ms' });
	await clock.advance(1_000);
	await failed;
	t.deepEqual(seen, ['stop caches']);
});

test('a start that takes too long says what it waited for', async (t) => {
	const { part } = recording();
	const clock = new FakeClock();
	const started = new Lifecycle({ clock }).start([
		part('caches', { start: () => new Promise(() => {}), startTimeoutMs: 1_000, awaited: () => 'waits for a list' }),
	]);
	const failed = t.throwsAsync(started, { message: 'caches did not start within 1000 ms: it waits for a list' });
	await clock.advance(1_000);
	await failed;
});

test('a stop during the start ends it and stops what was started', async (t) => {
	const { seen, part } = recording();
	const lifecycle = new Lifecycle();
	const started = lifecycle.start([part('a'), part('slow', { start: () => new Promise(() => {}) }), part('never')]);
	const failed = t.throwsAsync(started, { message: 'stopping: SIGTERM' });
	await settle();
	const report = await lifecycle.stop('SIGTERM');
	await failed;
	t.true(report.isClean);
	t.deepEqual(seen, ['start a', 'stop slow', 'stop a']);
});

test('parts that fail or hang are reported and hold up nobody', async (t) => {
	const { seen, part } = recording();
	const clock = new FakeClock();
	const lifecycle = new Lifecycle({ clock });
	const deadlines: number[] = [];
	await lifecycle.start([
		part('first', { stop: ({ deadlineMs }) => void deadlines.push(deadlineMs) }),
		part('hangs', { stop: () => new Promise(() => {}), stopTimeoutMs: 3_000 }),
		part('fails', { stop: () => Promise.reject(new Error('no')) }),
		part('last'),
	]);
	const stopped = lifecycle.stop('test', 10_000);
	await clock.advance(3_000);
	const { isClean, failures } = await stopped;
	t.false(isClean);
	t.deepEqual(
		failures.map(({ part: name, error }) => [name, (error as Error).message]),
		[
			['fails', 'no'],
			['hangs', 'hangs did not stop within 3000 ms'],
		],
	);
	t.deepEqual(deadlines, [7_000]);
	t.is(seen.at(-1), 'stop last');
	t.is(clock.pendingTimers, 0);
});

test('the first signal stops, the second ends the process at once', (t) => {
	const codes: number[] = [];
	const source = Object.assign(new EventEmitter(), { exit: (code: number) => void codes.push(code) });
	const seen: string[] = [];
	const off = onStopSignals((signal) => void seen.push(signal), source);
	source.emit('SIGTERM');
	t.deepEqual([seen, codes], [['SIGTERM'], []]);
	source.emit('SIGINT');
	t.deepEqual([seen, codes], [['SIGTERM'], [130]]);
	off();
	t.is(source.listenerCount('SIGTERM') + source.listenerCount('SIGINT'), 0);
});
