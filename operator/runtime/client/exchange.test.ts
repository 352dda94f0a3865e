import test from 'ava';
import { FakeClock } from '../clock-fake.ts';
import { ConnectionBudget, joinedLimits, SharedBudget } from './budget.ts';
import { Exchange } from './exchange.ts';

/** An answer as a wire would hand it to an exchange, and what its sink has of it. */
function answer(work: (budget: ConnectionBudget) => void = () => undefined) {
	const clock = new FakeClock();
	const budget = new ConnectionBudget(new SharedBudget(clock), undefined, joinedLimits);
	const taken: Buffer[] = [];
	const events: string[] = [];
	const sink = {
		start: () => undefined,
		data(piece: Buffer) {
			taken.push(Buffer.from(piece));
			work(budget);
		},
		end: () => void events.push('end'),
		fail: (error: Error) => void events.push(error.message),
	};
	const outgoing = { method: 'GET', path: '/', headers: {}, description: 'GET x' };
	const exchange = new Exchange(outgoing, sink, { budget, isForeign: true });
	const controller = {
		pause: () => void events.push('pause'),
		resume: () => void events.push('resume'),
		abort: () => void events.push('abort'),
		heldBackMs: 0,
	};
	exchange.onRequestStart(controller);
	exchange.onResponseStart(controller, 200, {});
	return {
		budget,
		clock,
		controller,
		events,
		exchange,
		sizes: () => taken.map(({ length }) => length),
		text: () => Buffer.concat(taken).toString(),
		comes: (piece: string) => exchange.onResponseData(controller, Buffer.from(piece)),
		ends: () => exchange.onResponseEnd(controller),
	};
}

/** Nothing is left of what the connection may take. */
const exhaust = (budget: ConnectionBudget) => budget.worked(200);

test('while nothing is left, not even the first piece is taken in, and reading ends', async (t) => {
	const { budget, clock, exchange, comes, ends, text, events } = answer();
	exhaust(budget);
	comes('one, ');
	comes('two, ');
	await clock.advance(0);
	t.deepEqual([text(), ...events], ['', 'pause']);
	t.is(exchange.heldBackMs, 0);
	await clock.advance(budget.waitMs() + 100);
	t.deepEqual([text(), ...events], ['one, two, ', 'pause', 'resume']);
	const { heldBackMs } = exchange;
	t.true(heldBackMs > 500, "what is late for that is not the server's fault");
	await clock.advance(1_000);
	t.is(exchange.heldBackMs, heldBackMs);
	comes('three');
	ends();
	t.deepEqual([text(), ...events], ['one, two, three', 'pause', 'resume', 'end']);
	t.is(clock.pendingTimers, 0);
});

test('an answer that has come to its end is taken in to its end first', async (t) => {
	const { budget, clock, comes, ends, text, events } = answer();
	exhaust(budget);
	comes('all of it');
	ends();
	await clock.advance(0);
	t.deepEqual([text(), ...events], [''], 'its connection is free for others, and is not paused');
	// Taking it in is work as well, which has to be waited for.
	for (let turn = 0; turn < 100 && !events.includes('end'); turn++) await clock.advance(budget.waitMs());
	t.deepEqual([text(), ...events], ['all of it', 'end']);
});

test('a large piece is taken in bit by bit, with pauses for whatever else there is to do', async (t) => {
	const { budget, clock, comes, ends, text, sizes, events } = answer((spent) => spent.worked(4));
	const sent = Array.from({ length: 20_000 }, (_, index) => `${index},`).join('');
	comes(sent);
	ends();
	t.true(sizes().length <= 4, `${sizes()}`);
	for (let turn = 0; turn < 100 && !events.includes('end'); turn++) await clock.advance(budget.waitMs());
	t.is(text(), sent);
	t.true(Math.max(...sizes()) <= 8 * 1024);
	t.deepEqual(events, ['end']);
});

test('an answer that is given up while it waits is not taken in any more', async (t) => {
	const { budget, clock, exchange, comes, text, events } = answer();
	exhaust(budget);
	comes('too late');
	exchange.fail(new Error('given up'));
	await clock.advance(60_000);
	t.deepEqual([text(), ...events], ['', 'abort', 'given up']);
	t.is(clock.pendingTimers, 0);
});

test('what its whole connection was not read for is held back as well', async (t) => {
	const { budget, clock, controller, exchange, comes } = answer();
	controller.heldBackMs = 300;
	t.is(exchange.heldBackMs, 300);
	exhaust(budget);
	comes('late');
	await clock.advance(100);
	t.is(exchange.heldBackMs, 400);
});
