import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { FakeClock } from '../clock-fake.ts';
import { MisbehaviourError } from '../errors.ts';
import { ConnectionBudget, joinedLimits, SharedBudget } from './budget.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import { SharedBytes } from './shared-bytes.ts';

const offends = (t: { throws: (call: () => void, expected: object) => unknown }, call: () => void, words: RegExp) =>
	t.throws(call, { instanceOf: MisbehaviourError, message: words });

function budget(limits: Partial<typeof joinedLimits> = {}) {
	const clock = new FakeClock();
	const offences: string[] = [];
	const shared = new SharedBudget(clock);
	const made = new ConnectionBudget(shared, ({ deed }) => offences.push(deed), { ...joinedLimits, ...limits });
	return { clock, offences, shared, budget: made };
}

test('the first offence is told once, and stays', async (t) => {
	const { budget: made, offences } = budget();
	const first = made.offend('did this');
	t.is(made.offend('did that'), first);
	t.is(made.offence, first);
	await setImmediate();
	t.deepEqual(offences, ['did this']);
});

test('a list ends when it repeats a page, brings nothing, or does not end', (t) => {
	const limits = { pages: 5, emptyPages: 2, objects: 100 };
	const list = () => budget(limits).budget.newList('services');
	const same = list();
	same.page(1, 'x');
	offends(t, () => same.page(1, 'x'), /list of services that goes on with the same page/);
	const empty = list();
	empty.page(0, 'a');
	empty.page(1, 'b');
	empty.page(0, 'c');
	offends(t, () => empty.page(0, 'd'), /nothing in them/);
	const long = list();
	for (const next of ['a', 'b', 'c', 'd']) long.page(1, next);
	offends(t, () => long.page(1, 'e'), /more than 5 pages/);
	offends(t, () => list().page(101, undefined), /more than 100 objects/);
	t.notThrows(() => list().page(0, undefined), 'an empty list is none of these');
});

test('events may come at once, and then as many as time allows', async (t) => {
	const { budget: made, clock } = budget({ events: { burst: 10, perSecond: 2 } });
	for (let count = 0; count < 10; count++) made.countEvent();
	await clock.advance(1_000);
	made.countEvent();
	made.countEvent();
	offends(t, () => made.countEvent(), /more than 10 events/);
});

test('what all caches of a connection keep is counted together, and what they let go is free again', (t) => {
	const { budget: made } = budget({ stored: { objects: 10, bytes: 1_000 } });
	const [one, two] = [{}, {}];
	made.keeps(one, 8, 10);
	made.keeps(one, 2, 10);
	made.keeps(two, 8, 10);
	offends(t, () => made.keeps(two, 9, 10), /more than 10 objects/);
	const { budget: heavy } = budget({ stored: { objects: 10, bytes: 1_000 } });
	offends(t, () => heavy.keeps(one, 1, 1_001), /more than 1000 bytes/);
});

test('a connection that takes its part of the time waits, and one that always wants more is ended', async (t) => {
	const { budget: made, clock } = budget({ work: { burstMs: 100, share: 0.1 }, busyMs: 5_000 });
	made.worked(50);
	await clock.advance(100);
	t.is(made.waitMs(), 0);
	made.worked(100);
	const waitMs = made.waitMs();
	t.true(waitMs > 300 && waitMs < 500, `${waitMs}`);
	await clock.advance(10_000);
	made.worked(1);
	t.is(made.waitMs(), 0, 'time makes good for it');
	const overdo = async () => {
		for (let count = 0; count < 100; count++) {
			made.worked(100);
			await clock.advance(made.waitMs());
		}
	};
	await t.throwsAsync(overdo(), { instanceOf: MisbehaviourError, message: /than the operator reads from one cluster/ });
});

test('what one connection may take at once, it does not take in one go', async (t) => {
	const { budget: made, shared, clock } = budget();
	made.worked(15);
	const waitMs = made.waitMs();
	t.true(waitMs > 0 && waitMs <= 10, `${waitMs}`);
	t.is(new ConnectionBudget(shared).waitMs(), 0, 'others go on meanwhile');
	await clock.advance(waitMs);
	t.is(made.waitMs(), 0);
});

