/**
 * Two electors on a real API server. Timings are shorter than in production, but longer than a busy machine stands still.
 */
import test from 'ava';
import { type Cluster, startCluster } from '../../../e2e/control-plane/cluster.ts';
import { eventually } from '../../../e2e/support/eventually.ts';
import { ApiServer } from '../client/api-server.ts';
import { systemClock } from '../clock.ts';
import { LeaderElector } from './leader-election.ts';
import { leaseStore } from './lease.ts';

const timings = { leaseDurationMs: 10_000, renewDeadlineMs: 7_000, retryPeriodMs: 400 };

const ready: Promise<Cluster> = startCluster({ own: true });
test.after.always(async () => (await ready).stop());

function connect(cluster: Cluster): ApiServer {
	return new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
}

/**
 * Asks `mayWrite` of all electors all the time. It tells the smallest gap between one writer's last write and another's
 * first.
 */
function watchWriters(electors: () => readonly LeaderElector[]) {
	let most = 0;
	const timer = setInterval(() => {
		most = Math.max(most, electors().filter((elector) => elector.mayWrite()).length);
	}, 2);
	return {
		end(): number {
			clearInterval(timer);
			return most;
		},
	};
}

function replica(api: ApiServer, name: string, identity: string) {
	const lost: string[] = [];
	/** Simulates a stopped process: its clock goes on and no timer fires. */
	let isFrozen = false;
	const elector = new LeaderElector({
		store: leaseStore(api, { namespace: 'default', name }),
		identity,
		timings,
		onElected: () => undefined,
		onLost: (reason) => void lost.push(reason),
		clock: {
			...systemClock,
			setTimer: (callback, delayMs) => systemClock.setTimer(() => (isFrozen ? undefined : callback()), delayMs),
		},
	});
	elector.start();
	return {
		elector,
		lost,
		freeze: () => {
			isFrozen = true;
		},
	};
}

test.serial('a lease given back is taken over at once, and transitions are counted', async (t) => {
	const api = connect(await ready);
	const a = replica(api, 'clean', 'a');
	await eventually('a leads', () => a.elector.mayWrite());
	const b = replica(api, 'clean', 'b');
	const writers = watchWriters(() => [a.elector, b.elector]);
	await eventually('b has seen the lease', () => b.elector.holder === 'a');
	t.false(b.elector.mayWrite());
	await a.elector.stop({ release: true });
	await eventually('b leads', () => b.elector.mayWrite());
	const reference = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'default', name: 'clean' };
	const { spec } = await api.get(reference);
	t.like(spec, { holderIdentity: 'b', leaseDurationSeconds: 10, leaseTransitions: 1 });
	t.regex((spec as { renewTime: string }).renewTime, /\.\d{6}Z$/);
	await b.elector.stop({ release: true });
	t.like((await api.get(reference)).spec, { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 1 });
	t.is(writers.end(), 1);
	await api.close();
});

test.serial(
	'a killed leader is succeeded when its lease has run out, and not before its own gate closed',
	async (t) => {
		const api = connect(await ready);
		const a = replica(api, 'killed', 'a');
		await eventually('a leads', () => a.elector.mayWrite());
		const b = replica(api, 'killed', 'b');
		const writers = watchWriters(() => [a.elector, b.elector]);
		await eventually('b has seen the lease', () => b.elector.holder === 'a');
		a.freeze();
		await eventually('b leads', () => b.elector.mayWrite());
		t.false(a.elector.mayWrite());
		t.true(a.elector.isLeader, 'a has not noticed: only its gate knows');
		t.is(writers.end(), 1);
		await b.elector.stop({ release: false });
		await api.close();
	},
);

test.serial('an outage of the API server ends the lead before the lease, and afterwards one leads again', async (t) => {
	const cluster = await ready;
	const [apiA, apiB] = [connect(cluster), connect(cluster)];
	const a = replica(apiA, 'outage', 'a');
	await eventually('a leads', () => a.elector.mayWrite());
	const b = replica(apiB, 'outage', 'b');
	const writers = watchWriters(() => [a.elector, b.elector]);
	await cluster.stopApiServer();
	await eventually('a gives up', () => a.lost.length > 0);
	t.regex(a.lost[0] ?? '', /could not be renewed/);
	t.false(a.elector.mayWrite());
	await cluster.startApiServer();
	await eventually('b leads', () => b.elector.mayWrite());
	t.is(writers.end(), 1);
	await b.elector.stop({ release: true });
	await Promise.all([apiA.close(), apiB.close()]);
});

test.serial('a server that hangs ends the lead in time too', async (t) => {
	const cluster = await ready;
	const api = connect(cluster);
	const a = replica(api, 'hanging', 'a');
	await eventually('a leads', () => a.elector.mayWrite());
	cluster.pauseApiServer();
	await eventually('a gives up', () => a.lost.length > 0);
	t.false(a.elector.mayWrite());
	cluster.resumeApiServer();
	await api.close();
});

test.serial('a lease deleted by somebody ends the lead', async (t) => {
	const api = connect(await ready);
	const a = replica(api, 'deleted', 'a');
	await eventually('a leads', () => a.elector.mayWrite());
	await api.delete({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'default', name: 'deleted' });
	await eventually('a gives up', () => a.lost.length > 0);
	t.false(a.elector.mayWrite());
	await api.close();
});

test.serial('the guard of the client keeps writes of a replica that does not lead from being sent', async (t) => {
	const cluster = await ready;
	const own = connect(cluster);
	const a = replica(own, 'guard', 'a');
	const guarded = new ApiServer(
		{ url: cluster.url, ca: cluster.ca, token: cluster.adminToken },
		{ beforeWrite: () => a.elector.assertMayWrite() },
	);
	const configMap = {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { namespace: 'default', name: 'guarded' },
		data: {},
	};
	await eventually('a leads', () => a.elector.mayWrite());
	await t.notThrowsAsync(guarded.apply(configMap, { fieldManager: 'test' }));
	await a.elector.stop({ release: true });
	await t.throwsAsync(guarded.apply({ ...configMap, data: { a: 'b' } }, { fieldManager: 'test' }), {
		message: /must not write/,
	});
	t.deepEqual(
		(await guarded.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'guarded' })).data,
		undefined,
	);
	await Promise.all([own.close(), guarded.close()]);
});
