import test from 'ava';
import { type PrunedRevision, type Pruning, prune } from './prune.ts';

const nowMs = 1_000_000;
const graceMs = 60_000;

function revision(given: Partial<PrunedRevision> = {}): PrunedRevision {
	return { name: 'old', isOwn: true, isActive: false, inUse: 'False', unusedSinceMs: 0, ...given };
}

const kept: Pruning = { over: [], againInMs: undefined };

const cases: readonly (readonly [title: string, revisions: readonly PrunedRevision[], expected: Pruning])[] = [
	['the active one stays', [revision({ isActive: true })], kept],
	['one in use stays', [revision({ inUse: 'True' })], kept],
	[
		'one in its grace period stays until that is over',
		[revision({ unusedSinceMs: nowMs - 10_000 })],
		{ over: [], againInMs: 50_000 },
	],
	['one of somebody else stays', [revision({ isOwn: false })], kept],
	['one that nobody uses goes', [revision()], { over: ['old'], againInMs: undefined }],
	[
		'the next look is for the one whose time is over first',
		[
			revision({ name: 'a', unusedSinceMs: nowMs - 10_000 }),
			revision({ name: 'b', unusedSinceMs: nowMs - 20_000 }),
			revision({ name: 'c' }),
		],
		{ over: ['c'], againInMs: 40_000 },
	],
	['one whose use is not known stays', [revision({ inUse: 'Unknown' })], kept],
	['one that nobody has looked at stays', [revision({ inUse: undefined })], kept],
	['the time begins when it is told', [revision({ unusedSinceMs: undefined })], { over: [], againInMs: graceMs }],
];

for (const [title, revisions, expected] of cases) {
	test(`of revisions, ${title}`, (t) => {
		t.deepEqual(prune(revisions, graceMs, nowMs), expected);
	});
}

test('without a grace period one goes as soon as nobody uses it', (t) => {
	t.deepEqual(prune([revision({ unusedSinceMs: undefined })], 0, nowMs).over, ['old']);
});
