import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { Reflector, type ReflectorHappening, type ReflectorOptions } from '../operator/runtime/watch/reflector.ts';
import { type Cluster, startCluster } from './control-plane/cluster.ts';
import { expiredEvent, type Fault, type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { deadlineMs } from './support/eventually.ts';

let cluster: Cluster;
let direct: ApiServer;
let namespaces = 0;

test.before(async () => {
	cluster = await startCluster({ own: true });
	direct = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
});

test.after.always(async () => {
	await direct?.close();
	await cluster?.stop();
});

interface Setting {
	readonly proxy: FaultProxy;
	readonly namespace: string;
	readonly reflector: Reflector<string>;
	readonly happenings: ReflectorHappening[];
	/** What handlers were told: `added x`, `updated x`, `deleted x`. */
	readonly told: string[];
	write(name: string, value?: string): Promise<KubeObject>;
	remove(name: string): Promise<void>;
	/** Waits until the store equals a fresh list, then compares once more, and compares what handlers were told. */
	converged(): Promise<void>;
	lists(): number;
	watches(): number;
}

const quick = { initialMs: 20, maxMs: 200, factor: 2, jitter: 0.5 };

/** A namespace, a proxy, and a reflector of the namespace's ConfigMaps. */
async function setting(
	options: Partial<ReflectorOptions<string>>,
	body: (setting: Setting) => Promise<void>,
): Promise<void> {
	const namespace = `faults-${++namespaces}`;
	await direct.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
	await using proxy = await startFaultProxy(cluster);
	await using server = new ApiServer({ url: proxy.url, token: cluster.adminToken });
	const happenings: ReflectorHappening[] = [];
	const told: string[] = [];
	const mirror = new Map<string, string>();
	using reflector = new Reflector<string>(server, {
		kind: kinds.ConfigMap,
		namespace,
		transform: (object) => object.metadata.resourceVersion ?? '',
		backoff: quick,
		observe: (happening) => happenings.push(happening),
		...options,
	});
	reflector.addHandler(({ type, key, current }) => {
		told.push(`${type} ${key.slice(key.indexOf('/') + 1)}`);
		if (current === undefined) {
			mirror.delete(key);
		} else {
			mirror.set(key, current);
		}
	});
	const live = async () => {
		const { items } = await direct.list<KubeObject>(kinds.ConfigMap, { namespace });
		return items.map((item) => `${objectKey(item)} ${item.metadata.resourceVersion}`).toSorted();
	};
	const stored = () => [...reflector.store.keys()].map((key) => `${key} ${reflector.store.get(key)}`).toSorted();
	await body({
		proxy,
		namespace,
		reflector,
		happenings,
		told,
		write: async (name, value = String(Math.random())) => {
			const { object } = await direct.apply(
				{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { value } },
				{ fieldManager: 'test', force: true },
			);
			return object;
		},
		remove: async (name) => {
			await direct.delete({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
		},
		converged: async () => {
			const expected = await live();
			await until(
				() => JSON.stringify(stored()) === JSON.stringify(expected),
				() => ({ expected, stored: stored() }),
			);
			const toldOf = [...mirror].map(([key, resourceVersion]) => `${key} ${resourceVersion}`).toSorted();
			if (JSON.stringify(toldOf) !== JSON.stringify(expected)) {
				throw new Error(`handlers know ${JSON.stringify(toldOf)}, not ${JSON.stringify(expected)}`);
			}
		},
		lists: () => proxy.requests.filter(({ isWatch, method }) => !isWatch && method === 'GET').length,
		watches: () => proxy.requests.filter(({ isWatch }) => isWatch).length,
	});
}

async function until(
	isDone: () => boolean,
	describe: () => unknown = () => undefined,
	timeoutMs = deadlineMs,
): Promise<void> {
	const deadline = performance.now() + timeoutMs;
	while (!isDone()) {
		if (performance.now() > deadline) {
			throw new Error(`not within ${timeoutMs} ms: ${JSON.stringify(describe())}`);
		}
		await sleep(5);
	}
}

/** Makes an object, puts a fault on the running watch, makes changes while the watch is gone, and compares. */
async function survives(
	t: import('ava').ExecutionContext,
	faults: readonly (readonly [{ watch?: boolean; nth?: number; times?: number }, Fault])[],
	expect: { readonly lists: number },
	options: Partial<ReflectorOptions<string>> = {},
): Promise<void> {
	await setting(options, async ({ proxy, reflector, write, remove, converged, lists, watches, told }) => {
		await write('a');
		await write('b');
		for (const [match, fault] of faults) {
			proxy.script(match, fault);
		}
		reflector.start();
		await reflector.synced;
		await until(() => watches() > 0);
		await write('a');
		await write('c');
		await remove('b');
		await write('d');
		await write('c');
		await converged();
		// Once more, on the watch that is open now.
		await write('e');
		await remove('a');
		await converged();
		t.is(lists(), expect.lists);
		t.true(told.includes('deleted b') && told.includes('deleted a') && told.includes('added e'));
	});
}

test('a watch whose connection is dropped goes on without a list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 1 },
			],
		],
		{ lists: 1 },
	));

