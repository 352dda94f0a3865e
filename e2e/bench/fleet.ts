/** The clusters of a fleet's measurement: the operator's own, real clusters beside it, and simulated ones. */
import type { Child } from '../../operator/apply/child.ts';
import { ChildCaches } from '../../operator/apply/child-caches.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type Cluster, startCluster } from '../control-plane/cluster.ts';
import { type Simulator, startSimulator } from './simulator.ts';
import { openStage, type Stage } from './stage.ts';
import type { Observed } from './time-repair.ts';

/** A real cluster that joins, with an observer of what is kept there. */
export interface OtherCluster extends Observed {
	readonly cluster: Cluster;
	/** The objects that are kept there now. */
	children(): readonly Child[];
}

export interface Fleet extends AsyncDisposable {
	readonly stage: Stage;
	readonly others: readonly OtherCluster[];
	readonly simulator: Simulator;
}

/** What the operator keeps in a cluster whose services are read. */
const keptKinds = [kinds.ServiceAccount, kinds.ClusterRole, kinds.ClusterRoleBinding];

export async function openFleet(scale: { readonly clusters: number; readonly real: number }): Promise<Fleet> {
	await using started = new AsyncDisposableStack();
	const stage = started.use(await openStage());
	await addNode(stage.user, 250);
	const others: OtherCluster[] = [];
	for (let index = 0; index < scale.real; index++) {
		const cluster = started.use(await startCluster({ parts: 'api-server', fsync: true }));
		const user = started.use(new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken }));
		await addNode(user, 251 + index);
		const caches = new ChildCaches(user, {
			watched: keptKinds.map((kind) => ({ kind, metadataOnly: true })),
			onError: (error) => console.error(error),
		});
		started.defer(() => caches.stop());
		caches.start();
		await caches.synced();
		others.push({
			cluster,
			user,
			children: () => keptKinds.flatMap((kind) => [...caches.ofKind(kind)]),
			seen: { get: (key) => caches.get(key), onChild: (handler) => caches.onChange(handler) },
		});
	}
	const simulator = started.use(await startSimulator(scale.clusters - scale.real));
	const all = started.move();
	return { stage, others, simulator, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Makes a Node object for its block of addresses: an API server alone has no controller that would assign one. */
async function addNode(user: ApiServer, number: number): Promise<void> {
	const podCIDR = `100.66.${number}.0/24`;
	const { apiVersion, kind } = kinds.Node;
	await user.create({ apiVersion, kind, metadata: { name: 'node-1' }, spec: { podCIDR, podCIDRs: [podCIDR] } });
}
