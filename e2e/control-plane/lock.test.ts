import { randomUUID } from 'node:crypto';
import test from 'ava';
import { withLock } from './lock.ts';

test('one at a time holds a lock, and everybody gets it', async (t) => {
	const name = randomUUID();
	let inside = 0;
	let most = 0;
	let waits = 0;
	const work = async () => {
		most = Math.max(most, ++inside);
		await new Promise((resolve) => setImmediate(resolve));
		inside--;
		return 'done';
	};
	const results = await Promise.all(Array.from({ length: 6 }, () => withLock(name, () => waits++, work)));
	t.deepEqual(
		results,
		Array.from({ length: 6 }, () => 'done'),
	);
	t.is(most, 1);
	t.true(waits >= 5);
});

test('a failure releases the lock', async (t) => {
	const name = randomUUID();
	await t.throwsAsync(
		withLock(name, t.fail, () => Promise.reject(new Error('broken'))),
		{ message: 'broken' },
	);
	t.is(await withLock(name, t.fail, async () => 1), 1);
});

test('different names do not wait for each other', async (t) => {
	t.is(await withLock(randomUUID(), t.fail, () => withLock(randomUUID(), t.fail, async () => 2)), 2);
});
