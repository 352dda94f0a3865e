import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { revisionTransitions } from './revision-events.ts';

type Revisions = NonNullable<ParsedStatus['revisions']>;

function reasons(before: Revisions | undefined, after: Revisions | undefined): readonly string[] {
	const status = (revisions: Revisions | undefined): ParsedStatus => ({
		observedGeneration: 1,
		...(revisions === undefined ? {} : { revisions }),
	});
	return revisionTransitions(status(before), status(after)).map(({ reason }) => reason);
}

const [first, second] = [
	{ name: 'default', version: '1.30.8' },
	{ name: '1-31-4', version: '1.31.4' },
] as const;

test('each step of a revision is told once: it comes, is the one in use, stands beside, goes and is gone', (t) => {
	const coming: Revisions = [
		{ ...first, state: 'Active' },
		{ ...second, state: 'Coming' },
	];
	const taken: Revisions = [
		{ ...second, state: 'Active' },
		{ ...first, state: 'Standing', proxies: 2 },
	];
	const going: Revisions = [
		{ ...second, state: 'Active' },
		{ ...first, state: 'Going' },
	];
	t.deepEqual(reasons(undefined, coming), ['RevisionComing']);
	t.deepEqual(reasons(coming, coming), []);
	t.deepEqual(reasons(coming, taken), ['RevisionActive', 'RevisionStanding']);
	t.deepEqual(reasons(taken, going), ['RevisionGoing']);
	t.deepEqual(reasons(going, [{ ...second, state: 'Active' }]), ['RevisionRemoved']);
});