test('a watch that is cut in the middle of an event loses nothing', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterBytes: 200 },
			],
		],
		{ lists: 1 },
	));

test('truncated JSON at an orderly end is noticed', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'truncate', afterBytes: 300 },
			],
		],
		{ lists: 1 },
	));

test('an event that is not JSON is noticed', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'inject', afterEvents: 1, line: '{"type":"ADDED","obj\n' },
			],
		],
		{
			lists: 1,
		},
	));

test('a watch that ends in order goes on without a list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'truncate', afterBytes: 0 },
			],
		],
		{ lists: 1 },
	));

test('a half-open watch is noticed by its silence', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'freeze', afterEvents: 1 },
			],
		],
		{ lists: 1 },
		{ idleMs: 2500 },
	));

test('dropped connections before an answer are tried again without a list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 1 },
			],
			[{ watch: true, times: 4 }, { type: 'drop' }],
		],
		{ lists: 1 },
	));

test('429 with Retry-After and 500 are waited for without a list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'answer', status: 429, headers: { 'retry-after': '0' } },
			],
			[
				{ watch: true, nth: 1 },
				{ type: 'answer', status: 500, body: 'oops' },
			],
			[
				{ watch: true, nth: 1 },
				{ type: 'answer', status: 503, body: '{"kind":"Status","reason":"Serv' },
			],
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 2 },
			],
		],
		{ lists: 1 },
	));

test('410 as an answer costs one list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 1 },
			],
			[
				{ watch: true, nth: 1 },
				{ type: 'answer', status: 410, body: '{"kind":"Status","code":410,"reason":"Expired"}' },
			],
		],
		{ lists: 2 },
	));

test('410 as an event costs one list', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'inject', afterEvents: 1, line: expiredEvent },
			],
		],
		{ lists: 2 },
	));

test('a list that fails in every way is tried until it comes', (t) =>
	survives(
		t,
		[
			[{ watch: false, nth: 1 }, { type: 'drop' }],
			[{ watch: false, nth: 1 }, { type: 'drop' }],
			[
				{ watch: false, nth: 1 },
				{ type: 'answer', status: 500 },
			],
			[
				{ watch: false, nth: 1 },
				{ type: 'answer', status: 429 },
			],
			[
				{ watch: false, nth: 1 },
				{ type: 'truncate', afterBytes: 150 },
			],
			[
				{ watch: false, nth: 1 },
				{ type: 'cut', afterBytes: 150 },
			],
			[
				{ watch: false, nth: 1 },
				{ type: 'answer', status: 403, body: '{"kind":"Status","reason":"Forbidden"}' },
			],
		],
		{ lists: 8 },
	));

