/** What a webhook has put into a pod, without what the API server itself adds. */
import test from 'ava';
import type { Pod } from '../../sidecar/index.ts';
import { afterInjection } from './injected.ts';

const stored = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' };

const given: Pod = {
	metadata: { labels: { app: 'web' } },
	spec: { containers: [{ name: 'web', image: 'web:1', readinessProbe: { tcpSocket: { port: 80 } } }] },
};
const bare: Pod = {
	metadata: { labels: { app: 'web', 'pod-template-hash': 'x', 'sidecar.istio.io/inject': 'false' } },
	spec: {
		restartPolicy: 'Always',
		automountServiceAccountToken: false,
		containers: [
			{ name: 'web', image: 'web:1', readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 10 }, ...stored },
		],
	},
};
const injected: Pod = {
	metadata: {
		labels: {
			app: 'web',
			'pod-template-hash': 'x',
			'sidecar.istio.io/inject': 'true',
			'security.istio.io/tlsMode': 'istio',
		},
		annotations: { 'sidecar.istio.io/status': '{}' },
	},
	spec: {
		restartPolicy: 'Always',
		automountServiceAccountToken: false,
		initContainers: [{ name: 'istio-proxy', image: 'proxyv2:1', ...stored }],
		containers: [
			{ name: 'web', image: 'web:1', readinessProbe: { httpGet: { port: 15020 }, periodSeconds: 10 }, ...stored },
		],
		volumes: [{ name: 'istio-envoy', emptyDir: {} }],
	},
};

test('what was given keeps what it says, and has what was added or changed; nothing of what the API server adds, nor of the dry run', (t) => {
	t.deepEqual(afterInjection(given, bare, injected), {
		metadata: {
			labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' },
			annotations: { 'sidecar.istio.io/status': '{}' },
		},
		spec: {
			containers: [{ name: 'web', image: 'web:1', readinessProbe: { httpGet: { port: 15020 } } }],
			initContainers: [{ name: 'istio-proxy', image: 'proxyv2:1' }],
			volumes: [{ name: 'istio-envoy', emptyDir: {} }],
		},
	});
});

test('a pod into which nothing was put is not one with a proxy, whatever the labels', (t) => {
	t.is(afterInjection(given, bare, { ...injected, spec: bare.spec }), undefined);
});
