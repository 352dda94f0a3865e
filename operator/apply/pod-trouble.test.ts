import test from 'ava';
import fc from 'fast-check';
import type { KubeObject } from '../runtime/object.ts';
import { type PodFacts, podFacts, troubleOfWorkload } from './pod-trouble.ts';

function pod(status: unknown, metadata: Partial<KubeObject['metadata']> = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name: 'istio-pilot-abc-1',
			namespace: 'istio-system',
			creationTimestamp: '2026-01-01T00:00:00Z',
			labels: { 'pod-template-hash': 'abc' },
			ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'istio-pilot-abc', uid: 'u' }],
			...metadata,
		},
		status,
	};
}

const container = (state: unknown, more: object = {}) =>
	pod({ phase: 'Pending', containerStatuses: [{ name: 'discovery', ready: false, state, ...more }] });
const waiting = (reason: string, message?: string) => container({ waiting: { reason, message } });
const about = 'pod istio-pilot-abc-1';

const table: readonly [title: string, pod: KubeObject, reason: string | undefined, message: string | undefined][] = [
	[
		'that no node takes',
		pod({
			phase: 'Pending',
			conditions: [
				{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' },
			],
		}),
		'PodsUnschedulable',
		`${about} is not scheduled: 0/3 nodes are available`,
	],
	[
		'whose image is not there',
		waiting('ErrImagePull', 'rpc error: code = NotFound'),
		'ImageNotPulled',
		`${about}, container discovery: its image is not pulled: rpc error: code = NotFound`,
	],
	[
		'whose image is waited for, by a kubelet that says why',
		waiting('ImagePullBackOff', 'Back-off pulling image "a/b:1": ErrImagePull: rpc error: code = NotFound'),
		'ImageNotPulled',
		`${about}, container discovery: its image is not pulled: rpc error: code = NotFound`,
	],
	[
		'with a name that is no image',
		waiting('InvalidImageName'),
		'ImageNotPulled',
		`${about}, container discovery: its image is not pulled: InvalidImageName`,
	],
	[
		'whose Secret is missing',
		waiting('CreateContainerConfigError', 'secret "cacerts" not found'),
		'ContainerNotStarted',
		`${about}, container discovery is not started (CreateContainerConfigError): secret "cacerts" not found`,
	],
	[
		'whose container ends again and again',
		container(
			{ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s restarting failed container' } },
			{ restartCount: 7, lastState: { terminated: { exitCode: 255, reason: 'Error', message: 'no CA' } } },
		),
		'ContainerCrashes',
		`${about}, container discovery ended with exit code 255 and is started again: no CA`,
	],
	[
		'whose container takes too much memory',
		container({ terminated: { exitCode: 137, reason: 'OOMKilled' } }),
		'ContainerCrashes',
		`${about}, container discovery ended with exit code 137 (OOMKilled) and is started again`,
	],
	[
		'whose init container fails',
		pod({ initContainerStatuses: [{ name: 'init', ready: false, state: { terminated: { exitCode: 1 } } }] }),
		'ContainerCrashes',
		`${about}, container init ended with exit code 1 and is started again`,
	],
	[
		'that was evicted',
		pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }),
		'ContainerCrashes',
		`${about} failed (Evicted): The node was low on resource: memory.`,
	],
	['that is on its way', waiting('ContainerCreating'), undefined, undefined],
	['that has just started', container({ running: {} }), undefined, undefined],
	[
		'that runs again since it ended once',
		pod({ containerStatuses: [{ ready: true, state: { running: {} }, lastState: { terminated: { exitCode: 1 } } }] }),
		undefined,
		undefined,
	],
	[
		'that goes',
		pod({ phase: 'Failed', reason: 'Evicted' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
		undefined,
		undefined,
	],
	['without a status', pod(undefined), undefined, undefined],
];
for (const [title, seen, reason, message] of table) {
	test(`a pod ${title}: ${reason ?? 'nothing is wrong'}`, (t) => {
		const { trouble, workload } = podFacts(seen, undefined);
		t.is(workload, 'istio-pilot');
		t.deepEqual(trouble, reason === undefined ? undefined : { reason, message });
	});
}

test('while nothing changes but turns and counts, the trouble is the same', (t) => {
	const end = { terminated: { exitCode: 1, reason: 'Error' } };
	const crashes = [
		container(end, { restartCount: 1 }),
		container(
			{ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
			{ lastState: end, restartCount: 1 },
		),
		container({ running: {} }, { lastState: end, restartCount: 2 }),
		container(
			{ waiting: { reason: 'CrashLoopBackOff', message: 'back-off 20s' } },
			{ lastState: end, restartCount: 2 },
		),
	];
	const pulls = [
		waiting('ErrImagePull', 'not found'),
		waiting('ImagePullBackOff', 'Back-off pulling image "a/b:1"'),
		waiting('ErrImagePull', 'not found'),
		waiting('ImagePullBackOff', 'Back-off pulling image "a/b:1": ErrImagePull: not found'),
	];
	for (const turns of [crashes, pulls]) {
		let before: PodFacts | undefined;
		const seen = new Set<string | undefined>();
		for (const turn of turns) {
			before = podFacts(turn, before);
			seen.add(before.trouble?.message);
		}
		t.is(seen.size, 1, [...seen].join(' | '));
	}
});

test('of a Deployment the newest pod with a trouble counts, in whatever order they come', (t) => {
	const facts = (name: string, createdAt: string, message?: string): PodFacts => ({
		name,
		workload: 'a',
		createdAt,
		images: [],
		template: undefined,
		isOver: false,
		address: undefined,
		endsAt: undefined,
		trouble: message === undefined ? undefined : { reason: 'ContainerCrashes', message },
	});
	const pods = [
		facts('1', '2026-01-01', 'old'),
		facts('2', '2026-01-02', 'new'),
		facts('3', '2026-01-02', 'new too'),
		facts('4', '2026-01-03'),
	];
	t.is(troubleOfWorkload('a', pods)?.message, 'new');
	t.is(troubleOfWorkload('a', pods.toReversed())?.message, 'new');
	t.is(troubleOfWorkload('b', pods), undefined);
});

test('a pod of whatever form is read, and its words are bounded', (t) => {
	const words = fc.oneof(fc.string({ maxLength: 2_000, unit: 'binary' }), fc.jsonValue());
	const state = fc.record(
		{ waiting: fc.record({ reason: words, message: words }, { requiredKeys: [] }), terminated: fc.jsonValue() },
		{ requiredKeys: [] },
	);
	const status = fc.oneof(
		fc.jsonValue(),
		fc.record({
			phase: fc.constantFrom('Failed', 'Pending'),
			reason: words,
			message: words,
			conditions: fc.oneof(
				fc.jsonValue(),
				fc.array(fc.record({ type: fc.constant('PodScheduled'), status: words, message: words })),
			),
			containerStatuses: fc.array(fc.record({ name: words, ready: fc.boolean(), state, lastState: state })),
		}),
	);
	fc.assert(
		fc.property(status, (any) => {
			const { trouble } = podFacts(pod(any), undefined);
			t.true((trouble?.message ?? '').length < 2_000);
			t.true((trouble?.message ?? '').isWellFormed());
		}),
		{ numRuns: 300 },
	);
});

test('a pod of a DaemonSet says on which node it is, and whether it is ready there', (t) => {
	const of = (status: string, nodeName?: string) => {
		const agent = pod(
			{ conditions: [{ type: 'Ready', status }] },
			{
				labels: { 'controller-revision-hash': 'abc' },
				ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'istio-cni-node', uid: 'u' }],
			},
		);
		return podFacts({ ...agent, spec: { nodeName } }, undefined);
	};
	t.like(of('True', 'one'), { workload: 'istio-cni-node', template: 'abc', onNode: { node: 'one', isReady: true } });
	t.like(of('False', 'one'), { onNode: { node: 'one', isReady: false } });
	t.is(of('False').onNode, undefined);
	t.is(podFacts({ ...pod({}), spec: { nodeName: 'one' } }, undefined).onNode, undefined);
});
