import test from 'ava';
import { FakeClock, settle } from '../clock-fake.ts';
import { BlockedError, ConflictError, InvalidError, RequestError, TransientError } from '../errors.ts';
import {
	type PassContext,
	type PassReport,
	type PassResult,
	priorities,
	WorkQueue,
	type WorkQueueOptions,
} from './work-queue.ts';

/** A queue with a clock that tests move and without jitter (random is in the middle), with a record of its passes. */
function start(
	options: Partial<WorkQueueOptions<string>> & { work?: (key: string, context: PassContext) => unknown } = {},
) {
	const { work = () => undefined, ...rest } = options;
	const clock = new FakeClock();
	const passes: (Omit<PassContext, 'signal'> & { key: string; at: number })[] = [];
	const reports: PassReport<string>[] = [];
	const queue = new WorkQueue<string>({
		clock,
		random: () => 0.5,
		hooks: { onPassEnd: (report) => void reports.push(report) },
		...rest,
		worker: async (key, context) => {
			passes.push({ key, attempt: context.attempt, reasons: context.reasons, at: clock.now() });
			return (await work(key, context)) as PassResult | undefined;
		},
	});
	queue.start();
	return { queue, clock, passes, reports, keys: () => passes.map((pass) => pass.key) };
}

function gate() {
	const { promise, resolve } = Promise.withResolvers<void>();
	return { opened: promise, open: resolve };
}

test('an add on an idle queue starts the worker before any timer or I/O', async (t) => {
	const { queue, keys } = start();
	queue.add('a');
	t.deepEqual(keys(), [], 'not inside add itself, so that one turn of events is one pass');
	await Promise.resolve();
	t.deepEqual(keys(), ['a']);
});

test('adds of one turn are one pass that knows all reasons', async (t) => {
	const { queue, passes } = start();
	queue.add('a', { reason: 'ConfigMap changed' });
	queue.add('a', { reason: 'Deployment deleted' });
	queue.add('a', { reason: 'ConfigMap changed' });
	await settle();
	t.deepEqual(passes, [{ key: 'a', attempt: 1, reasons: ['ConfigMap changed', 'Deployment deleted'], at: 0 }]);
});

test('adds during a pass make exactly one more pass, after it', async (t) => {
	const first = gate();
	let running = 0;
	const { queue, keys } = start({
		work: async () => {
			t.is(++running, 1);
			if (keys().length === 1) await first.opened;
			running--;
		},
	});
	queue.add('a');
	await settle();
	queue.add('a');
	queue.add('a');
	await settle();
	t.deepEqual(keys(), ['a']);
	first.open();
	await settle();
	t.deepEqual(keys(), ['a', 'a']);
});

test('keys run side by side up to the concurrency', async (t) => {
	const gates = { a: gate(), b: gate(), c: gate() };
	const { queue, keys } = start({ concurrency: 2, work: (key) => gates[key as 'a'].opened });
	for (const key of ['a', 'b', 'c']) queue.add(key);
	await settle();
	t.deepEqual(keys(), ['a', 'b']);
	gates.b.open();
	await settle();
	t.deepEqual(keys(), ['a', 'b', 'c']);
	t.deepEqual(
		queue.snapshot().running.map(({ key }) => key),
		['a', 'c'],
	);
	gates.a.open();
	gates.c.open();
});

test('higher priority goes first, and first in first out inside one', async (t) => {
	const { queue, keys } = start({ concurrency: 1 });
	queue.add('old-1', { priority: priorities.background });
	queue.add('old-2', { priority: priorities.background });
	queue.add('old-3', { priority: priorities.background });
	queue.add('edit-1');
	queue.add('edit-2');
	queue.add('old-3');
	await settle();
	t.deepEqual(keys(), ['edit-1', 'edit-2', 'old-3', 'old-1', 'old-2']);
});

test('a later add of lower priority does not lower a key', async (t) => {
	const { queue, keys } = start({ concurrency: 1 });
	queue.add('a', { priority: -1 });
	queue.add('b');
	queue.add('b', { priority: priorities.background });
	await settle();
	t.deepEqual(keys(), ['b', 'a']);
});