test('a big cluster that behaves is within the limits, and is read in seconds', async (t) => {
	const { budget: made, clock, offences } = budget();
	const begunAt = clock.now();
	/** An answer in pieces as they come from a socket. Parsing took 1 ms for each 64 KiB where it was measured. */
	const read = async (byteCount: number) => {
		for (let left = byteCount; left > 0; left -= 64 * 1024) {
			const piece = Math.min(left, 64 * 1024);
			made.received(piece);
			made.arrived(piece);
			made.worked(piece / (64 * 1024));
			await clock.advance(made.waitMs());
		}
	};
	const list = async (plural: string, objects: number, pageSize: number, objectBytes: number) => {
		const progress = made.newList(plural);
		for (let from = 0; from < objects; from += pageSize) {
			const count = Math.min(pageSize, objects - from);
			await read(count * objectBytes);
			progress.page(count, from + pageSize < objects ? `after ${from}` : undefined);
		}
	};
	await list('nodes', 5_000, 100, 8 * 1024);
	await list('namespaces', 10_000, 500, 1_024);
	made.keeps({}, 10_000, 10_000 * 600);
	for (let kind = 0; kind < 15; kind++) await list('services', 20, 500, 4 * 1024);
	t.true(clock.now() - begunAt < 25_000, `${clock.now() - begunAt} ms`);
	// Somebody touches 800 Namespaces at once, and controllers go on with 50 in a second.
	const events = async (count: number) => {
		for (let event = 0; event < count; event++) made.countEvent();
		await read(count * 1_200);
	};
	await events(800);
	for (let second = 0; second < 600; second++) {
		await events(50);
		await clock.advance(1_000);
	}
	await setImmediate();
	t.deepEqual(offences, []);
	t.is(made.waitMs(), 0, 'nor does it have to wait then');
});

test('connections that take little do not wait for those that take much', async (t) => {
	const { budget: hungry, shared, clock } = budget({ work: { burstMs: 1e6, share: 0.01 } });
	hungry.worked(6e5);
	await clock.advance(1_250_000);
	t.true(hungry.waitMs() > 0, 'all together have a part as well');
	const modest = new ConnectionBudget(shared);
	modest.worked(1);
	t.is(modest.waitMs(), 0);
});

test('who needs more memory than there is waits until others give some back', async (t) => {
	const clock = new FakeClock();
	const bytes = new SharedBytes({ limit: 120, most: 90, free: 10, patienceMs: 5_000, clock });
	const large = bytes.connection();
	const [first, second] = [large(), large()];
	t.is(first.resize(80), undefined);
	t.is(second.resize(20), undefined, 'of the answers of one connection, one always goes on');
	const beyondItsOwn = first.resize(85);
	t.truthy(beyondItsOwn, 'one connection has a limit of its own');
	const other = bytes.connection()();
	t.is(other.resize(10), undefined, 'a small part is always there');
	const more = other.resize(30);
	t.truthy(more);
	t.is(bytes.waiting, 2);
	second.close();
	await Promise.all([beyondItsOwn, more]);
	t.deepEqual([bytes.waiting, bytes.held], [0, 115]);
	first.close();
	other.close();
	t.is(bytes.held, 0);
	t.is(clock.pendingTimers, 0);
});

test('answers that need too much together come to their ends one after the other', async (t) => {
	const clock = new FakeClock();
	const bytes = new SharedBytes({ limit: 1_000, most: 100, free: 10, patienceMs: 5_000, clock });
	const connection = bytes.connection();
	let ended = 0;
	const read = async () => {
		const answer = connection();
		for (let held = 10; held <= 50; held += 10) await answer.resize(held);
		answer.close();
		ended++;
	};
	const all = Promise.all(Array.from({ length: 17 }, read));
	for (let turn = 0; turn < 200; turn++) await clock.advance(1);
	t.is(ended, 17);
	await all;
});

test('who waits too long for memory gives up, with a reason', async (t) => {
	const clock = new FakeClock();
	const bytes = new SharedBytes({ limit: 100, most: 200, free: 10, patienceMs: 5_000, clock });
	bytes.connection()().resize(100);
	const waiting = t.throwsAsync(async () => bytes.connection()().resize(50), { message: /for 5 s there was no room/ });
	await clock.advance(5_000);
	t.like(await waiting, { reason: 'AnswersWait' });
	t.is(bytes.waiting, 0);
});

test('bytes that come one by one take little more memory than they are', (t) => {
	const gathered = new GatheredBytes();
	const text = 'some bytes, '.repeat(20_000);
	for (const character of text) gathered.push(Buffer.from(character));
	t.is(gathered.length, text.length);
	t.true(gathered.held < text.length * 2);
	t.is(gathered.take().toString(), text);
	t.deepEqual([gathered.length, gathered.held], [0, 0]);
});

test('what is none of Kubernetes counts by its size as well: reading it was in vain', (t) => {
	const few = new ConnectionBudget(new SharedBudget(new FakeClock()));
	for (let count = 0; count < 19; count++) few.countMalformed(100);
	t.is(few.offence, undefined);
	t.throws(() => [few.countMalformed(100), few.countMalformed(100)], { message: /none of Kubernetes/ });
	const long = new ConnectionBudget(new SharedBudget(new FakeClock()));
	const longest = joinedLimits.document.bytes;
	for (let count = 0; count < 2; count++) long.countMalformed(longest);
	t.throws(() => long.countMalformed(longest), { message: /none of Kubernetes, or 5 MiB of them/ });
});
