import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import { apiTarget, podUrl } from './targets.ts';

const strict = { allowLoopback: false, allowProxies: false };

function pod(name: string, status: object, spec: object = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, labels: { 'app.kubernetes.io/name': name } },
		spec: { containers: [{ ports: [{ containerPort: 15010 }] }], ...spec },
		status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...status },
	};
}

test('of the ready pods with address and port, one of the control plane is taken', (t) => {
	const pods = [pod('web', { podIP: '10.1.0.1' }), pod('istio-pilot', { podIP: '10.1.0.2' })];
	t.is(podUrl(pods, strict), 'http://10.1.0.2:15010/');
	t.is(podUrl([pod('web', { podIP: 'fd00::1' })], strict), 'http://[fd00::1]:15010/');
});

test('what another cluster says of its pods is not dialled unseen', (t) => {
	for (const one of [
		pod('a', { podIP: '169.254.169.254' }),
		pod('a', { podIP: '127.0.0.1' }),
		pod('a', { podIP: 'evil.example' }),
		pod('a', { podIP: '10.0.0.1:80/x' }),
		pod('a', { podIP: 7 }),
		pod('a', {}),
		pod('a', { podIP: '10.1.0.1' }, { hostNetwork: true }),
		pod('a', { podIP: '10.1.0.1' }, { containers: [{ ports: [{ containerPort: 53, protocol: 'UDP' }] }] }),
		pod('a', { podIP: '10.1.0.1' }, { containers: [{ ports: [{ containerPort: '80/../' }] }] }),
		pod('a', { podIP: '10.1.0.1' }, { containers: [{}] }),
		pod('a', { podIP: '10.1.0.1', conditions: [] }),
	]) {
		t.is(podUrl([one], strict), undefined, JSON.stringify(one));
	}
});

test('an address that means something else in a pod is no target', (t) => {
	t.deepEqual(apiTarget('eu', 'https://eu.example:6443/k8s/c-1', strict), {
		kind: 'api',
		cluster: 'eu',
		url: 'https://eu.example:6443/k8s/c-1/version',
	});
	t.deepEqual(apiTarget('eu', 'https://127.0.0.1:6443', strict), {
		why: 'the API server of eu is known here by a loopback address alone: say how others reach it',
	});
});