test('a delayed add waits; a re-add keeps the shorter delay and the higher priority', async (t) => {
	const { queue, clock, passes } = start();
	queue.add('a', { afterMs: 1_000, priority: 5 });
	queue.add('a', { afterMs: 9_000 });
	queue.add('b', { afterMs: 9_000 });
	queue.add('b', { afterMs: 2_000 });
	queue.add('c', { afterMs: 9_000 });
	queue.add('c');
	t.is(clock.pendingTimers, 1, 'one timer for all');
	await clock.advance(10_000);
	t.deepEqual(
		passes.map(({ key, at }) => [key, at]),
		[
			['c', 0],
			['a', 1_000],
			['b', 2_000],
		],
	);
	t.is(clock.pendingTimers, 0);
});

test('a delayed key that came due is in line before what was added after', async (t) => {
	const { queue, clock, keys } = start({ concurrency: 1 });
	queue.add('due', { afterMs: 100 });
	clock.stall(150);
	queue.add('later');
	await clock.advance(0);
	t.deepEqual(keys(), ['due', 'later']);
});

test('requeueAfterMs plans the next pass and keeps the priority', async (t) => {
	const { queue, clock, passes, reports } = start({
		work: () => (passes.length < 3 ? { requeueAfterMs: 500 } : undefined),
	});
	queue.add('a', { priority: priorities.background });
	await clock.advance(5_000);
	t.deepEqual(
		passes.map(({ at }) => at),
		[0, 500, 1_000],
	);
	t.deepEqual(
		reports.map(({ outcome }) => outcome),
		['requeue_after', 'requeue_after', 'success'],
	);
	t.deepEqual(passes[1]?.reasons, ['requeue']);
});

test('requeueAfterMs 0 runs again at once, behind the others', async (t) => {
	const { queue, keys, reports } = start({
		concurrency: 1,
		work: () => (keys().length === 1 ? { requeueAfterMs: 0 } : undefined),
	});
	queue.add('a');
	queue.add('b');
	await settle();
	t.deepEqual(keys(), ['a', 'b', 'a']);
	t.is(reports[0]?.outcome, 'requeue');
});

test('a result that is no number of milliseconds is a defect, not an endless loop', async (t) => {
	const { queue, reports } = start({ work: () => ({ requeueAfterMs: Number.NaN }) });
	queue.add('a');
	await settle();
	t.true(reports[0]?.isDefect);
	t.is(reports[0]?.retryInMs, 100);
	t.throws(() => queue.add('b', { afterMs: Number.POSITIVE_INFINITY }), { instanceOf: RangeError });
});

test('transient failures back off from 100 ms, doubling up to 5 minutes', async (t) => {
	const { queue, clock, passes, reports } = start({
		work: () => {
			throw new TransientError('connection refused');
		},
	});
	queue.add('a');
	await clock.advance(2_000_000);
	const delays = reports.map(({ retryInMs }) => retryInMs);
	t.deepEqual(
		delays.slice(0, 14),
		[100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 102_400, 204_800, 300_000, 300_000],
	);
	t.deepEqual(
		passes.slice(0, 3).map(({ attempt, reasons }) => [attempt, reasons]),
		[
			[1, []],
			[2, ['retry']],
			[3, ['retry']],
		],
	);
});

test('a success resets the backoff', async (t) => {
	const failing = [true, true, false, true];
	const { queue, clock, passes, reports } = start({
		work: () => {
			if (failing[passes.length - 1]) throw new TransientError('503');
		},
	});
	queue.add('a');
	await clock.advance(1_000);
	queue.add('a');
	await clock.advance(0);
	t.deepEqual(
		reports.map(({ retryInMs }) => retryInMs),
		[100, 200, undefined, 100],
	);
	t.deepEqual(
		passes.map(({ attempt }) => attempt),
		[1, 2, 3, 1],
	);
});

test('Retry-After is the least delay', async (t) => {
	const { queue, reports } = start({
		work: () => {
			throw new TransientError('429', { status: 429, retryAfterMs: 7_000 });
		},
	});
	queue.add('a');
	await settle();
	t.is(reports[0]?.retryInMs, 7_000);
});

