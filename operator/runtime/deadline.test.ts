import test from 'ava';
import { withinDeadline } from './deadline.ts';

const never = new Promise<never>(() => undefined);
const late = () => new Error('late');

test('what comes in time is the result, also a failure', async (t) => {
	t.is(await withinDeadline(Promise.resolve(1), { ms: 60_000, late }), 1);
	await t.throwsAsync(withinDeadline(Promise.reject(new Error('failed')), { ms: 60_000, late }), { message: 'failed' });
});

test('what takes too long ends with the error of its own', async (t) => {
	await t.throwsAsync(withinDeadline(never, { ms: 1, late }), { message: 'late' });
});

test('a signal ends the wait with its reason', async (t) => {
	const controller = new AbortController();
	const waiting = withinDeadline(never, { ms: 60_000, late, signal: controller.signal });
	controller.abort(new Error('stopped'));
	await t.throwsAsync(waiting, { message: 'stopped' });
	const { signal } = controller;
	await t.throwsAsync(withinDeadline(never, { ms: 60_000, late, signal }), { message: 'stopped' }, 'before it began');
});
