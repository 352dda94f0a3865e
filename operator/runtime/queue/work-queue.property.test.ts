import test from 'ava';
import fc from 'fast-check';
import { FakeClock, settle } from '../clock-fake.ts';
import { BlockedError, ConflictError, InvalidError, TransientError } from '../errors.ts';
import { DueHeap } from './heap.ts';
import { type PassResult, WorkQueue } from './work-queue.ts';

const keys = ['a', 'b', 'c', 'd', 'e'] as const;
type Key = (typeof keys)[number];

const endings = [
	'success',
	'requeue',
	'requeueLater',
	'transient',
	'conflict',
	'blocked',
	'invalid',
	'defect',
] as const;

const command = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			do: fc.constant('add' as const),
			key: fc.constantFrom(...keys),
			afterMs: fc.constantFrom(0, 0, 0, 5, 50, 5_000),
			priority: fc.constantFrom(-100, 0, 10),
		}),
	},
	{
		weight: 5,
		arbitrary: fc.record({
			do: fc.constant('end' as const),
			which: fc.nat({ max: 9 }),
			as: fc.constantFrom(...endings),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ do: fc.constant('advance' as const), byMs: fc.constantFrom(0, 1, 60, 700, 40_000) }),
	},
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), byMs: fc.constantFrom(1, 60, 6_000) }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
);

interface RunningPass {
	readonly key: Key;
	end(as: (typeof endings)[number]): void;
}

function outcomeOf(as: (typeof endings)[number]): PassResult | undefined | Error {
	switch (as) {
		case 'success':
			return undefined;
		case 'requeue':
			return { requeueAfterMs: 0 };
		case 'requeueLater':
			return { requeueAfterMs: 300 };
		case 'transient':
			return new TransientError('503');
		case 'conflict':
			return new ConflictError('409');
		case 'blocked':
			return new BlockedError('Waits', 'for something');
		case 'invalid':
			return new InvalidError('Bad', 'value');
		case 'defect':
			return new TypeError('boom');
	}
}

test('whatever happens in whatever order: one pass per key at a time, none lost, no slot idle', async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(command, { maxLength: 60 }),
			fc.integer({ min: 1, max: 4 }),
			async (commands, concurrency) => {
				const clock = new FakeClock();
				const running: RunningPass[] = [];
				/** Keys that were added since their last pass began. */
				const owed = new Set<Key>();
				const queue = new WorkQueue<Key>({
					concurrency,
					clock,
					reconcileTimeoutMs: Number.MAX_SAFE_INTEGER,
					worker: (key) => {
						if (running.some((pass) => pass.key === key)) throw new Error(`two workers on ${key}`);
						if (running.length >= concurrency) throw new Error('more passes than allowed');
						owed.delete(key);
						const { promise, resolve, reject } = Promise.withResolvers<PassResult | undefined>();
						const pass: RunningPass = {
							key,
							end(as) {
								running.splice(running.indexOf(pass), 1);
								const outcome = outcomeOf(as);
								if (outcome instanceof Error) reject(outcome);
								else resolve(outcome);
							},
						};
						running.push(pass);
						return promise;
					},
					hooks: {
						onPassEnd: ({ error, isDefect }) => {
							if (isDefect && error instanceof Error && error.message !== 'boom') t.fail(error.message);
						},
					},
				});
				queue.start();

				const checkInvariants = (): void => {
					const { ready, running: processing, waiting } = queue.snapshot();
					const processingKeys = new Set(processing.map(({ key }) => key));
					t.true(
						ready.every((key) => !processingKeys.has(key)),
						'ready and processing are disjoint',
					);
					t.is(new Set(ready).size, ready.length, 'a key is in line once');
					t.true(ready.length === 0 || processing.length === concurrency, 'no slot is idle while a key is in line');
					t.true(waiting <= keys.length);
					const planned = clock.pendingTimers - processing.length;
					t.is(planned, waiting > 0 ? 1 : 0, 'one timer for all that wait, beside the deadlines of the running passes');
				};

				for (const step of commands) {
					switch (step.do) {
						case 'add':
							queue.add(step.key, { afterMs: step.afterMs, priority: step.priority });
							owed.add(step.key);
							break;
						case 'end':
							running[step.which % Math.max(1, running.length)]?.end(step.as);
							break;
						case 'advance':
							await clock.advance(step.byMs);
							checkInvariants();
							break;
						case 'stall':
							clock.stall(step.byMs);
							break;
						case 'settle':
							await settle();
							checkInvariants();
					}
				}

				// From here on everything ends well: within the longest delay, all keys that are owed a pass must have had it.
				for (let round = 0; round < 40 && (owed.size > 0 || running.length > 0); round++) {
					for (const pass of [...running]) pass.end('success');
					await clock.advance(10_000);
				}
				t.deepEqual([...owed], [], 'no wake-up is lost');
				await clock.advance(1_000_000);
				for (const pass of [...running]) pass.end('success');
				await settle();
				const stopped = queue.stop({ deadlineMs: 0, graceMs: 1 });
				// A pass that began in the last moment ends after the abort.
				for (const pass of [...running]) pass.end('success');
				await clock.advance(1);
				t.deepEqual((await stopped).unfinished, []);
				t.is(clock.pendingTimers, 0);
			},
		),
		{ numRuns: 300 },
	);
});

test('the heap gives back in order of due time, then of arrival, after any sets and removals', (t) => {
	const change = fc.record({ item: fc.nat({ max: 20 }), due: fc.option(fc.nat({ max: 10 }), { nil: undefined }) });
	fc.assert(
		fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
			const heap = new DueHeap<number>();
			const model = new Map<number, number>();
			for (const { item, due } of changes) {
				t.is(heap.dueOf(item), model.get(item));
				t.is(due === undefined && heap.delete(item), due === undefined && model.delete(item));
				if (due === undefined) continue;
				heap.set(item, due);
				model.delete(item);
				model.set(item, due);
				t.is(heap.size, model.size);
			}
			const expected = [...model].sort((a, b) => a[1] - b[1]).map(([item]) => item);
			const actual: number[] = [];
			for (let item = heap.popDue(10); item !== undefined; item = heap.popDue(10)) actual.push(item);
			t.deepEqual(actual, expected);
			t.is(heap.nextDue, undefined);
		}),
	);
});
