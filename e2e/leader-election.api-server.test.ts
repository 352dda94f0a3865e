/**
 * Runs two replicas as processes, with the timings of production, while somebody keeps damaging the mesh, so that the
 * leader always has something to write. Each replica has an account of its own: the API server's audit log tells who wrote.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ApiServer } from '../operator/runtime/client/api-server.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import type { AuditEvent } from './control-plane/audit.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { kubeconfigThrough } from './support/crash-kubeconfig.ts';
import { type OperatorProcess, startOperatorProcess } from './support/crash-operator.ts';
import { type CrashProxy, startCrashProxy } from './support/crash-proxy.ts';
import { eventually } from './support/eventually.ts';
import { applyInstallation, untilInstalled } from './support/installation.ts';
import {
	addOperatorAccount,
	type MeshCluster,
	operatorAccount,
	person,
	startMeshCluster,
	userOf,
} from './support/mesh-cluster.ts';
import { describeWrite, mark, writesOf } from './support/writes.ts';

const namespace = 'istio-system';
/** Slow enough that no replica takes it for a fight, and gives up. */
const damagePauseMs = 250;

/** The text that `LeaderElector` logs. */
const leads = 'this replica leads';

interface Replica extends OperatorProcess {
	/** Its name in the audit log. */
	readonly user: string;
}

let mesh: MeshCluster;
let accounts = 0;

test.before(async () => {
	mesh = await startMeshCluster();
	await applyInstallation(mesh.api, 'default', {});
});

test.after.always(async () => {
	await mesh?.stop();
});

/** Starts a replica under an account that no other has. */
async function startReplica(t: ExecutionContext, proxy?: CrashProxy): Promise<Replica> {
	const name = `replica-${++accounts}`;
	const direct = await addOperatorAccount(mesh, name);
	const kubeconfig = proxy === undefined ? direct : await kubeconfigThrough(proxy, mesh.cluster, direct);
	const replica = await startOperatorProcess({ kubeconfig, leaderElect: true });
	t.teardown(replica.kill);
	return { ...replica, user: userOf({ namespace: operatorAccount.namespace, name }) };
}

/** Starts a leader, behind a proxy if there is one, and a replica that stands by with full caches. */
async function startPair(
	t: ExecutionContext,
	proxy?: CrashProxy,
): Promise<readonly [leader: Replica, standby: Replica]> {
	const leader = await startReplica(t, proxy);
	await leader.until('the first replica leads', () => leader.hasSaid(leads));
	await untilInstalled(mesh.api, 'default');
	const standby = await startReplica(t);
	await standby.until('the second replica stands by', () => standby.hasSaid('started'));
	return [leader, standby];
}

/** Changes a field of the operator's again and again, until it is ended. */
function keepDamaging(api: ApiServer): { readonly end: () => Promise<void> } {
	const enough = new AbortController();
	const reference = { ...kinds.ConfigMap, namespace, name: 'istio' };
	const damage = async () => {
		for (let turn = 0; !enough.signal.aborted; turn++) {
			await api.patch(reference, { data: { mesh: `damaged: ${turn}` } }, { type: 'merge', fieldManager: person });
			await sleep(damagePauseMs);
		}
	};
	const done = damage();
	return {
		end: async () => {
			enough.abort();
			await done;
		},
	};
}

/** Waits until a replica has written something. */
async function untilWrites(replica: Replica, since: number): Promise<void> {
	await eventually(
		`${replica.user} writes`,
		async () => (await writesOf(mesh.cluster, replica.user, since)).length > 0,
	);
}

/** When the last of these requests was answered: RFC 3339 with microseconds, comparable as text. */
function lastAnswer(events: readonly AuditEvent[]): string {
	return (
		events
			.map(({ stageTimestamp }) => stageTimestamp)
			.toSorted()
			.at(-1) ?? ''
	);
}

/** When the first of these requests came. */
function firstArrival(events: readonly AuditEvent[]): string {
	return events.map(({ requestReceivedTimestamp }) => requestReceivedTimestamp).toSorted()[0] ?? '';
}

interface Handover {
	readonly old: readonly AuditEvent[];
	readonly next: readonly AuditEvent[];
}

async function handover([old, next]: readonly [Replica, Replica], since: number): Promise<Handover> {
	return { old: await writesOf(mesh.cluster, old.user, since), next: await writesOf(mesh.cluster, next.user, since) };
}

