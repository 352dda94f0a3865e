import test from 'ava';
import { ApiServer } from '../client/api-server.ts';
import { FakeClock } from '../clock-fake.ts';
import { TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { Reflector } from './reflector.ts';
import type { WatchCallbacks } from './watch-stream.ts';

/** A reflector whose watches the test opens and ends itself. */
async function scene() {
	const clock = new FakeClock();
	const watches: WatchCallbacks[] = [];
	const reflector = new Reflector<string>(new ApiServer({ url: 'http://127.0.0.1:1' }), {
		kind: kinds.ConfigMap,
		transform: ({ metadata }) => metadata.name,
		clock,
		backoff: { initialMs: 1_000, maxMs: 1_000, factor: 1, jitter: 0 },
		source: {
			list: async () => ({ items: [], resourceVersion: '1', continue: undefined }),
			watch: (_position, _timeoutSeconds, callbacks) => {
				watches.push(callbacks);
				return { close: () => undefined };
			},
		},
	});
	reflector.start();
	await reflector.synced;
	await clock.advance(0);
	const latest = () => {
		const callbacks = watches.at(-1);
		if (callbacks === undefined) throw new Error('there is no watch');
		return callbacks;
	};
	const refuse = () => latest().ended({ how: 'refused', error: new TransientError('forbidden', { status: 503 }) });
	return { clock, reflector, latest, refuse };
}

test('with a watch that has been open for a moment nothing is behind', async (t) => {
	const { clock, reflector, latest } = await scene();
	latest().opened();
	await clock.advance(1_000);
	t.is(reflector.staleForMs, 0);
	await clock.advance(60_000);
	t.is(reflector.staleForMs, 0);
	latest().ended({ how: 'done' });
	t.is(reflector.staleForMs, 0, 'it has only now ended');
	await clock.advance(700);
	t.is(reflector.staleForMs, 700);
	latest().opened();
	await clock.advance(1_000);
	t.is(reflector.staleForMs, 0);
});

test('a watch that goes on after an outage has a moment to bring what happened meanwhile', async (t) => {
	const { clock, reflector, latest, refuse } = await scene();
	latest().opened();
	await clock.advance(60_000);
	refuse();
	await clock.advance(999);
	for (let second = 0; second < 20; second++) {
		refuse();
		await clock.advance(1_000);
	}
	t.true(reflector.staleForMs > 20_000);
	latest().opened();
	t.true(reflector.staleForMs > 20_000, 'what it has not brought yet is not known');
	await clock.advance(500);
	refuse();
	t.true(reflector.staleForMs > 20_000, 'it was too short');
	await clock.advance(1_000);
	latest().opened();
	await clock.advance(1_000);
	t.is(reflector.staleForMs, 0);
	reflector.stop();
	await clock.advance(5_000);
	t.is(reflector.staleForMs, 5_000);
});