test('conflicts are retried at once three times, then with backoff', async (t) => {
	const { queue, clock, reports } = start({
		work: () => {
			throw new ConflictError('changed since it was read');
		},
	});
	queue.add('a');
	await clock.advance(350);
	t.deepEqual(
		reports.map(({ outcome, retryInMs }) => [outcome, retryInMs]),
		[
			['requeue', 0],
			['requeue', 0],
			['requeue', 0],
			['error', 100],
			['error', 200],
			['error', 400],
		],
	);
});

test('an invalid object is not retried until somebody adds it again', async (t) => {
	const { queue, clock, passes, reports } = start({
		work: () => {
			throw new InvalidError('BadVersion', 'there is no Istio 9.9.9');
		},
	});
	queue.add('a');
	await clock.advance(86_400_000);
	t.is(passes.length, 1);
	t.true(reports[0]?.isTerminal);
	queue.add('a');
	await settle();
	t.is(passes.length, 2);
});

test('a blocked pass is retried slowly and is no error', async (t) => {
	const { queue, clock, passes, reports } = start({
		work: () => {
			throw new BlockedError('SecretMissing', 'waits for Secret istio-system/cacerts');
		},
	});
	queue.add('a');
	await clock.advance(95_000);
	t.deepEqual(
		passes.map(({ at }) => at),
		[0, 30_000, 60_000, 90_000],
	);
	t.is(reports[0]?.outcome, 'requeue_after');
});

test('an error from outside the family is a defect with backoff; one from the API server is not', async (t) => {
	const errors: Record<string, unknown> = {
		a: new TypeError('x is not a function'),
		b: 'thrown text',
		c: new RequestError('forbidden', { status: 403, reason: 'Forbidden' }),
	};
	const { queue, reports } = start({
		work: (key) => {
			throw errors[key];
		},
	});
	for (const key of Object.keys(errors)) queue.add(key);
	await settle();
	t.deepEqual(
		reports.map(({ isDefect, retryInMs }) => [isDefect, retryInMs]),
		[
			[true, 100],
			[true, 100],
			[false, 100],
		],
	);
});

test('a change overtakes the backoff of its key', async (t) => {
	const { queue, clock, passes } = start({
		work: () => {
			throw new TransientError('503');
		},
		backoff: { initialMs: 60_000, maxMs: 60_000, factor: 1, jitter: 0 },
	});
	queue.add('a');
	await clock.advance(1_000);
	queue.add('a', { reason: 'spec changed' });
	await clock.advance(0);
	t.deepEqual(
		passes.map(({ at, attempt }) => [at, attempt]),
		[
			[0, 1],
			[1_000, 2],
		],
	);
});

test('a pass that outlives its deadline is aborted, counted as a time-out and retried', async (t) => {
	const { queue, clock, passes, reports } = start({
		reconcileTimeoutMs: 5_000,
		work: (_key, { signal }) =>
			passes.length > 1
				? undefined
				: new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
	});
	queue.add('a');
	await clock.advance(4_999);
	t.is(reports.length, 0);
	await clock.advance(1);
	t.like(reports[0], { isTimeout: true, isDefect: false, outcome: 'error', retryInMs: 100 });
	await clock.advance(100);
	t.like(reports[1], { isTimeout: false, outcome: 'success' });
});

test('a worker that ignores its deadline blocks its own key only', async (t) => {
	const { queue, clock, keys } = start({
		reconcileTimeoutMs: 1_000,
		work: (key) => (key === 'deaf' ? new Promise(() => {}) : undefined),
	});
	queue.add('deaf');
	await clock.advance(10_000);
	queue.add('deaf');
	queue.add('b');
	await clock.advance(10_000);
	t.deepEqual(keys(), ['deaf', 'b']);
	t.deepEqual(queue.snapshot().running, [{ key: 'deaf', runningMs: 20_000 }]);
});

test('forget drops failures and planned passes but not what is owed now', async (t) => {
	const { queue, clock, passes } = start({
		work: () => {
			throw new TransientError('503');
		},
	});
	queue.add('gone');
	await settle();
	queue.forget('gone');
	await clock.advance(600_000);
	t.is(passes.length, 1);
	t.is(clock.pendingTimers, 0);
	queue.add('gone');
	queue.forget('gone');
	await settle();
	t.deepEqual(
		passes.map(({ attempt }) => attempt),
		[1, 1],
	);
	queue.forget('never seen');
});

