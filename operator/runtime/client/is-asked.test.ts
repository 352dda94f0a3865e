import test from 'ava';
import { isAsked } from './list-page.ts';

const pod = {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name: 'a', namespace: 'shop', labels: { app: 'a' } },
	status: { phase: 'Running' },
};

test('an object is one that was asked for when namespace, labels and the field are as asked', (t) => {
	t.true(isAsked(pod, {}));
	t.true(isAsked(pod, { namespace: 'shop', labelSelector: 'app=a', fieldSelector: 'metadata.name=a' }));
	t.true(isAsked(pod, { fieldSelector: 'status.phase=Running' }));
	t.false(isAsked(pod, { fieldSelector: 'status.phase=Pending' }));
	t.false(isAsked({ ...pod, status: undefined }, { fieldSelector: 'status.phase=Running' }));
	t.false(isAsked(pod, { fieldSelector: 'metadata.name=b' }));
	t.false(isAsked(pod, { namespace: 'other' }));
	const goesOn = 'status.phase!=Succeeded,status.phase!=Failed';
	t.true(isAsked(pod, { fieldSelector: goesOn }));
	t.true(isAsked({ ...pod, status: undefined }, { fieldSelector: goesOn }));
	t.false(isAsked({ ...pod, status: { phase: 'Failed' } }, { fieldSelector: goesOn }));
	t.false(isAsked(pod, { fieldSelector: `${goesOn},metadata.name=b` }));
});
