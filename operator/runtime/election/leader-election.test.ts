import test from 'ava';
import fc from 'fast-check';
import { FakeClock, settle } from '../clock-fake.ts';
import { ConflictError, TransientError } from '../errors.ts';
import type { LeaseSpec } from './decision.ts';
import { LeaderElector } from './leader-election.ts';
import type { Lease, LeaseStore } from './lease.ts';

/** A Lease as an API server keeps it, with faults that a test switches on. */
class FakeLease {
	spec: LeaseSpec | undefined;
	version = 0;
	writes = 0;
	/** `down`: refused. `lost`: stored, but the answer is lost. `hanging`: no answer until the call is aborted. */
	fault: 'none' | 'down' | 'lost' | 'hanging' = 'none';

	/** The store as one replica sees it. `delayMs` passes on its clock between storing and answer. */
	store(clock: FakeClock, delayMs = 0): LeaseStore {
		const answer = async (signal: AbortSignal, timeoutMs: number): Promise<Lease> => {
			const lease = this.#object();
			if (this.fault === 'lost') throw new TransientError('connection reset');
			if (delayMs > 0) await this.#pass(clock, delayMs, signal, timeoutMs);
			return lease;
		};
		const arrive = async (signal: AbortSignal, timeoutMs: number): Promise<void> => {
			signal.throwIfAborted();
			if (this.fault === 'down') throw new TransientError('connection refused');
			if (this.fault === 'hanging') await this.#pass(clock, Number.MAX_SAFE_INTEGER, signal, timeoutMs);
		};
		return {
			read: async ({ signal, timeoutMs }) => {
				await arrive(signal, timeoutMs);
				return this.spec === undefined ? undefined : await answer(signal, timeoutMs);
			},
			create: async (spec, { signal, timeoutMs }) => {
				await arrive(signal, timeoutMs);
				if (this.spec !== undefined) throw new ConflictError('exists', { reason: 'AlreadyExists' });
				this.#write(spec);
				return answer(signal, timeoutMs);
			},
			replace: async (lease, spec, { signal, timeoutMs }) => {
				await arrive(signal, timeoutMs);
				if (lease.metadata.resourceVersion !== String(this.version)) throw new ConflictError('changed');
				this.#write(spec);
				return answer(signal, timeoutMs);
			},
		};
	}

	#write(spec: LeaseSpec): void {
		this.spec = spec;
		this.version++;
		this.writes++;
	}

	#object(): Lease {
		const metadata = { namespace: 'a', name: 'b', resourceVersion: String(this.version) };
		return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, ...(this.spec && { spec: this.spec }) };
	}

	#pass(clock: FakeClock, delayMs: number, signal: AbortSignal, timeoutMs: number): Promise<void> {
		return new Promise((resolve, reject) => {
			const timer =
				delayMs < timeoutMs
					? clock.setTimer(resolve, delayMs)
					: clock.setTimer(() => reject(new TransientError('time-out')), timeoutMs);
			signal.addEventListener('abort', () => {
				timer.cancel();
				reject(signal.reason);
			});
		});
	}
}

function replica(lease: FakeLease, identity: string, options: { clock?: FakeClock; delayMs?: number } = {}) {
	const { clock = new FakeClock(), delayMs = 0 } = options;
	const events: string[] = [];
	const elector = new LeaderElector({
		store: lease.store(clock, delayMs),
		identity,
		clock,
		random: () => 0.5,
		onElected: () => void events.push('elected'),
		onLost: (reason) => void events.push(`lost: ${reason}`),
	});
	return { elector, clock, events };
}

test('the first replica leads at once and renews by one PUT each 2 s', async (t) => {
	const lease = new FakeLease();
	const { elector, clock, events } = replica(lease, 'a');
	t.false(elector.mayWrite());
	elector.start();
	await settle();
	t.deepEqual(events, ['elected']);
	t.true(elector.mayWrite());
	await clock.advance(20_000);
	t.is(lease.writes, 11);
	t.is(lease.spec?.leaseTransitions, 0);
	await elector.stop({ release: true });
	t.is(clock.pendingTimers, 0);
});

