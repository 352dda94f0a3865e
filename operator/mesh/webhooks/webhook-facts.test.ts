import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import { type PodPlace, placesOf, podWebhooksOf, selects } from './webhook-facts.ts';

const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
const service = { namespace: 'istio-control', name: 'istio-sidecar-injector' };

function configuration(webhook: object): KubeObject {
	return {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingWebhookConfiguration',
		metadata: { name: 'old' },
		webhooks: [{ name: 'w.example.com', failurePolicy: 'Fail', clientConfig: { service }, rules: [rule], ...webhook }],
	};
}

const [old] = podWebhooksOf(configuration({ namespaceSelector: { matchLabels: { 'istio-injection': 'enabled' } } }));

test('a webhook that an earlier installer has left is asked in each namespace that it chooses', (t) => {
	if (old === undefined) return t.fail();
	t.like(old, { title: 'MutatingWebhookConfiguration old, webhook w.example.com', service, isConditional: false });
	const place = (namespace: string, labels: PodPlace['labels']): PodPlace => ({ namespace, labels, pods: [{}] });
	const places = [place('a', { 'istio-injection': 'enabled' }), place('b', {}), place('c', { 'istio-injection': 'x' })];
	t.deepEqual(placesOf(old, places), ['a']);
});

const harmless: readonly [title: string, webhook: object][] = [
	['that may fail', { failurePolicy: 'Ignore' }],
	['behind a URL', { clientConfig: { url: 'https://example.com' } }],
	['for other objects', { rules: [{ ...rule, resources: ['deployments'], apiGroups: ['apps'] }] }],
	['for subresources of pods', { rules: [{ ...rule, resources: ['pods/status'] }] }],
	['for pods that go', { rules: [{ ...rule, operations: ['DELETE'] }] }],
	['without rules', { rules: undefined }],
];
for (const [title, webhook] of harmless) {
	test(`a webhook ${title} keeps no pod away`, (t) => t.deepEqual(podWebhooksOf(configuration(webhook)), []));
}

test('wildcards and the default failurePolicy count', (t) => {
	const all = { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] };
	t.is(podWebhooksOf(configuration({ rules: [all], failurePolicy: undefined })).length, 1);
	t.true(podWebhooksOf(configuration({ matchConditions: [{ name: 'x', expression: 'true' }] }))[0]?.isConditional);
});

test('selectors choose as those of Kubernetes do', (t) => {
	const labels = { app: 'pilot', istio: 'pilot' };
	const expression = (key: string, operator: string, ...values: string[]) => ({
		matchExpressions: [{ key, operator, ...(values.length === 0 ? {} : { values }) }],
	});
	for (const [selector, expected] of [
		[undefined, true],
		[{}, true],
		[{ matchLabels: { app: 'pilot' } }, true],
		[{ matchLabels: { app: 'pilot', tier: 'x' } }, false],
		[expression('app', 'In', 'mixer', 'pilot'), true],
		[expression('tier', 'In', 'x'), false],
		[expression('app', 'NotIn', 'pilot'), false],
		[expression('tier', 'NotIn', 'x'), true],
		[expression('app', 'Exists'), true],
		[expression('tier', 'DoesNotExist'), true],
		[expression('constructor', 'Exists'), false],
		[expression('app', 'Like', 'p'), false],
		[{ matchLabels: 'x' }, false],
	] as const) {
		t.is(selects(selector, labels), expected, JSON.stringify(selector));
	}
});

test('a configuration of whatever form is read', (t) => {
	for (const webhooks of [
		undefined,
		'x',
		[null, 1, {}, { rules: 'x', clientConfig: 1 }, { rules: [rule], clientConfig: { service: {} } }],
	])
		t.deepEqual(podWebhooksOf({ ...configuration({}), webhooks }), []);
});
