import test from 'ava';
import type { CountedMesh, ProxyFacts } from './count.ts';
import { atOnce, judge, laggingIn, nameOfWorkload, progressOf, type WorkloadSeen, workloadOfName } from './restarts.ts';

const mesh: CountedMesh = {
	namespace: 'istio-system',
	version: '1.4.10',
	pilot: '1.4.10',
	images: [],
	isAlone: false,
};

function proxy(owner: string | undefined, tag: string, more: Partial<ProxyFacts> = {}): ProxyFacts {
	const [kind = '', name = ''] = owner?.split(' ') ?? [];
	return {
		namespace: 'shop',
		image: `docker.io/istio/proxyv2:${tag}`,
		controlPlane: 'istio-system',
		owner: owner === undefined ? undefined : { kind, name },
		...more,
	};
}

test('workloads with a pod of another version lag; what nothing restarts is counted', (t) => {
	const { workloads, total, others } = laggingIn(
		[
			proxy('Deployment web', '1.4.10'),
			proxy('Deployment web', '1.3.8'),
			proxy('Deployment new', '1.4.10'),
			proxy('StatefulSet db', '1.3.8', { namespace: 'data' }),
			proxy('DaemonSet log', '1.4.11'),
			proxy('Deployment strange', 'mine'),
			proxy('Deployment theirs', '1.3.8', { controlPlane: 'other' }),
			proxy('Job once', '1.3.8'),
			proxy(undefined, '1.3.8'),
		],
		mesh,
	);
	t.deepEqual([...workloads.keys()], ['DaemonSet shop/log', 'Deployment shop/web', 'StatefulSet data/db']);
	t.is(total, 5);
	t.is(others, 2);
});

test('names of workloads are read as they are told', (t) => {
	const reference = { kind: 'StatefulSet', namespace: 'data', name: 'db' } as const;
	t.deepEqual(workloadOfName(nameOfWorkload(reference)), reference);
	for (const text of ['', 'Job shop/x', 'Deployment shop', 'Deployment /x', 'Deployment shop/'])
		t.is(workloadOfName(text), undefined, text);
});

for (const [given, total, expected] of [
	[undefined, 100, 1],
	[3, 100, 3],
	[0, 100, 1],
	['10%', 45, 4],
	['10%', 5, 1],
	['0%', 5, 1],
] as const) {
	test(`maxUnavailable ${given} of ${total} workloads is ${expected} at once`, (t) =>
		t.is(atOnce(given, total), expected));
}

const settled: WorkloadSeen = {
	isSettled: true,
	stalled: undefined,
	isPaused: false,
	isByHand: false,
	hasOwnProxy: false,
	restartedFor: undefined,
	restartedAtMs: undefined,
	takesAway: 1,
	podLabels: {},
};

for (const [title, seen, allowed, expected] of [
	['that is well', {}, [], 'restart'],
	['that was restarted for another version', { restartedFor: '1.3.8' }, [], 'restart'],
	['whose budget has room', {}, [1], 'restart'],
	['that loses no pod', { takesAway: 0 }, [0], 'restart'],
	['whose budget has no room', {}, [2, 0], 'PodDisruptionBudget b1 allows 0'],
	['that would lose more than its budget allows', { takesAway: 3 }, [2], 'would lose 3 pods at once'],
	['that is paused', { isPaused: true }, [], 'is paused'],
	['with OnDelete', { isByHand: true }, [], 'only by hand'],
	['that was injected by hand', { hasOwnProxy: true }, [], 'inject it anew'],
	['that is being rolled out', { isSettled: false }, [], 'is being rolled out'],
	['that is being restarted', { isSettled: false, restartedFor: '1.4.10' }, [], 'wait'],
	['that was restarted in vain', { restartedFor: '1.4.10' }, [], 'is it injected by this mesh?'],
] as const) {
	test(`a workload ${title}: ${expected}`, (t) => {
		const budgets = allowed.map((disruptionsAllowed, index) => ({ name: `b${index}`, disruptionsAllowed }));
		const judgement = judge({ ...settled, ...seen }, budgets, '1.4.10');
		t.true(judgement.do === expected || (judgement.do === 'skip' && judgement.why.includes(expected)), judgement.do);
	});
}

test('what was restarted is done when it is settled, and failed when it stalls or its time is over', (t) => {
	const going = { ...settled, isSettled: false, restartedFor: '1.4.10', restartedAtMs: 1_000_000 };
	const at = (ms: number) => ({ nowMs: 1_000_000 + ms, deadlineMs: 60_000 });
	t.deepEqual(progressOf({ ...going, isSettled: true }, '1.4.10', at(0)), { is: 'done' });
	t.deepEqual(progressOf(going, '1.4.10', at(59_000)), { is: 'going' });
	t.deepEqual(progressOf(going, '1.4.10', at(61_000)), { is: 'failed', why: 'not within 1m' });
	t.deepEqual(progressOf({ ...going, stalled: 'ProgressDeadlineExceeded' }, '1.4.10', at(0)), {
		is: 'failed',
		why: 'ProgressDeadlineExceeded',
	});
	t.deepEqual(progressOf({ ...going, restartedFor: '1.3.8' }, '1.4.10', at(0)), { is: 'done' });
});
