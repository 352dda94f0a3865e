import test from 'ava';
import fc from 'fast-check';
import { isOutage } from '../apply/child.ts';
import { type ComponentState, observeComponent, type WorkloadObservation } from './components.ts';
import { observed, workload } from './testing.ts';

const table: readonly [
	title: string,
	live: WorkloadObservation['live'],
	state: ComponentState,
	reason: string | undefined,
][] = [
	['can not be read', 'unknown', 'unknown', 'ReadinessUnknown'],
	['not found', undefined, 'degraded', 'DeploymentNotFound'],
	['scaled to zero', workload({ desired: 0 }), 'degraded', 'ScaledToZero'],
	['partly ready', workload({ desired: 3, available: 2 }), 'degraded', 'PartlyReady'],
	['none available', workload({ desired: 3, available: 0 }), 'degraded', 'ComponentNotReady'],
	[
		'none available and the pods gone too',
		workload({ desired: 3, available: 0, updated: 0, total: 0 }),
		'degraded',
		'ComponentNotReady',
	],
	[
		'pods of the new template missing',
		workload({ desired: 3, updated: 1, available: 3 }),
		'progressing',
		'Progressing',
	],
	['pods of the old template left', workload({ desired: 3, total: 4 }), 'progressing', 'Progressing'],
	[
		'nothing there yet',
		workload({ isRolledOut: false, updated: 0, total: 0, available: 0 }),
		'progressing',
		'Progressing',
	],
	['a change not yet seen', workload({ generation: 2 }), 'progressing', 'Progressing'],
	['stalled', workload({ stalled: 'ProgressDeadlineExceeded' }), 'stalled', 'ProgressDeadlineExceeded'],
	[
		'a change not yet seen after a stall',
		workload({ generation: 2, stalled: 'ProgressDeadlineExceeded' }),
		'progressing',
		'Progressing',
	],
	[
		'not allowed its pods',
		workload({ isRolledOut: false, updated: 0, total: 0, available: 0, podsRefused: 'exceeded quota: small' }),
		'progressing',
		'PodsRefused',
	],
	['changed to another image on its way', workload({ images: ['istio/pilot:1.3.8'] }), 'degraded', 'ImageReplaced'],
	['ready', workload({ desired: 3 }), 'ready', undefined],
	[
		'ready, with pods more than asked for',
		workload({ desired: 1, total: 2, updated: 2, available: 2 }),
		'ready',
		undefined,
	],
];
for (const [title, live, state, reason] of table) {
	test(`a Deployment that is ${title}: ${state}${reason === undefined ? '' : `, ${reason}`}`, (t) => {
		const component = observeComponent(observed(live));
		t.is(component.state, state);
		t.is(component.status.reason, reason);
		t.is(component.status.message === undefined, reason === undefined);
		if (reason !== undefined) t.regex(component.status.message ?? '', /^Deployment istio-system\/istio-pilot/);
	});
}

test('counts are told where they are known and left out where not', (t) => {
	t.like(observeComponent(observed(workload({ desired: 3, available: 2 }))).status, { ready: 2, desired: 3 });
	for (const live of ['unknown', undefined] as const) {
		const { status } = observeComponent(observed(live));
		t.false('ready' in status || 'desired' in status);
	}
});

test('in a roll-out the count is of new pods, and never more than are wanted', (t) => {
	const rollout = workload({ desired: 9, total: 12, updated: 3, available: 12 });
	t.like(observeComponent(observed(rollout)).status, { ready: 3, desired: 9 });
	const surplus = workload({ desired: 1, total: 2, updated: 2, available: 2 });
	t.like(observeComponent(observed(surplus)).status, { ready: 1, desired: 1 });
});

test('an image that a policy takes from a mirror is what was asked for, and the status says which one runs', (t) => {
	const mirror = 'mirror.example/istio/pilot:1.4.10';
	const { state, isUpToDate, status } = observeComponent(observed(workload({ images: [mirror] })));
	t.deepEqual([state, isUpToDate, status.version, status.image], ['ready', true, '1.4.10', mirror]);
	t.regex(status.message ?? '', /mirror\.example.* in the place of istio\/pilot:1\.4\.10/);
});

test('why the cluster makes no pods is told in its own words, whatever else is to be said', (t) => {
	for (const differences of [
		{ available: 2 },
		{ available: 0 },
		{ updated: 1 },
		{ stalled: 'ProgressDeadlineExceeded' },
	]) {
		const live = workload({ desired: 3, podsRefused: 'exceeded quota: small', ...differences });
		t.regex(observeComponent(observed(live)).status.message ?? '', /exceeded quota: small/);
	}
});