test('a list that hangs is given up at its deadline', (t) =>
	survives(t, [[{ watch: false, nth: 1 }, { type: 'hang' }]], { lists: 2 }, { listTimeoutMs: 8000 }));

test('metadata alone is watched as any other object', (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 1 },
			],
		],
		{ lists: 1 },
		{ metadataOnly: true },
	));

test('a list in pages, of which one expires, is read anew', async (t) => {
	await setting({ pageSize: 2 }, async ({ proxy, reflector, write, converged, lists }) => {
		for (const name of ['a', 'b', 'c', 'd', 'e']) {
			await write(name);
		}
		const body = '{"kind":"Status","code":410,"reason":"Expired"}';
		proxy.script({ watch: false, nth: 2 }, { type: 'answer', status: 410, body });
		reflector.start();
		await reflector.synced;
		await converged();
		t.is(lists(), 3);
		t.is(proxy.requests[2]?.query.limit, undefined);
	});
});

test('own writes are readable at once and told to nobody, foreign ones are told', async (t) => {
	await setting({}, async ({ reflector, namespace, write, told, watches }) => {
		reflector.start();
		await reflector.synced;
		await until(() => watches() > 0 && reflector.staleForMs === 0);
		for (let round = 0; round < 20; round++) {
			const name = `mine-${round}`;
			const settle = reflector.expectWrite(`ConfigMap ${namespace}/${name}`);
			const mine = await write(name);
			settle(mine);
			t.is(reflector.store.get(objectKey(mine)), mine.metadata.resourceVersion);
			await write(`other-${round}`);
			await until(() => told.includes(`added other-${round}`));
		}
		t.deepEqual(
			told.filter((line) => line.includes('mine')),
			[],
		);
		await write('mine-0');
		await until(() => told.includes('updated mine-0'));
	});
});

test('a write that fails tells what was held back meanwhile', async (t) => {
	await setting({}, async ({ reflector, namespace, write, told, converged }) => {
		reflector.start();
		await reflector.synced;
		const settle = reflector.expectWrite(`ConfigMap ${namespace}/x`);
		const foreign = await write('x');
		await until(() => reflector.store.get(objectKey(foreign)) !== undefined);
		t.deepEqual(told, []);
		settle();
		t.deepEqual(told, ['added x']);
		await converged();
	});
});

test("the API server's own 410 for a forgotten position costs one list", (t) =>
	survives(
		t,
		[
			[
				{ watch: true, nth: 1 },
				{ type: 'cut', afterEvents: 1 },
			],
			[
				{ watch: true, nth: 1 },
				{ type: 'query', set: { resourceVersion: '1' } },
			],
		],
		{ lists: 2 },
	));

test.serial(
	'an API server that restarts, and one that is frozen, cost no change and at most the list that it demands',
	async (t) => {
		// Long enough that neither a start nor silence makes it doubt its position, and soon enough after a start.
		const idleMs = 15_000;
		const backoff = { initialMs: 500, maxMs: 5_000, factor: 2, jitter: 0.5 };
		await setting({ idleMs, backoff }, async ({ reflector, write, remove, converged, happenings }) => {
			reflector.start();
			await reflector.synced;
			await write('before');
			await converged();
			await cluster.restartApiServer();
			await write('after');
			await remove('before');
			await converged();
			// The server's cache of watch events begins when it starts, and what was written elsewhere meanwhile is from before.
			// So it refuses an earlier position with 410 (apiserver `storage/cacher/watch_cache.go`), once. A server that refuses
			// everything for long while it starts is asked for a list as well.
			const relisted = happenings.filter(({ event }) => event === 'relist').map(({ reason }) => reason);
			t.true(relisted.length <= 1);
			t.true(relisted.every((reason) => ['expired', 'again'].includes(reason)));
			cluster.pauseApiServer();
			await sleep(idleMs + 500);
			cluster.resumeApiServer();
			await write('thawed');
			await converged();
			t.is(happenings.filter(({ event }) => event === 'relist').length, relisted.length);
		});
	},
);
