import test from 'ava';
import { readProxy } from '../../operator/mesh/proxies/read-proxy.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { podText } from './sample-pods.ts';

test('sample pods are pods with proxies, of the size that they have in life, and none is like another', (t) => {
	const texts = Array.from({ length: 30 }, (_, index) => podText(index));
	const pods = texts.map((text): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', ...JSON.parse(text) }));
	for (const text of texts) {
		t.true(text.length > 8_000 && text.length < 10_000);
		t.notRegex(text, /[<>]|undefined/);
	}
	for (const own of ['name', 'uid', 'resourceVersion'] as const)
		t.is(new Set(pods.map(({ metadata }) => metadata[own])).size, 30, own);
	t.is(new Set(pods.map(({ metadata }) => metadata.namespace)).size, 3);
	const [first] = pods;
	t.deepEqual(first && readProxy(first), {
		namespace: 'team-0-production',
		image: 'docker.io/istio/proxyv2:1.3.8',
		controlPlane: 'istio-system',
		owner: { kind: 'Deployment', name: 'checkout-0' },
	});
	t.is(new Set(pods.map((pod) => readProxy(pod)?.owner?.name)).size, 3, 'ten pods of a workload');
});
