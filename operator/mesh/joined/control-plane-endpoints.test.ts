import test from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { WatchedServer } from '../../clusters/watch-testing.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { ControlPlaneEndpoints } from './control-plane-endpoints.ts';

const namespace = 'istio-system';
const { signal } = new AbortController();

interface Pod {
	readonly address: string;
	/** Undefined when nothing is said. */
	readonly ready?: boolean;
}

function slice(service: string, pods: readonly Pod[], differences: Partial<KubeObject['metadata']> = {}): KubeObject {
	return {
		apiVersion: 'discovery.k8s.io/v1',
		kind: 'EndpointSlice',
		metadata: {
			name: `${service}-x`,
			namespace,
			labels: { 'kubernetes.io/service-name': service, 'app.kubernetes.io/managed-by': 'meshwright' },
			...differences,
		},
		addressType: 'IPv4',
		endpoints: pods.map(({ address, ready }) => ({
			addresses: [address],
			...(ready === undefined ? {} : { conditions: { ready } }),
		})),
	} as KubeObject;
}

const services = { pilot: 'istio-pilot', policy: 'istio-policy', telemetry: 'istio-telemetry' };

async function withEndpoints(
	body: (server: WatchedServer, endpoints: ControlPlaneEndpoints, moved: readonly string[]) => Promise<void>,
): Promise<void> {
	await using server = await WatchedServer.start();
	const moved: string[] = [];
	const endpoints = new ControlPlaneEndpoints({
		api: server.api,
		services: new Set(Object.values(services)),
		onChange: (where) => void moved.push(where),
		onError: () => undefined,
	});
	try {
		await body(server, endpoints, moved);
	} finally {
		endpoints.stop();
	}
}

test('nothing is watched before somebody asks', async (t) => {
	await withEndpoints(async (server, endpoints) => {
		t.deepEqual(endpoints.of(namespace, services), { pilot: [], policy: [], telemetry: [] });
		t.is(server.lists, 0);
	});
});

test('the addresses are those of ready pods, each once, sorted, and of this mesh', async (t) => {
	await withEndpoints(async (server, endpoints, moved) => {
		server.put(
			slice('istio-pilot', [
				{ address: '10.0.0.9', ready: true },
				{ address: '10.0.0.1' },
				{ address: '10.0.0.2', ready: false },
			]),
		);
		server.put(slice('istio-pilot', [{ address: '10.0.0.9' }], { name: 'istio-pilot-y' }));
		server.put(slice('istio-policy', [{ address: '10.0.0.3' }]));
		server.put(slice('istio-telemetry', []));
		server.put(slice('istio-ingressgateway', [{ address: '10.0.0.4' }]));
		server.put(slice('istio-pilot', [{ address: '10.9.9.9' }], { namespace: 'other' }));
		await endpoints.synced(signal);
		t.deepEqual(endpoints.of(namespace, services), {
			pilot: ['10.0.0.1', '10.0.0.9'],
			policy: ['10.0.0.3'],
			telemetry: [],
		});
		t.deepEqual(endpoints.of('nowhere', services), { pilot: [], policy: [], telemetry: [] });
		// The first list is no news, because readers have waited for it.
		t.deepEqual(moved, []);
		await endpoints.synced(signal);
		t.is(server.lists, 1);
	});
});

test('only a change of addresses that others are told of is news', async (t) => {
	await withEndpoints(async (server, endpoints, moved) => {
		server.put(slice('istio-pilot', [{ address: '10.0.0.1' }]));
		await endpoints.synced(signal);
		await eventually('a watch', () => server.watches() === 1);
		server.put(slice('istio-pilot', [{ address: '10.0.0.1', ready: true }]));
		server.put(slice('istio-ingressgateway', [{ address: '10.0.0.4' }]));
		server.put(slice('istio-policy', []));
		server.put(slice('istio-pilot', [{ address: '10.0.0.1' }, { address: '10.0.0.2', ready: false }]));
		// Events come in order, so nothing before this one was news.
		server.put(slice('istio-telemetry', [{ address: '10.0.0.7' }], { namespace: 'last' }));
		await eventually('news', () => moved.length > 0);
		t.deepEqual(moved, ['last']);
		server.put(slice('istio-pilot', [{ address: '10.0.0.2' }]));
		await eventually('the new address', () => endpoints.of(namespace, services).pilot?.join() === '10.0.0.2');
		server.take(slice('istio-pilot', []));
		await eventually('no address', () => endpoints.of(namespace, services).pilot?.length === 0);
		t.deepEqual(moved, ['last', namespace, namespace]);
	});
});
