import test from 'ava';
import { deployment } from '../apply/testing.ts';
import { RequestError } from '../runtime/errors.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { Mutators } from './mutators.ts';

const { signal } = new AbortController();
const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] };
const changed = [{ object: deployment('pilot'), paths: ['spec.replicas'] }];

function policy(name: string, resourceRules: readonly object[]): KubeObject {
	return { ...kinds.MutatingAdmissionPolicy, metadata: { name }, spec: { matchConstraints: { resourceRules } } };
}

function webhook(name: string, rules: readonly object[], labels = {}): KubeObject {
	return { ...kinds.MutatingWebhookConfiguration, metadata: { name, labels }, webhooks: [{ rules }] };
}

const all: Readonly<Record<string, readonly KubeObject[] | undefined>> = {
	'admissionregistration.k8s.io/v1 MutatingWebhookConfiguration': [
		webhook('kyverno', [{ ...rule, resources: ['*'], apiGroups: ['*'] }]),
		webhook('pods-only', [{ ...rule, apiGroups: [''], resources: ['pods'] }]),
		webhook('ours', [rule], { 'app.kubernetes.io/managed-by': 'meshwright' }),
	],
	'admissionregistration.k8s.io/v1beta1 MutatingAdmissionPolicy': [
		policy('mirror-images', [rule]),
		policy('deletions', [{ ...rule, operations: ['DELETE'] }]),
	],
};

test('those who may have done it are named, and read once a minute', async (t) => {
	const asked: string[] = [];
	let now = 0;
	const list = async ({ apiVersion, kind }: Kind) => {
		const key = `${apiVersion} ${kind}`;
		asked.push(key);
		const items = all[key];
		if (items === undefined) throw new RequestError('no such kind', { status: 404, reason: 'NotFound' });
		return { items, resourceVersion: '1' };
	};
	const mutators = new Mutators({ list } as never, () => now);
	t.is(await mutators.describe([], signal), undefined);
	t.deepEqual(asked, []);
	const told = await mutators.describe(changed, signal);
	t.regex(
		told ?? '',
		/perhaps MutatingAdmissionPolicy mirror-images or MutatingWebhookConfiguration kyverno, changes what is written of Deployment mesh\/pilot \(spec\.replicas\)/,
	);
	t.is(asked.length, 3);
	t.is(await mutators.describe(changed, signal), told);
	t.is(asked.length, 3);
	now = 60_000;
	await mutators.describe(changed, signal);
	t.is(asked.length, 6);
});

test('where nobody may be read, it is told without names', async (t) => {
	const list = async () => {
		throw new RequestError('no', { status: 403, reason: 'Forbidden' });
	};
	const told = await new Mutators({ list } as never, () => 0).describe(changed, signal);
	t.regex(told ?? '', /^something at admission changes what is written of Deployment/);
});
