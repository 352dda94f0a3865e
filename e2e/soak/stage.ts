/** The ground of a soak: two real clusters, each behind a proxy that misbehaves, and two replicas of the operator. */
import { type FaultProxy, type ProxiedRequest, startFaultProxy } from '../fault-proxy.ts';
import { kubeconfigThrough } from '../support/crash-kubeconfig.ts';
import { loopbackCertificate } from '../support/hostile-server.ts';
import { administratorOf, flatKubeconfig, startMeshClusters } from '../support/joined.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import { Journal } from './journal.ts';
import { Misbehaviour } from './misbehaviour.ts';
import type { Random } from './random.ts';
import { Replica } from './replica.ts';

/** Name of the cluster that joins. */
export const joiner = 'there';

/** A request that the proxy leaves alone, and that takes longer, is noted: then it is the machine that is slow. */
const slowMs = 5_000;

/** A cluster, and how the operator meets it. */
export interface Side {
	readonly mesh: MeshCluster;
	readonly misbehaviour: Misbehaviour;
	readonly proxy: FaultProxy;
	/** Requests so far. */
	readonly counts: { all: number; misbehaved: number };
	/** What the operator has written since the last look, one line each. */
	readonly takeWrites: () => readonly string[];
}

export interface Stage extends AsyncDisposable {
	readonly home: Side;
	readonly there: Side;
	/** Kubeconfig for the Secret by which the other cluster joins. */
	readonly joinKubeconfig: string;
	readonly replicas: readonly [Replica, Replica];
	readonly journal: Journal;
	/** What was not as it should be, while it went on. */
	readonly problems: string[];
	/** Ends all misbehaviour, and the connections that suffer from it. */
	readonly calm: () => void;
}

export interface StageOptions {
	readonly random: Random;
	/** Where logs are kept. */
	readonly folder: string;
	/** Whether clusters of the runner will do, which are lent to others afterwards. */
	readonly isShort: boolean;
}

export async function openStage({ random, folder, isShort }: StageOptions): Promise<Stage> {
	await using started = new AsyncDisposableStack();
	const journal = started.use(new Journal(`${folder}/journal.log`));
	const options = { parts: 'all', auditLog: false, own: !isShort } as const;
	const clusters = await startMeshClusters({ ...options, name: 'home' }, { ...options, name: joiner, crd: false });
	for (const cluster of clusters) started.use(cluster);
	const [homeCluster, otherCluster] = clusters as [MeshCluster, MeshCluster];
	const { ca, ...tls } = await loopbackCertificate();
	const home = await openSide('home', homeCluster, random, journal);
	started.use(home.proxy);
	const there = await openSide(joiner, otherCluster, random, journal, tls);
	started.use(there.proxy);
	const kubeconfig = await kubeconfigThrough(home.proxy, homeCluster.cluster, homeCluster.kubeconfig);
	const problems: string[] = [];
	const [a, b] = ['a', 'b'].map((name) =>
		started.use(new Replica(name, folder, kubeconfig, journal, (words) => problems.push(words))),
	) as [Replica, Replica];
	const all = started.move();
	return {
		home,
		there,
		joinKubeconfig: flatKubeconfig({ ...administratorOf(otherCluster.cluster), url: there.proxy.url, ca }),
		replicas: [a, b],
		journal,
		problems,
		calm: () => {
			for (const { misbehaviour, proxy } of [home, there]) {
				misbehaviour.isOn = false;
				misbehaviour.isAway = false;
				proxy.dropAll();
			}
		},
		[Symbol.asyncDispose]: () => all.disposeAsync(),
	};
}

async function openSide(
	name: string,
	mesh: MeshCluster,
	random: Random,
	journal: Journal,
	tls?: { readonly cert: string; readonly key: string },
): Promise<Side> {
	const misbehaviour = new Misbehaviour(random.for(`requests ${name}`));
	const counts = { all: 0, misbehaved: 0 };
	let writes: string[] = [];
	const onRequest = (request: ProxiedRequest) => {
		counts.all++;
		if (request.fault !== undefined) {
			counts.misbehaved++;
			journal.line(`${name} ${request.isWatch ? 'WATCH' : request.method} ${request.path}: ${request.fault}`);
		}
		if (isWrite(request)) writes.push(`${name}: ${request.method} ${request.path}`);
	};
	const onEnd = (request: ProxiedRequest, afterMs: number) => {
		if (request.isWatch || request.fault !== undefined || afterMs < slowMs) return;
		const { method, path, status } = request;
		journal.note('slow', `${name} ${method} ${path}: ${status ?? 'no answer'} after ${Math.round(afterMs)} ms`);
	};
	const decide = (request: ProxiedRequest) => misbehaviour.decide(request);
	return {
		mesh,
		misbehaviour,
		counts,
		proxy: await startFaultProxy(mesh.cluster, tls, { decide, onRequest, onEnd }),
		takeWrites: () => {
			const taken = writes;
			writes = [];
			return taken;
		},
	};
}

/** Renewals of the lease, reviews and dry runs change nothing of a mesh. */
function isWrite({ method, path, query }: ProxiedRequest): boolean {
	return method !== 'GET' && !/\/leases(\/|$)|\/selfsubject\w+reviews$/.test(path) && query.dryRun === undefined;
}