test('keys added before the start wait for it, in order of priority', async (t) => {
	const keys: string[] = [];
	const queue = new WorkQueue<string>({ concurrency: 1, worker: async (key) => void keys.push(key) });
	queue.add('a', { priority: priorities.background });
	queue.add('b');
	await settle();
	t.deepEqual(keys, []);
	t.deepEqual(
		queue.snapshot().readyByPriority,
		new Map([
			[0, 1],
			[-100, 1],
		]),
	);
	queue.start();
	await settle();
	t.deepEqual(keys, ['b', 'a']);
	t.throws(() => queue.start(), { message: 'a work queue starts once' });
	await queue.stop({ deadlineMs: 0 });
});

test('stop takes nothing in, starts nothing and waits for the running passes', async (t) => {
	const a = gate();
	const { queue, clock, keys } = start({ concurrency: 1, work: () => a.opened });
	queue.add('a');
	queue.add('b');
	queue.add('c', { afterMs: 10 });
	await settle();
	queue.add('a');
	const stopped = queue.stop({ deadlineMs: 5_000 });
	t.false(queue.add('d'));
	await clock.advance(1_000);
	a.open();
	t.deepEqual(await stopped, { aborted: [], unfinished: [] });
	await clock.advance(10_000);
	t.deepEqual(keys(), ['a']);
	t.is(clock.pendingTimers, 0);
});

test('stop aborts what still runs at the deadline and names what does not end even then', async (t) => {
	const { queue, clock, reports } = start({
		work: (key, { signal }) =>
			key === 'deaf'
				? new Promise(() => {})
				: new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
	});
	queue.add('deaf');
	queue.add('obedient');
	await settle();
	const stopped = queue.stop({ deadlineMs: 5_000, graceMs: 1_000 });
	await clock.advance(6_000);
	t.deepEqual(await stopped, { aborted: ['deaf', 'obedient'], unfinished: ['deaf'] });
	t.like(reports[0], { key: 'obedient', isDefect: false, isTimeout: false });
	t.is(reports[0]?.retryInMs, undefined);
});

test('hooks see adds, retries and how long a key was in line', async (t) => {
	const seen: string[] = [];
	const a = gate();
	const { queue, clock } = start({
		concurrency: 1,
		hooks: {
			onAdd: (key) => void seen.push(`add ${key}`),
			onRetry: (key) => void seen.push(`retry ${key}`),
			onPassStart: (key, queuedMs) => void seen.push(`start ${key} ${queuedMs}`),
			onPassEnd: ({ key, outcome, durationMs }) => void seen.push(`end ${key} ${outcome} ${durationMs}`),
		},
		work: async (key) => {
			if (key === 'a') await a.opened;
			else throw new TransientError('503');
		},
	});
	queue.add('a');
	queue.add('b');
	await clock.advance(250);
	a.open();
	await settle();
	t.deepEqual(seen, [
		'add a',
		'add b',
		'start a 0',
		'end a success 250',
		'start b 250',
		'add b',
		'retry b',
		'end b error 0',
	]);
});

test('a queue that has nothing to do holds nothing', async (t) => {
	const { queue, clock } = start({ work: (key) => (key === 'k7' ? { requeueAfterMs: 10 } : undefined) });
	for (let n = 0; n < 100; n++) queue.add(`k${n}`);
	await clock.advance(0);
	queue.forget('k7');
	t.deepEqual(queue.snapshot(), { readyByPriority: new Map(), ready: [], waiting: 0, running: [], concurrency: 4 });
	t.is(clock.pendingTimers, 0);
});

test('nonsensical settings are refused', (t) => {
	const worker = async (): Promise<void> => {};
	t.throws(() => new WorkQueue({ worker, concurrency: 0 }), { message: /concurrency must be greater than 0/ });
	t.throws(() => new WorkQueue({ worker, reconcileTimeoutMs: Number.NaN }), { message: /reconcileTimeoutMs/ });
});