test('a second replica waits while the first renews', async (t) => {
	const lease = new FakeLease();
	const clock = new FakeClock();
	const a = replica(lease, 'a', { clock });
	const b = replica(lease, 'b', { clock });
	a.elector.start();
	await settle();
	b.elector.start();
	await clock.advance(120_000);
	t.true(a.elector.isLeader);
	t.deepEqual(b.events, []);
	t.is(b.elector.holder, 'a');
	t.throws(() => b.elector.assertMayWrite(), { instanceOf: TransientError, message: /does not hold the lease/ });
	await a.elector.stop({ release: true });
	await clock.advance(2_400);
	t.deepEqual(b.events, ['elected'], 'a lease given back is taken within a retry period');
	t.is(lease.spec?.leaseTransitions, 1);
	await b.elector.stop({ release: false });
	t.is(lease.spec?.holderIdentity, 'b', 'without release it is left to expire');
});

test('when the first dies the second takes over 15 s after it last saw a renewal', async (t) => {
	const lease = new FakeLease();
	const dead = replica(lease, 'a');
	dead.elector.start();
	await settle();
	const b = replica(lease, 'b');
	b.elector.start();
	await b.clock.advance(14_999);
	t.deepEqual(b.events, []);
	await b.clock.advance(1);
	t.deepEqual(b.events, ['elected']);
	await b.elector.stop({ release: false });
	await dead.elector.stop({ release: false });
});

test('the gate closes with the clock alone, before any timer fires', async (t) => {
	const lease = new FakeLease();
	const { elector, clock, events } = replica(lease, 'a');
	elector.start();
	await settle();
	clock.stall(10_000);
	t.true(elector.mayWrite());
	clock.stall(1);
	t.false(elector.mayWrite());
	t.throws(() => elector.assertMayWrite(), { instanceOf: TransientError, message: /not renewed in time/ });
	t.true(elector.isLeader, 'the event loop has not turned yet');
	t.deepEqual(events, ['elected']);
	await clock.advance(0);
	t.is(events.length, 2);
	t.regex(events[1] ?? '', /lost: the lease could not be renewed for 10000 ms/);
	t.false(elector.isLeader);
});

test('the age of a renewal counts from when it was sent, not from its answer', async (t) => {
	const lease = new FakeLease();
	const { elector, clock } = replica(lease, 'a', { delayMs: 4_000 });
	elector.start();
	await clock.advance(3_999);
	t.false(elector.mayWrite());
	await clock.advance(1);
	t.true(elector.mayWrite());
	clock.stall(6_000);
	t.true(elector.mayWrite(), '10 s after it was sent');
	clock.stall(1);
	t.false(elector.mayWrite());
	await elector.stop({ release: false });
});

test('steps of the time of day move nothing but close the gate until the next renewal', async (t) => {
	const lease = new FakeLease();
	const { elector, clock, events } = replica(lease, 'a');
	const b = replica(lease, 'b', { clock });
	elector.start();
	await settle();
	b.elector.start();
	clock.stepWallClock(-86_400_000);
	t.true(elector.mayWrite());
	await clock.advance(30_000);
	t.true(elector.mayWrite());
	clock.stepWallClock(86_400_000);
	t.false(elector.mayWrite());
	await clock.advance(2_000);
	t.true(elector.mayWrite());
	await clock.advance(60_000);
	t.deepEqual([events, b.events], [['elected'], []]);
	await elector.stop({ release: false });
	await b.elector.stop({ release: false });
});

test('an outage shorter than the renew deadline costs nothing, a longer one the lead', async (t) => {
	const lease = new FakeLease();
	const { elector, clock, events } = replica(lease, 'a');
	elector.start();
	await settle();
	lease.fault = 'down';
	await clock.advance(9_000);
	lease.fault = 'none';
	await clock.advance(2_000);
	t.true(elector.mayWrite());
	lease.fault = 'hanging';
	await clock.advance(7_500);
	t.true(elector.isLeader);
	await clock.advance(3_000);
	t.false(elector.isLeader);
	t.is(events.length, 2);
	t.is(clock.pendingTimers, 0);
});

