import test from 'ava';
import type { Child, Workload } from '../../apply/child.ts';
import { type PodSeen, unreadyBecause } from './readiness.ts';

const nowMs = Date.parse('2026-12-05T02:00:00Z');
const image = 'docker.io/istio/pilot:1.4.10';

function workload(fields: Partial<Workload> = {}): Workload {
	return {
		generation: 3,
		observedGeneration: 3,
		desired: 2,
		total: 2,
		updated: 2,
		ready: 2,
		available: 2,
		stalled: undefined,
		podsRefused: undefined,
		isRolledOut: true,
		images: [image],
		secrets: [],
		configMaps: [],
		ownsReplicas: true,
		remoteSecrets: undefined,
		remoteSecretsSince: undefined,
		version: undefined,
		isReplicasSaid: true,
		...fields,
	};
}

function pod(fields: Partial<PodSeen> = {}): PodSeen {
	return { name: 'a', images: [image], template: 'new', isOver: false, endsAt: undefined, ...fields };
}

const two = [pod(), pod({ name: 'b' })];

function because(given: Workload | undefined, pods: readonly PodSeen[] | 'refused' | 'unknown' = two, applied = 3) {
	const known = typeof pods === 'string' ? { kind: pods } : { kind: 'seen' as const, of: () => pods };
	const child = given === undefined ? undefined : ({ workload: given } as Child);
	return unreadyBecause(child, { kind: 'Deployment', metadata: { name: 'istio-pilot' } }, applied, known, nowMs);
}

test('ready: the Deployment is, and all of its pods are of what was written', (t) => {
	t.is(because(workload()), undefined);
});

for (const [title, given, pods, text] of [
	['it is not there', undefined, two, 'is not there'],
	['its controller has not seen the write', workload({ observedGeneration: 2 }), two, 'not yet seen'],
	['not all pods are updated', workload({ updated: 1 }), two, '1 of 2 pods updated'],
	['not all pods are available', workload({ available: 1 }), two, '1 available'],
	['old pods are left', workload({ total: 3 }), two, '1 of the version before left'],
	['nobody has listed the pods', workload(), 'unknown', 'are being listed'],
	[
		'a pod runs another image',
		workload(),
		[pod(), pod({ name: 'b', images: ['docker.io/istio/pilot:1.3.8'] })],
		'pod b runs',
	],
	['pods of two templates', workload(), [pod(), pod({ name: 'b', template: 'old' })], 'an older ReplicaSet are left'],
	[
		'an old pod is about to end',
		workload(),
		[...two, pod({ name: 'c', template: 'old', endsAt: '2026-12-05T02:00:30Z' })],
		'pod c of an older ReplicaSet',
	],
	['a pod is not seen yet', workload(), [pod()], 'not all of its pods are seen yet'],
] as const) {
	test(`not ready: ${title}`, (t) => {
		t.true(because(given, pods)?.includes(text), because(given, pods));
	});
}

test('not ready: the generation of the own write is not observed, though the cache shows an older one', (t) => {
	t.true(because(workload({ generation: 2, observedGeneration: 2 }))?.includes('not yet seen'));
});

test('pods that nobody may see: the Deployment alone is asked', (t) => {
	t.is(because(workload(), 'refused'), undefined);
	t.not(because(workload({ total: 3 }), 'refused'), undefined);
});

test('a pod that is over, or whose time to end is over on a node that is gone, stops nothing', (t) => {
	const evicted = pod({ name: 'c', template: 'old', isOver: true });
	const lost = pod({ name: 'd', template: 'old', endsAt: '2026-12-05T01:59:59Z' });
	t.is(because(workload(), [...two, evicted, lost]), undefined);
});

test('a mirror before the name of an image, or a digest for its tag, is the same image; sidecars beside it do not matter', (t) => {
	const mirrored = pod({ images: ['sidecar:1', 'mirror.example.com/library/pilot:1.4.10'] });
	const fixed = pod({ name: 'b', images: [`docker.io/istio/pilot@sha256:${'a'.repeat(64)}`] });
	t.is(because(workload(), [mirrored, fixed]), undefined);
});
