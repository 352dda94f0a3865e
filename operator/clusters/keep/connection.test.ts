import test from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { TransientError } from '../../runtime/errors.ts';
import { WatchedServer } from '../watch-testing.ts';
import { ClusterConnection, watchedThere } from './connection.ts';

const namespace = 'istio-system';
const partOf = 'applyset-of-ours-v1';

function connectTo({ api }: WatchedServer) {
	const changes: string[] = [];
	const connection = new ClusterConnection({
		access: {
			server: 'https://a.example',
			ca: undefined,
			tlsServerName: undefined,
			proxyUrl: undefined,
			credentials: { url: 'https://a.example' },
		},
		api,
		namespace,
		partOf,
		kept: { dataPlane: false, secrets: false },
		onChange: ({ current, old, initial }) => {
			if (!initial) changes.push((current ?? old).metadata.name);
		},
		wake: () => undefined,
		onError: () => undefined,
		now: () => 0,
	});
	return { connection, changes };
}

function kindsWatched(dataPlane: boolean, secrets: boolean): readonly string[] {
	return watchedThere(namespace, { dataPlane, secrets }).map(({ kind }) => kind.kind);
}

test('of a cluster that is only read little is watched, and of each kind what it is read for', (t) => {
	t.deepEqual(kindsWatched(false, false), ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Namespace']);
	t.deepEqual(kindsWatched(false, true), [...kindsWatched(false, false), 'Secret']);
	const full = kindsWatched(true, true);
	t.is(new Set(full).size, full.length);
	t.true(full.includes('Deployment') && full.includes('Endpoints'));
	for (const [dataPlane, secrets] of [
		[false, false],
		[false, true],
		[true, false],
		[true, true],
	] as const)
		for (const watched of watchedThere(namespace, { dataPlane, secrets }))
			t.is(watched.namespace, watched.kind.namespaced ? namespace : undefined);
});

test('without a data plane the one namespace is watched, with one all of them', (t) => {
	const namespaces = (dataPlane: boolean) =>
		watchedThere(namespace, { dataPlane, secrets: false }).find(({ kind }) => kind.kind === 'Namespace');
	t.like(namespaces(false), { only: namespace });
	t.like(namespaces(true), { isAll: true });
});

test('it begins to watch when it is used, tells changes, and ends with all that lives as long', async (t) => {
	await using server = await WatchedServer.start();
	const { connection, changes } = connectTo(server);
	connection.relist();
	t.is(server.lists, 0);
	const { signal } = new AbortController();
	await connection.synced(signal);
	await connection.synced(signal);
	t.is(server.lists, 4);
	await eventually('the watches', () => server.watches() === 4);
	const labels = { 'applyset.kubernetes.io/part-of': partOf };
	server.put({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'istio-reader-here', namespace, labels } });
	await eventually('the change', () => changes.length > 0);
	let ended = 0;
	connection.endsWith(() => ended++);
	await connection.close();
	await connection.close();
	t.is(ended, 1);
	// A pass that goes on a little longer must not begin anything that nobody would end.
	connection.endsWith(() => ended++);
	t.is(ended, 2);
	await t.throwsAsync(connection.synced(signal), { message: /was closed/ });
	await eventually('no watch', () => server.watches() === 0);
});

test('a pass that is over does not go on waiting for the first lists', async (t) => {
	await using server = await WatchedServer.start();
	server.isHeld = true;
	const { connection } = connectTo(server);
	const ends = new AbortController();
	const synced = connection.synced(ends.signal);
	ends.abort(new TransientError('the pass is over'));
	await t.throwsAsync(synced, { instanceOf: TransientError });
	server.release();
	await connection.synced(new AbortController().signal);
	await connection.close();
});

test('a connection that is closed keeps no pass waiting for the first lists: a cluster that misbehaves is told at once', async (t) => {
	await using server = await WatchedServer.start();
	server.isHeld = true;
	const { connection } = connectTo(server);
	const synced = connection.synced(new AbortController().signal);
	await connection.close();
	await t.throwsAsync(synced, { message: /was closed/ });
	server.release();
});
