import test from 'ava';
import { looked } from './walk-memory.ts';

test('quiet is what was seen to be quiet: other numbers begin anew, and a time in which nobody looked is no failure', (t) => {
	let progress = looked(undefined, 'one of two', 1_000);
	t.is(progress.quietMs, 0);
	for (let nowMs = 16_000; nowMs <= 61_000; nowMs += 15_000) progress = looked(progress, 'one of two', nowMs);
	t.is(progress.quietMs, 60_000);
	// Paused for an hour, or without an API server.
	progress = looked(progress, 'one of two', 3_661_000);
	t.true(progress.quietMs <= 90_000);
	t.is(looked(progress, 'two of two', 3_662_000).quietMs, 0);
});