test.serial(
	'a leader that is stopped in the middle of its work is succeeded, and when it goes on it writes nothing more and exits',
	async (t) => {
		await using proxy = await startCrashProxy(mesh.cluster);
		const pair = await startPair(t, proxy);
		const [old, next] = pair;
		const since = await mark(mesh.cluster);
		const damage = keepDamaging(mesh.api);
		await untilWrites(old, since);

		// The answer waits in its socket. When the process goes on, it would write the next wave.
		const stopped = proxy.pauseAfter('PATCH /api/v1/namespaces/shop/configmaps/istio by meshwright', () =>
			old.signal('SIGSTOP'),
		);
		await applyInstallation(mesh.api, 'shop', { namespace: 'shop' });
		await stopped;
		await next.until('the other replica leads', () => next.hasSaid(leads));
		await untilWrites(next, since);
		await untilInstalled(mesh.api, 'shop');
		const { old: before } = await handover(pair, since);
		old.signal('SIGCONT');
		t.is(await old.exit(), 1, old.log());
		await damage.end();

		const writes = await handover(pair, since);
		t.deepEqual(writes.old.slice(before.length).map(describeWrite), [], 'nothing after it went on');
		t.true(lastAnswer(writes.old) < firstArrival(writes.next), 'the two never wrote at the same time');
		next.signal('SIGTERM');
		t.is(await next.exit(), 0, next.log());
	},
);

test.serial('a leader that is killed is succeeded when its lease has run out', async (t) => {
	const pair = await startPair(t);
	const [old, next] = pair;
	const since = await mark(mesh.cluster);
	const damage = keepDamaging(mesh.api);
	await untilWrites(old, since);

	await old.kill();
	await next.until('the other replica leads', () => next.hasSaid(leads));
	await untilWrites(next, since);
	await damage.end();

	const writes = await handover(pair, since);
	t.true(lastAnswer(writes.old) < firstArrival(writes.next));
	next.signal('SIGTERM');
	t.is(await next.exit(), 0, next.log());
});

test.serial(
	'a leader that is asked to end gives the lease away after its last write, and the other goes on at once',
	async (t) => {
		const pair = await startPair(t);
		const [old, next] = pair;
		const since = await mark(mesh.cluster);
		const damage = keepDamaging(mesh.api);
		await untilWrites(old, since);

		old.signal('SIGTERM');
		t.is(await old.exit(), 0, old.log());
		await next.until('the other replica leads', () => next.hasSaid(leads));
		await untilWrites(next, since);
		await damage.end();

		const writes = await handover(pair, since);
		t.true(lastAnswer(writes.old) < firstArrival(writes.next));
		const lease = await mesh.api.get({ ...kinds.Lease, namespace: operatorAccount.namespace, name: 'meshwright' });
		t.like(lease.spec, { leaseDurationSeconds: 15 });
		next.signal('SIGTERM');
		t.is(await next.exit(), 0, next.log());
	},
);

/** A leader one of whose passes hangs on a request that nobody answers. */
async function startHangingLeader(t: ExecutionContext, proxy: FaultProxy, name: string): Promise<OperatorProcess> {
	const kubeconfig = await kubeconfigThrough(proxy, mesh.cluster, mesh.kubeconfig);
	const leader = await startOperatorProcess({ kubeconfig, leaderElect: true });
	t.teardown(leader.kill);
	await leader.until('it leads', () => leader.hasSaid(leads));
	proxy.script({ method: 'PATCH', path: new RegExp(`/namespaces/${name}$`) }, { type: 'hang' });
	await applyInstallation(mesh.api, name, { namespace: name });
	await eventually('a request hangs', () => proxy.requests.some(({ fault }) => fault === 'hang'));
	return leader;
}

test.serial('a leader that has lost its lease ends at once, although a request of it hangs', async (t) => {
	await using proxy = await startFaultProxy(mesh.cluster);
	const leader = await startHangingLeader(t, proxy, 'hangs-lost');
	const lease = { ...kinds.Lease, namespace: operatorAccount.namespace, name: 'meshwright' };
	await mesh.api.patch(lease, { spec: { holderIdentity: 'somebody else' } }, { type: 'merge' });
	t.is(await leader.exit(), 1, leader.log());
	t.false(leader.hasSaid('a part did not stop well'), leader.log());
	await mesh.api.delete(lease);
});

test.serial('a leader that is asked to end gives the lease away, although a request of it hangs', async (t) => {
	await using proxy = await startFaultProxy(mesh.cluster);
	const leader = await startHangingLeader(t, proxy, 'hangs-asked');
	leader.signal('SIGTERM');
	t.is(await leader.exit(), 0, leader.log());
	t.true(leader.hasSaid('the lease is released'), leader.log());
});
