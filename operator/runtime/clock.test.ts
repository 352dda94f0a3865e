import test from 'ava';
import { sleep, systemClock } from './clock.ts';
import { FakeClock } from './clock-fake.ts';

test('a timer of the system clock fires no earlier than asked for', async (t) => {
	for (const delayMs of [0, 0.4, 1.5, 7.9]) {
		const before = systemClock.now();
		await sleep(delayMs);
		t.true(systemClock.now() - before >= delayMs);
	}
});

test('a delay longer than setTimeout can hold does not fire at once', async (t) => {
	let hasFired = false;
	const timer = systemClock.setTimer(() => {
		hasFired = true;
	}, 2 ** 40);
	await sleep(5);
	timer.cancel();
	t.false(hasFired);
});

test('sleep ends with the reason of the signal and leaves no timer', async (t) => {
	const clock = new FakeClock();
	const abort = new AbortController();
	const sleeping = sleep(1_000, { clock, signal: abort.signal });
	abort.abort(new Error('enough'));
	await t.throwsAsync(sleeping, { message: 'enough' });
	await t.throwsAsync(sleep(1_000, { clock, signal: abort.signal }), { message: 'enough' });
	t.is(clock.pendingTimers, 0);
});

test('the fake clock fires timers in order of their due time, also those set on the way', async (t) => {
	const clock = new FakeClock();
	const seen: string[] = [];
	clock.setTimer(() => seen.push(`late ${clock.now()}`), 20);
	clock.setTimer(() => {
		seen.push(`early ${clock.now()}`);
		clock.setTimer(() => seen.push(`between ${clock.now()}`), 5);
	}, 10);
	await clock.advance(30);
	t.deepEqual(seen, ['early 10', 'between 15', 'late 20']);
});
