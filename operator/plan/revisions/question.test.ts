import test from 'ava';
import { istiodMeshOf } from '../../lines/istiod-testing.ts';
import { istiodQuestions } from '../istiod/questions.ts';
import { type RevisionAnswer, wrongWith } from './question.ts';

const mesh = istiodMeshOf({ version: '1.31.4', profile: 'default' });
const withdrawn = { isWithdrawn: true } as never;
const standing = {} as never;
const [right, wrong, pod, ...more] = istiodQuestions(mesh, '1-31-4', () => standing);
const admitted = (annotations: Readonly<Record<string, string>> = {}): RevisionAnswer => ({
	kind: 'admitted',
	object: { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', annotations } },
});
const failed = (status: number | undefined): RevisionAnswer => ({ kind: 'failed', status, words: 'its words' });

test('a revision is asked about a Gateway that is right, one that is not, and a pod, in its own name', (t) => {
	if (right === undefined || wrong === undefined || pod === undefined) throw new Error('three questions');
	t.deepEqual(more, []);
	for (const { object } of [right, wrong, pod]) {
		t.is(object.metadata.labels?.['istio.io/rev'], '1-31-4');
		t.is(object.metadata.namespace, mesh.namespace);
		// A webhook is not asked about what the operator made.
		t.is(object.metadata.labels?.['app.kubernetes.io/managed-by'], undefined);
	}
	t.is((pod.object.spec as { readonly serviceAccountName: string }).serviceAccountName, 'istiod-1-31-4');
});

test('nobody asks a webhook for pods that is withdrawn, or of a mesh that injects nothing', (t) => {
	t.is(istiodQuestions(mesh, 'default', () => withdrawn).length, 2);
	t.is(istiodQuestions(mesh, 'default', () => undefined).length, 2);
	const without = istiodMeshOf({ version: '1.31.4', profile: 'default', sidecarInjector: { enabled: false } });
	t.is(istiodQuestions(without, 'default', () => standing).length, 2);
});

test('only the answer that it is to give is a good one, and of all others is told what to do', (t) => {
	if (right === undefined || wrong === undefined || pod === undefined) throw new Error('three questions');
	t.is(wrongWith(right, admitted()), undefined);
	t.is(wrongWith(wrong, failed(400)), undefined);
	t.is(wrongWith(pod, admitted({ 'istio.io/rev': '1-31-4' })), undefined);
	for (const [question, answer, expected] of [
		[right, failed(500), /not admitted by a dry run: its words\. Look at the pods/],
		[right, failed(403), /may not be made by a dry run: its words\. Give the operator/],
		[wrong, admitted(), /its webhook is not asked: .* is taken\. Look at/],
		[wrong, failed(500), /its words/],
		[wrong, failed(undefined), /its words/],
		[pod, admitted(), /puts no proxy into a Pod .* Remove the labels/],
		[pod, admitted({ 'istio.io/rev': 'default' }), /puts no proxy into a Pod/],
		[pod, failed(400), /its words/],
	] as const)
		t.regex(wrongWith(question, answer) ?? '', expected);
});