test('a renewal whose answer was lost is found by the next try', async (t) => {
	const lease = new FakeLease();
	const { elector, clock, events } = replica(lease, 'a');
	elector.start();
	await settle();
	lease.fault = 'lost';
	await clock.advance(2_000);
	lease.fault = 'none';
	await clock.advance(2_000);
	t.true(elector.mayWrite());
	t.deepEqual(events, ['elected']);
	t.is(lease.spec?.leaseTransitions, 0);
	await elector.stop({ release: false });
});

test('a lease that another one holds, or that was deleted, is lost at once', async (t) => {
	for (const spec of [{ holderIdentity: 'thief', leaseDurationSeconds: 15 }, undefined]) {
		const lease = new FakeLease();
		const { elector, clock, events } = replica(lease, 'a');
		elector.start();
		await settle();
		lease.spec = spec;
		lease.version++;
		await clock.advance(2_000);
		t.is(events.length, 2);
		t.false(elector.mayWrite());
		await elector.stop({ release: true });
		t.is(lease.spec?.holderIdentity, spec?.holderIdentity);
	}
});

test('a lease deleted under its holder is not taken before the holder must have noticed', async (t) => {
	const lease = new FakeLease();
	const a = replica(lease, 'a');
	a.elector.start();
	await settle();
	const b = replica(lease, 'b');
	b.elector.start();
	await b.clock.advance(3_000);
	lease.spec = undefined;
	await b.clock.advance(11_999);
	t.deepEqual(b.events, []);
	await b.clock.advance(1);
	t.deepEqual(b.events, ['elected']);
	await a.elector.stop({ release: false });
	await b.elector.stop({ release: false });
});

test('stop closes the gate before the lease is given back', async (t) => {
	const lease = new FakeLease();
	const { elector } = replica(lease, 'a');
	elector.start();
	await settle();
	const stopped = elector.stop({ release: true });
	t.false(elector.mayWrite());
	t.is(lease.spec?.holderIdentity, 'a');
	await stopped;
	t.like(lease.spec, { holderIdentity: '', leaseDurationSeconds: 1 });
	t.throws(() => elector.start(), { message: /starts once/ });
});

test('two never may write at once, whatever stalls, fails or steps', async (t) => {
	const event = fc.oneof(
		fc.record({ do: fc.constant('stall' as const), who: fc.nat({ max: 2 }), ms: fc.integer({ min: 1, max: 40_000 }) }),
		fc.record({ do: fc.constant('run' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
		fc.record({ do: fc.constant('fault' as const), fault: fc.constantFrom('none', 'none', 'down', 'lost', 'hanging') }),
		fc.record({ do: fc.constant('step' as const), who: fc.nat({ max: 2 }), ms: fc.integer({ min: -1e8, max: 1e8 }) }),
		fc.record({ do: fc.constant('stop' as const), who: fc.nat({ max: 2 }), release: fc.boolean() }),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
			const lease = new FakeLease();
			const start = (n: number) => {
				const made = replica(lease, `r${n}`, { clock: new FakeClock(n * 1e9), delayMs: n % 2 });
				made.elector.start();
				return made;
			};
			let count = 3;
			const replicas = [start(0), start(1), start(2)];
			const check = (): void => {
				const writers = replicas.filter(({ elector }) => elector.mayWrite());
				t.true(writers.length <= 1, writers.map(({ elector }) => elector.identity).join());
			};
			for (const step of events) {
				if (step.do === 'fault') lease.fault = step.fault;
				else if (step.do === 'step') replicas[step.who]?.clock.stepWallClock(step.ms);
				else if (step.do === 'stop') {
					const found = replicas[step.who];
					const stopping = found?.elector.stop({ release: step.release });
					await found?.clock.advance(11_000);
					await stopping;
					replicas[step.who] = start(count++);
				} else {
					// Time passes for all replicas alike, in steps. The event loop of a stalled replica does not run meanwhile.
					for (let left = step.ms; left > 0; left -= 500) {
						const slice = Math.min(left, 500);
						for (const [n, { clock }] of replicas.entries()) {
							if (step.do === 'stall' && step.who === n) clock.stall(slice);
							else await clock.advance(slice);
							check();
						}
					}
				}
				check();
			}
			lease.fault = 'none';
			for (const { elector, clock } of replicas) {
				const stopping = elector.stop({ release: false });
				await clock.advance(11_000);
				await stopping;
			}
		}),
		{ numRuns: 60 },
	);
});
