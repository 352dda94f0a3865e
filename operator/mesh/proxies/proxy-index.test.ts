import test from 'ava';
import type { CountedMesh } from '../../plan/proxies/count.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { ListPage } from '../../runtime/client/requests.ts';
import { RequestError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { ReflectorSource } from '../../runtime/watch/reflector-source.ts';
import type { WatchCallbacks } from '../../runtime/watch/watch-stream.ts';
import { ProxyIndex, type ProxyIndexOptions } from './proxy-index.ts';

const mesh: CountedMesh = { namespace: 'istio-system', version: '1.4.10', pilot: '1.4.10', images: [], isAlone: false };

let version = 0;
function pod(name: string, tag: string, more: object = {}): KubeObject {
	const args = ['proxy', 'sidecar', '--discoveryAddress', 'istio-pilot.istio-system:15010'];
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { namespace: 'shop', name, uid: name, resourceVersion: String(++version), ...more },
		spec: { containers: [{ name: 'istio-proxy', image: `docker.io/istio/proxyv2:${tag}`, args }] },
		status: { phase: 'Running' },
	};
}

/** The timers of an index keep no process alive. */
const alive = setInterval(() => {}, 1_000);
test.after.always(() => clearInterval(alive));

/** An index over these pods, and what it tells. */
function stage(pods: readonly KubeObject[] | Error, options: Partial<ProxyIndexOptions> = {}) {
	let callbacks: WatchCallbacks | undefined;
	const changes: string[] = [];
	let notify = Promise.withResolvers<void>();
	const source: ReflectorSource = {
		async list({ read }) {
			if (pods instanceof Error) throw pods;
			return { items: pods.map(read), resourceVersion: '1', continue: undefined } as unknown as ListPage<KubeObject>;
		},
		watch(_position, _timeoutSeconds, watching) {
			callbacks = watching;
			watching.opened();
			return { close: () => {} };
		},
	};
	const index = new ProxyIndex({
		api: {} as ApiServer,
		source,
		quietMs: 20,
		onChange: (name) => {
			changes.push(name);
			notify.resolve();
			notify = Promise.withResolvers();
		},
		onError: () => {},
		...options,
	});
	return {
		index,
		changes,
		changed: () => notify.promise,
		send: (type: 'modified' | 'deleted', object: KubeObject) => callbacks?.event({ type, object }),
	};
}

test('proxies are told once they have been listed, and again when their numbers change', async (t) => {
	const { index, changes, changed, send } = stage([pod('a', '1.4.10'), pod('b', '1.3.8')]);
	t.teardown(() => index.stop());
	const first = changed();
	t.is(index.of('mesh', mesh, false), undefined);
	await first;
	const versions = () => index.of('mesh', mesh, false)?.status?.byVersion;
	t.deepEqual(versions(), [
		{ version: '1.3.8', count: 1 },
		{ version: '1.4.10', count: 1 },
	]);
	const second = changed();
	send('deleted', pod('b', '1.3.8'));
	for (const name of ['c', 'd', 'e']) send('modified', pod(name, '1.4.10'));
	t.deepEqual(versions()?.length, 2, 'for a while it stays as it was');
	await second;
	t.deepEqual(versions(), [{ version: '1.4.10', count: 4 }]);
	t.deepEqual(changes, ['mesh', 'mesh'], 'four pods are one change');
});

test('a mesh without proxies is not looked at again, unless its status tells of some', async (t) => {
	const { index, changes, changed } = stage([]);
	t.teardown(() => index.stop());
	const first = changed();
	index.of('quiet', mesh, false);
	index.of('told', { ...mesh, namespace: 'other' }, true);
	await first;
	t.deepEqual(changes, ['told']);
	t.deepEqual(index.of('quiet', mesh, false), { status: undefined, far: undefined });
});

test('pods that end, are replaced by equal ones or change in something else are no news', async (t) => {
	const { index, changes, changed, send } = stage([pod('a', '1.4.10'), pod('b', '1.4.10')]);
	t.teardown(() => index.stop());
	const first = changed();
	index.of('mesh', mesh, false);
	await first;
	send('modified', { ...pod('a', '1.4.10'), status: { phase: 'Running', podIP: '10.0.0.1' } });
	const second = changed();
	send('modified', pod('b', '1.4.10', { deletionTimestamp: '2026-01-01T00:00:00Z' }));
	send('modified', pod('c', '1.4.10'));
	send('modified', pod('d', '1.3.8'));
	await second;
	t.deepEqual(changes, ['mesh', 'mesh']);
	t.is(index.of('mesh', mesh, false)?.status?.total, 3);
});

test('without the right to see pods that is told', async (t) => {
	const forbidden = new RequestError('no', { status: 403, reason: 'Forbidden' });
	const { index, changed } = stage(forbidden);
	t.teardown(() => index.stop());
	const first = changed();
	index.of('mesh', mesh, false);
	await first;
	t.deepEqual(index.of('mesh', mesh, false), { status: undefined, isRefused: true });
	t.is(index.now(mesh), 'refused');
});

test('exact numbers go into metrics, and go with the mesh', async (t) => {
	const counts: unknown[] = [];
	const { index, changed } = stage([pod('a', '1.4.10')], { onCounts: (_, now) => counts.push(now) });
	t.teardown(() => index.stop());
	const first = changed();
	index.of('mesh', mesh, false);
	await first;
	index.forget('mesh');
	t.deepEqual(counts, [new Map([['shop', new Map([['1.4.10', 1]])]]), undefined]);
});
