import test from 'ava';
import type { Memory } from './replica.ts';
import { growthOf, judgeMemory } from './verdict.ts';

/** Samples every 5 s. */
function samples(heaps: readonly number[], mb = 120): readonly Memory[] {
	return heaps.map((heapMB, index) => ({ ageMs: 5_000 * index, mb, heapMB }));
}

test('garbage that comes and goes is no growth, a heap that only grows is', (t) => {
	const saw = Array.from({ length: 90 }, (_, index) => 30 + ((index * 7) % 50));
	t.deepEqual(judgeMemory({ name: 'a', memory: samples(saw) }), []);
	const leak = saw.map((heap, index) => heap + index / 2);
	t.regex(judgeMemory({ name: 'a', memory: samples(leak) }).join(), /heap of operator a grew from 43 MB to 68 MB/);
});

test('what was before a process was warm does not count, and too few samples say nothing', (t) => {
	t.deepEqual(growthOf(samples([1, 1, 1, 1, 50, 50])), [undefined, undefined]);
	t.deepEqual(growthOf(samples([...Array(13).fill(5), ...Array(12).fill(40)])), [40, 40]);
});

test('more memory than the Deployment allows is told, even when it is given back', (t) => {
	t.regex(judgeMemory({ name: 'b', memory: samples([30], 240) }).join(), /operator b had 240 MB/i);
});
