/**
 * Makes the parts of the process without starting them: clients, election, Events, the controller, metrics and endpoints.
 */
import manifest from '../package.json' with { type: 'json' };
import { clusterClients } from './clusters/clients.ts';
import { Endpoints } from './endpoints.ts';
import { MeshController } from './mesh/controller.ts';
import { clusterMetrics, meshMetrics } from './mesh/metrics.ts';
import { leaseName, type MeshOperatorOptions } from './options.ts';
import { ApiServer } from './runtime/client/api-server.ts';
import { isPodsOwn, loadKubeconfig } from './runtime/credentials/credentials.ts';
import { LeaderElector } from './runtime/election/leader-election.ts';
import { leaseStore } from './runtime/election/lease.ts';
import { EventRecorder } from './runtime/events/event-recorder.ts';
import { createMetrics, type Metrics } from './runtime/metrics.ts';

/**
 * Requests in flight. This is twice what saturates an API server of two cores. Since Kubernetes 1.31 a write of a role or a
 * binding by somebody without `escalate` and `bind` waits up to 100 ms on the server, which checks it against a consistent
 * list of bindings (apiserver's `ConsistentListFromCache`). All the while it takes a place here without doing anything.
 */
const maxInFlight = 32;

export interface Assembly {
	readonly api: ApiServer;
	/**
	 * A client of its own, so that renewals never wait behind installations, and are not subject to the gate that they open.
	 */
	readonly leaseApi: ApiServer;
	readonly elector: LeaderElector;
	readonly events: EventRecorder;
	readonly controller: MeshController;
	readonly endpoints: Endpoints;
}

/** Reads the kubeconfig and makes all parts. Rejects with InvalidError when no kubeconfig can be used. */
export async function assemble(options: MeshOperatorOptions): Promise<Assembly> {
	const { kubeconfig, context, log, leaderElect } = options;
	const settings = options.clusters ?? { allowLoopback: false, allowProxies: false };
	const credentials = await loadKubeconfig({ path: kubeconfig, context });
	const metrics = createMetrics({ version: manifest.version });
	const { observeRequest } = metrics;

	const leaseApi = new ApiServer(credentials, { observe: observeRequest });
	const elector = makeElector(leaseApi, options, metrics, () => controller.lead());
	const mayWrite = leaderElect ? { beforeWrite: () => elector.assertMayWrite() } : {};
	const api = new ApiServer(credentials, { maxInFlight, http2: 'watches', observe: observeRequest, ...mayWrite });
	const clients = await clusterClients(credentials, settings, {
		...mayWrite,
		observe: (request) => observeRequest({ ...request, host: 'joined' }),
	});
	const events = new EventRecorder({ api, log, onOutcome: metrics.countEvent });
	const queueMetrics = metrics.queue<string>('meshinstallation');
	const clusterQueueMetrics = metrics.queue<string>('cluster');
	const controller = new MeshController({
		api,
		log,
		limits: { ...options.limits, operatorNamespace: options.namespace },
		operatorVersion: options.version,
		reachesPods: isPodsOwn({ path: kubeconfig }),
		concurrency: options.concurrency,
		resyncMs: options.resyncMs,
		proxiesQuietMs: options.proxiesQuietMs,
		configFollowedAfterMs: options.configFollowedAfterMs,
		wallClock: options.wallClock,
		monotonicClock: options.monotonicClock,
		...meshMetrics(metrics),
		onNotice: (about, { type, reason, message }) =>
			events.record({ about, type, reason, action: 'Reconcile', note: message }),
		queueHooks: queueMetrics.hooks,
		clusters: { settings, ...clients, ...clusterMetrics(metrics), queueHooks: clusterQueueMetrics.hooks },
	});
	queueMetrics.attach(controller.queue);
	clusterQueueMetrics.attach(controller.clusters.queue);
	const told = {
		awaited: () => controller.awaited,
		leaseTrouble: () => elector.trouble,
		staleForMs: () => controller.caches.staleForMs,
	};
	const endpoints = new Endpoints(options, told, metrics.registry);
	return { api, leaseApi, elector, events, controller, endpoints };
}

function makeElector(
	api: ApiServer,
	{ namespace, log, onFatal }: MeshOperatorOptions,
	metrics: Metrics,
	lead: () => void,
): LeaderElector {
	return new LeaderElector({
		store: leaseStore(api, { namespace, name: leaseName }),
		log,
		onElected: () => {
			metrics.setLeader(leaseName, true);
			lead();
		},
		onLost: (reason) => {
			metrics.setLeader(leaseName, false);
			onFatal(`the lease ${namespace}/${leaseName} is lost: ${reason}`);
		},
	});
}
