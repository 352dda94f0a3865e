import test from 'ava';
import { type ListInput, listRevisions, type RevisionStatus } from './list.ts';

const nowMs = Date.parse('2026-01-01T12:00:00Z');
const graceMs = 30 * 60_000;
const old: RevisionStatus = { name: 'default', version: '1.30.8', state: 'Active', spec: '{}' };
const active = { name: '1-31-4', version: '1.31.4', state: 'Active', spec: '{"a":1}' } as const;
const unused = { namespaces: 0, proxies: 0 };

function input(given: Partial<ListInput> = {}): ListInput {
	return {
		previous: [old],
		led: [active],
		stands: () => true,
		tagged: new Set(),
		usage: new Map([
			['default', unused],
			['1-31-4', { namespaces: 2, proxies: 123 }],
		]),
		unknown: undefined,
		graceMs,
		nowMs,
		...given,
	};
}

function theOld(given: Partial<ListInput>): RevisionStatus | undefined {
	return listRevisions(input(given)).revisions?.find(({ name }) => name === 'default');
}

test('one revision without a name is not told of', (t) => {
	t.is(listRevisions(input({ led: [{ ...active, name: 'default' }], previous: [] })).revisions, undefined);
});

test('the one before stands beside, and its time begins when nobody uses it', (t) => {
	const { revisions, againInMs } = listRevisions(input());
	t.deepEqual(revisions?.[0], { ...active, inUse: 'True', namespaces: 2, proxies: 120 });
	t.deepEqual(revisions?.[1], {
		...old,
		state: 'Standing',
		inUse: 'False',
		...unused,
		unusedSince: '2026-01-01T12:00:00Z',
		removedAfter: '2026-01-01T12:30:00Z',
	});
	t.is(againInMs, graceMs);
});

test('its time goes on, is over, and begins anew with the next user', (t) => {
	const since = { ...old, state: 'Standing', unusedSince: '2026-01-01T11:40:00Z' } as const;
	t.is(listRevisions(input({ previous: [since] })).againInMs, 10 * 60_000);
	t.is(theOld({ previous: [{ ...since, unusedSince: '2026-01-01T11:30:00Z' }] })?.state, 'Going');
	const used = theOld({ previous: [since], usage: new Map([['default', { namespaces: 0, proxies: 1 }]]) });
	t.like(used, { state: 'Standing', inUse: 'True', unusedSince: undefined, removedAfter: undefined });
	t.is(
		theOld({ previous: [{ ...since, state: 'Going' }], usage: new Map([['default', { namespaces: 1, proxies: 0 }]]) })
			?.state,
		'Standing',
	);
});

test('its time is over, and it stays while its successor gives no good answer; one that goes already goes on', (t) => {
	const late = { ...old, state: 'Standing', unusedSince: '2026-01-01T11:00:00Z' } as const;
	const mayNotGo = () => 'nobody answers';
	t.like(theOld({ previous: [late], mayNotGo }), { state: 'Standing', message: 'nobody answers' });
	t.is(theOld({ previous: [late], mayNotGo: () => undefined })?.state, 'Going');
	t.is(theOld({ previous: [{ ...late, state: 'Going' }], mayNotGo })?.state, 'Going');
	// Nobody is asked before it matters.
	const unasked = () => {
		throw new Error('asked');
	};
	t.is(theOld({ previous: [{ ...late, unusedSince: '2026-01-01T11:59:00Z' }], mayNotGo: unasked })?.state, 'Standing');
});

test('what is not known keeps it, a tag keeps it, and before anybody has looked all stays as it was told', (t) => {
	const late = { ...old, state: 'Standing', unusedSince: '2026-01-01T01:00:00Z', inUse: 'False' } as const;
	t.like(theOld({ previous: [late], unknown: 'nobody may list pods' }), {
		state: 'Standing',
		inUse: 'Unknown',
		message: 'nobody may list pods',
		unusedSince: undefined,
	});
	t.like(theOld({ previous: [late], tagged: new Set(['default']) }), { state: 'Standing', inUse: 'True' });
	t.like(theOld({ previous: [late], usage: undefined }), { state: 'Standing', unusedSince: late.unusedSince });
});

test('one of which nothing stands any more is forgotten', (t) => {
	const going = { ...old, state: 'Going' } as const;
	t.deepEqual(
		listRevisions(input({ previous: [going], stands: () => false })).revisions?.map(({ name }) => name),
		['1-31-4'],
	);
});
