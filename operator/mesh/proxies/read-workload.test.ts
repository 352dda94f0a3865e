import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import { budgetsFor, readWorkload } from './read-workload.ts';

function workload(kind: string, spec: object, status: object, annotations: object = {}): KubeObject {
	return {
		apiVersion: 'apps/v1',
		kind,
		metadata: { name: 'web', namespace: 'shop', generation: 2, annotations: annotations as Record<string, string> },
		spec,
		status: { observedGeneration: 2, ...status },
	};
}

for (const [title, object, expected] of [
	[
		'a Deployment that is well',
		workload('Deployment', { replicas: 2 }, { replicas: 2, updatedReplicas: 2, availableReplicas: 2 }),
		true,
	],
	[
		'a Deployment with an old pod',
		workload('Deployment', { replicas: 2 }, { replicas: 3, updatedReplicas: 2, availableReplicas: 3 }),
		false,
	],
	[
		'a Deployment whose controller has not looked',
		workload(
			'Deployment',
			{ replicas: 1 },
			{ observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
		),
		false,
	],
	['a Deployment without pods', workload('Deployment', { replicas: 0 }, {}), true],
	[
		'a StatefulSet that is well',
		workload('StatefulSet', { replicas: 1 }, { updatedReplicas: 1, availableReplicas: 1 }),
		true,
	],
	[
		'a StatefulSet with an old pod',
		workload('StatefulSet', { replicas: 2 }, { updatedReplicas: 1, availableReplicas: 2 }),
		false,
	],
	[
		'a DaemonSet that is well',
		workload('DaemonSet', {}, { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 }),
		true,
	],
	[
		'a DaemonSet with a pod that is not available',
		workload('DaemonSet', {}, { desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 }),
		false,
	],
	['something of whatever form', { ...workload('Deployment', {}, {}), spec: 'x', status: null }, false],
] as const) {
	test(`${title}: ${expected ? 'settled' : 'not settled'}`, (t) => t.is(readWorkload(object).isSettled, expected));
}

for (const [title, object, expected] of [
	['a Deployment of one', workload('Deployment', { replicas: 1 }, {}), 0],
	['a Deployment of eight', workload('Deployment', { replicas: 8 }, {}), 2],
	['one with Recreate', workload('Deployment', { replicas: 8, strategy: { type: 'Recreate' } }, {}), 8],
	[
		'one without a surge',
		workload('Deployment', { replicas: 1, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '25%' } } }, {}),
		1,
	],
	['a StatefulSet', workload('StatefulSet', { replicas: 8 }, {}), 1],
	['a DaemonSet', workload('DaemonSet', {}, { desiredNumberScheduled: 8 }), 1],
	[
		'a DaemonSet of which half may go',
		workload(
			'DaemonSet',
			{ updateStrategy: { rollingUpdate: { maxUnavailable: '50%' } } },
			{ desiredNumberScheduled: 8 },
		),
		4,
	],
	[
		'a DaemonSet that surges',
		workload(
			'DaemonSet',
			{ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
			{ desiredNumberScheduled: 8 },
		),
		0,
	],
] as const) {
	test(`${title} loses ${expected} pods at once`, (t) => t.is(readWorkload(object).takesAway, expected));
}

test('it is read who replaces its pods, what is in its template, and for what it was restarted', (t) => {
	const template = {
		metadata: {
			labels: { app: 'web' },
			annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' },
		},
		spec: { containers: [{ name: 'web' }, { name: 'istio-proxy' }] },
	};
	t.like(
		readWorkload(workload('Deployment', { paused: true, template }, {}, { 'meshwright.io/restarted-for': '1.4.10' })),
		{
			isPaused: true,
			isByHand: false,
			hasOwnProxy: true,
			restartedFor: '1.4.10',
			restartedAtMs: Date.UTC(2026, 0, 1),
			podLabels: { app: 'web' },
		},
	);
	t.true(readWorkload(workload('DaemonSet', { updateStrategy: { type: 'OnDelete' } }, {})).isByHand);
	t.true(readWorkload(workload('StatefulSet', { updateStrategy: { rollingUpdate: { partition: 1 } } }, {})).isByHand);
	const late = { conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] };
	t.is(readWorkload(workload('Deployment', {}, late)).stalled, 'ProgressDeadlineExceeded');
});

test('a budget is about the pods that it selects', (t) => {
	const budget = (name: string, selector: unknown, status: object = { disruptionsAllowed: 1 }): KubeObject => ({
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name },
		spec: { selector },
		status,
	});
	const budgets = [
		budget('of-web', { matchLabels: { app: 'web' } }),
		budget('of-all', {}, {}),
		budget('of-db', { matchLabels: { app: 'db' } }),
		budget('of-none', undefined),
	];
	t.deepEqual(budgetsFor(budgets, { app: 'web' }), [
		{ name: 'of-web', disruptionsAllowed: 1 },
		{ name: 'of-all', disruptionsAllowed: 0 },
	]);
});