test('why a pod does not run gives the reason, whether it is waited for or missed', (t) => {
	const podTrouble = { reason: 'ImageNotPulled', message: 'pod x: not found' };
	for (const [state, live] of [
		['progressing', workload({ desired: 2, updated: 1, total: 3 })],
		['degraded', workload({ desired: 2, available: 0 })],
		['degraded', workload({ desired: 2, available: 1 })],
	] as const) {
		const component = observeComponent(observed(live, { podTrouble }));
		t.like(component, { state, status: { reason: 'ImageNotPulled' } });
		t.regex(component.status.message ?? '', /; pod x: not found$/);
		t.regex(observeComponent(observed(live, { arePodsUnseen: true })).status.message ?? '', /may not list and watch/);
	}
	t.is(observeComponent(observed(workload(), { podTrouble })).status.reason, undefined, 'nothing of a mesh that runs');
});

test('a generation that only others made does not hide what the status says of ours', (t) => {
	const annotated = workload({ generation: 3, observedGeneration: 2 });
	t.is(observeComponent(observed(annotated, { appliedGeneration: 2 })).state, 'ready');
	t.is(observeComponent(observed(annotated, { appliedGeneration: 3 })).state, 'progressing');
	t.is(observeComponent(observed(annotated)).state, 'progressing');
});

test('no pod while those of a new template are not made yet is a roll-out; without one that was wanted it is an outage', (t) => {
	const previous = { version: '1.3.8', image: 'istio/pilot:1.3.8' };
	const gone = workload({ total: 0, updated: 0, ready: 0, available: 0 });
	const state = (hasBeenReady?: boolean) =>
		observeComponent(observed(gone, { isOutage: isOutage(gone, hasBeenReady), previous }));
	t.like(state(false), { state: 'progressing', isOutage: false, status: { version: '1.3.8' } });
	t.like(state(true), { state: 'degraded', isOutage: true });
	t.like(state(), { state: 'degraded', isOutage: true });
});

test('what runs is the version before, until the new one has rolled out', (t) => {
	const previous = { version: '1.3.8', image: 'istio/pilot:1.3.8' };
	const version = (live: WorkloadObservation['live']) => {
		const { status, isUpToDate } = observeComponent(observed(live, { previous }));
		t.is(status.version === '1.4.10', isUpToDate);
		return status.version;
	};
	t.is(version(workload({ isRolledOut: false, updated: 0 })), '1.3.8');
	t.is(version(workload({ isRolledOut: false, available: 0 })), '1.3.8');
	t.is(version(workload({ generation: 2 })), '1.3.8');
	t.is(version(workload({ images: ['istio/pilot:1.3.8'] })), '1.3.8');
	t.is(version('unknown'), '1.3.8');
	t.is(version(undefined), '1.3.8');
	t.is(version(workload()), '1.4.10');
	t.is(
		version(workload({ desired: 2, available: 1 })),
		'1.4.10',
		'it has rolled out once, and one of its pods fails now',
	);
	t.is(observeComponent(observed(undefined)).status.version, undefined);
});

test('a component is never ready before its current generation is observed, with all pods updated and available', (t) => {
	const count = fc.nat(3);
	const state = fc.record({
		generation: count,
		observedGeneration: count,
		desired: count,
		total: count,
		updated: count,
		ready: count,
		available: count,
		stalled: fc.constantFrom(undefined, 'ProgressDeadlineExceeded'),
		podsRefused: fc.constantFrom(undefined, 'exceeded quota'),
		isRolledOut: fc.boolean(),
		images: fc.constant(['istio/pilot:1.4.10']),
	});
	fc.assert(
		fc.property(state, (live) => {
			const { state: verdict, isUpToDate, isOutage } = observeComponent(observed(live));
			if (verdict === 'ready') {
				t.true(live.observedGeneration >= live.generation && live.stalled === undefined);
				t.true(live.desired > 0 && live.available >= live.desired && live.updated >= live.desired);
				t.true(live.total <= live.updated);
				t.true(isUpToDate);
			}
			if (isOutage) t.is(verdict, 'degraded');
		}),
	);
	t.pass();
});

test('of a DaemonSet it is told on which nodes its pods are missing, and none need be where there is no node for them', (t) => {
	const agent = (live: WorkloadObservation['live'], awayFrom: readonly string[] = []) =>
		observeComponent(observed(live, { object: 'DaemonSet mesh/istio-cni-node', awayFrom }));
	const nodes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
	const one = agent(workload({ desired: 5, total: 5, updated: 5, available: 4 }), ['b']);
	t.is(one.state, 'degraded');
	t.regex(one.status.message ?? '', /4 of 5 pods available, none on node b$/);
	const many = agent(workload({ desired: 9, total: 9, updated: 9, available: 2 }), nodes);
	t.regex(many.status.message ?? '', /none on nodes a, b, c, d, e and 2 more$/);
	t.is(agent(undefined).status.reason, 'DaemonSetNotFound');
	t.is(agent(workload({ desired: 0, total: 0, updated: 0, available: 0 })).state, 'ready');
});
