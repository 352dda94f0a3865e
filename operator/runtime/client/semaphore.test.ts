import test from 'ava';
import { Semaphore } from './semaphore.ts';

test('a free place costs no promise, and places are served in order of arrival', async (t) => {
	const semaphore = new Semaphore(2);
	t.is(semaphore.acquire(), undefined);
	t.is(semaphore.acquire(), undefined);
	const order: string[] = [];
	const first = semaphore.acquire()?.then(() => order.push('first'));
	const second = semaphore.acquire()?.then(() => order.push('second'));
	t.is(semaphore.waiting, 2);
	semaphore.release();
	semaphore.release();
	await Promise.all([first, second]);
	t.deepEqual(order, ['first', 'second']);
	t.is(semaphore.held, 2);
	semaphore.release();
	semaphore.release();
	t.is(semaphore.held, 0);
});

test('who gives up while waiting takes no place, wherever in the line it stood', async (t) => {
	const semaphore = new Semaphore(1);
	semaphore.acquire();
	const head = new AbortController();
	const tail = new AbortController();
	const first = semaphore.acquire(head.signal);
	const middle = semaphore.acquire();
	const last = semaphore.acquire(tail.signal);
	head.abort(new Error('head left'));
	tail.abort(new Error('tail left'));
	await t.throwsAsync(async () => first, { message: 'head left' });
	await t.throwsAsync(async () => last, { message: 'tail left' });
	t.is(semaphore.waiting, 1);
	semaphore.release();
	await middle;
	t.is(semaphore.held, 1);
	const next = semaphore.acquire();
	semaphore.release();
	await next;
	semaphore.release();
	t.is(semaphore.held, 0);
	t.is(semaphore.waiting, 0);
});

test('an aborted signal is refused at once', async (t) => {
	const semaphore = new Semaphore(1);
	semaphore.acquire();
	await t.throwsAsync(async () => semaphore.acquire(AbortSignal.abort(new Error('too late'))), { message: 'too late' });
	t.is(semaphore.waiting, 0);
});

test('the patient come after the others, and are not passed over for ever', async (t) => {
	const semaphore = new Semaphore(1);
	semaphore.acquire();
	const served: string[] = [];
	const patient = Array.from({ length: 2 }, (_, index) =>
		semaphore.acquire(undefined, true)?.then(() => served.push(`patient ${index}`)),
	);
	const urgent = Array.from({ length: 20 }, (_, index) =>
		semaphore.acquire()?.then(() => served.push(`urgent ${index}`)),
	);
	for (let index = 0; index < 22; index++) {
		semaphore.release();
		await Promise.resolve();
		await Promise.resolve();
	}
	await Promise.all([...patient, ...urgent]);
	t.deepEqual(
		served.filter((name) => name.startsWith('urgent')),
		Array.from({ length: 20 }, (_, index) => `urgent ${index}`),
	);
	t.is(served.indexOf('patient 0'), 7);
	t.is(served.indexOf('patient 1'), 15);
	semaphore.release();
	t.is(semaphore.held, 0);
	t.is(semaphore.waiting, 0);
});
