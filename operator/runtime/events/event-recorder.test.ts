import test from 'ava';
import { FakeClock, settle } from '../clock-fake.ts';
import { ConflictError, RequestError, TransientError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import { defaultLimits, EventCorrelator, RecentMap } from './correlator.ts';
import { cutBytes, type EventInput, EventRecorder } from './event-recorder.ts';

const about: KubeObject = {
	apiVersion: 'meshwright.io/v1',
	kind: 'MeshInstallation',
	metadata: { name: 'default', uid: 'u-1' },
};
const event: EventInput = {
	about,
	type: 'Normal',
	reason: 'Installed',
	action: 'Apply',
	note: 'Pilot 1.4.10 is ready',
};

function start(options: { bufferSize?: number } = {}) {
	const clock = new FakeClock();
	const calls: { verb: string; name: string; body: Record<string, unknown> }[] = [];
	const outcomes: string[] = [];
	const faults: unknown[] = [];
	const take = (): void => {
		const fault = faults.shift();
		if (fault !== undefined) throw fault;
	};
	const recorder = new EventRecorder({
		clock,
		random: () => 0.5,
		reportingInstance: 'meshwright-0',
		onOutcome: (outcome) => void outcomes.push(outcome),
		...options,
		api: {
			async create<T>(object: KubeObject) {
				calls.push({ verb: 'create', name: object.metadata.name, body: { ...object } });
				take();
				return { object: object as T, created: true, resourceVersion: '1', warnings: [] };
			},
			async patch<T>(reference: { name: string }, body: unknown) {
				calls.push({ verb: 'patch', name: reference.name, body: body as Record<string, unknown> });
				take();
				return { object: {} as T, created: false, resourceVersion: '2', warnings: [] };
			},
		},
	});
	return { recorder, clock, calls, outcomes, faults };
}

test('an event is written after the turn in which it was recorded, whole and in namespace default', async (t) => {
	const { recorder, calls, outcomes } = start();
	recorder.record(event);
	t.deepEqual(calls, []);
	await settle();
	t.is(calls.length, 1);
	t.regex(calls[0]?.name ?? '', /^default\.[0-9a-f]+$/);
	t.like(calls[0]?.body, {
		apiVersion: 'events.k8s.io/v1',
		kind: 'Event',
		metadata: { namespace: 'default' },
		eventTime: '2026-01-01T00:00:00.000000Z',
		reportingController: 'meshwright.io/operator',
		reportingInstance: 'meshwright-0',
		type: 'Normal',
		reason: 'Installed',
		action: 'Apply',
		note: 'Pilot 1.4.10 is ready',
		regarding: { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', name: 'default', uid: 'u-1' },
	});
	t.deepEqual(outcomes, ['written']);
});

test('an event about a namespaced object lives in its namespace', async (t) => {
	const { recorder, calls } = start();
	const pilot = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'istio-system', name: 'istio-pilot' };
	recorder.record({ ...event, about: pilot });
	await settle();
	t.like(calls[0]?.body, { metadata: { namespace: 'istio-system' }, regarding: pilot });
});

test('repetitions within 10 minutes are one series, later ones a new event', async (t) => {
	const { recorder, clock, calls } = start();
	recorder.record(event);
	await clock.advance(60_000);
	recorder.record(event);
	await clock.advance(60_000);
	recorder.record(event);
	await clock.advance(600_001);
	recorder.record(event);
	await settle();
	t.deepEqual(
		calls.map(({ verb, body }) => [verb, body.series]),
		[
			['create', undefined],
			['patch', { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' }],
			['patch', { count: 3, lastObservedTime: '2026-01-01T00:02:00.000000Z' }],
			['create', undefined],
		],
	);
	t.is(calls[1]?.name, calls[0]?.name);
	t.not(calls[3]?.name, calls[0]?.name);
});

test('repetitions before the first is written are one write', async (t) => {
	const { recorder, calls } = start();
	for (let n = 0; n < 5; n++) recorder.record(event);
	await settle();
	t.is(calls.length, 1);
	t.like(calls[0]?.body, { series: { count: 5 } });
});

test('a series whose Event the server forgot goes on in a new one', async (t) => {
	const { recorder, clock, calls, faults, outcomes } = start();
	recorder.record(event);
	await clock.advance(1_000);
	faults.push(new RequestError('gone', { status: 404, reason: 'NotFound' }));
	recorder.record(event);
	await settle();
	t.deepEqual(
		calls.map(({ verb }) => verb),
		['create', 'patch', 'create'],
	);
	t.like(calls[2]?.body, { series: { count: 2 } });
	t.deepEqual(outcomes, ['written', 'written']);
});

test('an outage is waited out, a refusal is not repeated', async (t) => {
	const { recorder, clock, calls, faults, outcomes } = start();
	faults.push(
		new TransientError('503'),
		new TransientError('503'),
		new ConflictError('x', { reason: 'AlreadyExists' }),
	);
	recorder.record(event);
	await clock.advance(10_000);
	t.deepEqual([calls.length, outcomes], [3, ['written']]);
	faults.push(new RequestError('namespace is being terminated', { status: 403, reason: 'Forbidden' }));
	recorder.record({ ...event, note: 'other' });
	await clock.advance(100_000);
	t.deepEqual([calls.length, outcomes], [4, ['written', 'failed']]);
});

test('the buffer is bounded: the oldest events go first', async (t) => {
	const { recorder, calls, outcomes } = start({ bufferSize: 2 });
	for (const note of ['a', 'b', 'c', 'd']) recorder.record({ ...event, note });
	await settle();
	t.deepEqual(
		calls.map(({ body }) => body.note),
		['c', 'd'],
	);
	t.deepEqual(outcomes, ['dropped', 'dropped', 'written', 'written']);
});

test('stop writes what waits, at most until its deadline, and takes nothing more', async (t) => {
	const quick = start();
	quick.recorder.record(event);
	await quick.recorder.stop({ deadlineMs: 1_000 });
	quick.recorder.record({ ...event, note: 'too late' });
	await settle();
	t.is(quick.calls.length, 1);
	t.is(quick.clock.pendingTimers, 0);

	const down = start();
	down.faults.push(...Array.from({ length: 50 }, () => new TransientError('503')));
	down.recorder.record(event);
	down.recorder.record({ ...event, note: 'second' });
	const stopped = down.recorder.stop({ deadlineMs: 2_000 });
	await down.clock.advance(2_000);
	await stopped;
	t.deepEqual(down.outcomes, ['failed', 'dropped']);
	t.is(down.clock.pendingTimers, 0);
});

test('notes are cut to 1024 bytes between characters, and credentials taken out', async (t) => {
	const { recorder, calls } = start();
	recorder.record({ ...event, reason: 'R'.repeat(200), note: `token=S3cr3t ${'é'.repeat(2_000)}` });
	await settle();
	const { note, reason } = calls[0]?.body ?? {};
	t.true(Buffer.byteLength(String(note)) <= 1_024);
	t.true(String(note).startsWith('token=[redacted] é'));
	t.true(String(note).endsWith('é…'));
	t.true(Buffer.byteLength(String(reason)) <= 128);
	t.is(cutBytes('short', 128), 'short');
});

test('names that no DNS name may have make valid Event names', async (t) => {
	const { recorder, calls } = start();
	for (const name of ['istio-pilot:istio-system', 'ALL_CAPS', '::', `${'a'.repeat(199)}.b.${'c'.repeat(100)}`]) {
		recorder.record({ ...event, about: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name } });
	}
	await settle();
	t.is(calls.length, 4);
	for (const { name } of calls) {
		t.regex(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
		t.true(name.length <= 253);
	}
});

test('more than ten texts of one kind are combined', (t) => {
	const correlator = new EventCorrelator({ ...defaultLimits, burst: 100 });
	const results = Array.from({ length: 13 }, (_, n) =>
		correlator.correlate({ object: 'o', what: 'w', note: `pod ${n}` }, n),
	);
	t.deepEqual(
		results.map((result) => result.do),
		[...Array.from({ length: 11 }, () => 'create'), 'repeat', 'repeat'],
	);
	t.like(results[10], { note: '(combined from similar events): pod 10' });
	t.like(results[12], { count: 3 });
	t.like(correlator.correlate({ object: 'o', what: 'w', note: 'pod 3' }, 20), { do: 'repeat', count: 2 });
	t.like(correlator.correlate({ object: 'other', what: 'w', note: 'pod 99' }, 20), { do: 'create', note: 'pod 99' });
});

test('an object may make 25 events at once and one more each 5 minutes; what was dropped shows in the count', (t) => {
	const correlator = new EventCorrelator();
	const once = (nowMs: number) => correlator.correlate({ object: 'o', what: 'w', note: 'n' }, nowMs);
	const results = Array.from({ length: 30 }, () => once(0).do);
	t.is(results.filter((result) => result === 'drop').length, 5);
	t.is(correlator.correlate({ object: 'quiet', what: 'w', note: 'n' }, 0).do, 'create');
	t.is(once(299_000).do, 'drop');
	t.like(once(301_000), { do: 'repeat', count: 32 });
	t.is(once(302_000).do, 'drop');
});

test('only so many are remembered, the least recently used goes', (t) => {
	const map = new RecentMap<number>(2);
	map.set('a', 1);
	map.set('b', 2);
	map.set('a', 3);
	map.set('c', 4);
	t.deepEqual([map.get('a'), map.get('b'), map.get('c'), map.size], [3, undefined, 4, 2]);
});
