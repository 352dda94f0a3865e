import test from 'ava';
import { toChild } from '../../apply/child.ts';
import { emptyMemory } from '../../apply/installation-memory.ts';
import type { PodTrouble } from '../../apply/pod-trouble.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { WebhooksThere } from '../cluster-objects.ts';
import { dataPlaneOf } from './data-plane-state.ts';

interface Told {
	readonly status?: object;
	readonly troubles?: Readonly<Record<string, PodTrouble>>;
	readonly gate?: string;
	readonly isRefused?: boolean;
	readonly secrets?: readonly string[];
	readonly webhooks?: WebhooksThere;
}

const complete = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' };
const looked: (string | undefined)[] = [];

function told({ status = {}, troubles = {}, gate, isRefused = false, secrets = [], webhooks }: Told) {
	const citadel = toChild({
		...kinds.Deployment,
		metadata: { name: 'istio-citadel', namespace: 'mesh', generation: 1 },
		spec: { replicas: 1 },
		status: { observedGeneration: 1, ...status },
	});
	const pods = {
		lookAt: (namespace: string | undefined) => void looked.push(namespace),
		troubleOf: (name: string) => troubles[name],
		isRefused,
	};
	const live = { isBehind: () => false, ofKind: () => [citadel] };
	const seen = { live, memory: emptyMemory(), pods };
	return dataPlaneOf(seen, { namespace: 'mesh', gate, note: '', webhooks, secrets });
}

const up = { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };
const coming = { replicas: 1, updatedReplicas: 1 };
const refused = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota: none' };

test('while all run nothing is told, and no pod is looked at', (t) => {
	t.deepEqual(told({ status: up }), {});
	t.is(looked.at(-1), undefined);
});

test('that the cluster makes no pods is told at once in its words, also while old pods serve', (t) => {
	t.deepEqual(told({ status: { conditions: [refused] }, gate: 'waiting for Citadel' }), {
		waiting:
			'Deployment istio-citadel: 0 of 1 pods are available; the cluster makes no more pods: exceeded quota: none',
		cause: 'PodsRefused',
	});
	t.is(told({ status: { ...up, conditions: [refused] } }).cause, 'PodsRefused');
});

test('why a pod does not run is told with its reason, and once its time is over as a failure', (t) => {
	const troubles = { 'istio-citadel': { reason: 'ImageNotPulled', message: 'pod x: not found' } } as const;
	const message = 'Deployment istio-citadel: 0 of 1 pods are available; pod x: not found';
	t.deepEqual(told({ status: coming, troubles }), { waiting: message, cause: 'ImageNotPulled' });
	t.is(looked.at(-1), 'mesh');
	const late = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
	t.deepEqual(told({ status: { ...coming, conditions: [late] }, troubles }).problem, {
		reason: 'ImageNotPulled',
		message,
	});
	t.deepEqual(told({ status: { ...coming, conditions: [complete] } }).problem?.reason, 'DataPlaneDegraded');
});

test('without the right to see pods that is told', (t) => {
	t.regex(told({ status: coming, isRefused: true }).waiting ?? '', /may not list and watch pods/);
});

test('webhooks of others are told beside whatever else is the case, and no more than a few of them', (t) => {
	const webhooks = { dead: ['a', 'b', 'c', 'd', 'e', 'f'], unseen: [kinds.ValidatingWebhookConfiguration] };
	const unseen = ['validatingwebhookconfigurations.admissionregistration.k8s.io'];
	const expected = { webhooks: { dead: ['a', 'b', 'c', 'd', 'e'], unseen } };
	t.deepEqual(told({ status: up, webhooks }), expected);
	t.like(told({ status: { conditions: [complete] }, webhooks }), expected);
	t.like(told({ status: coming, webhooks }), expected);
	const secret = 'abcdefghijklmnopqrstuvwxyz0123456789';
	const long = told({ status: up, secrets: [secret], webhooks: { dead: [secret, 'x'.repeat(9_999)], unseen: [] } });
	const [quoted, cut = ''] = long.webhooks?.dead ?? [];
	t.not(quoted, secret);
	t.true(cut.length < 500);
});

test('words that hold our credential are not repeated', (t) => {
	const secret = 'abcdefghijklmnopqrstuvwxyz0123456789';
	const reversed = [...secret].reverse().join('');
	for (const words of [secret, reversed, Buffer.from(secret).toString('base64')]) {
		const { waiting = '' } = told({
			status: { conditions: [{ ...refused, message: `no: ${words}` }] },
			secrets: [secret],
		});
		t.false(waiting.includes(words), waiting);
		t.regex(waiting, /0 of 1 pods/);
	}
});
