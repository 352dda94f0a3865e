/**
 * The operator as a whole, on the life cycle and the finalizer contract of `@dot-i/k8s-operator`: `start()` runs `init()`,
 * `stop()` ends it, `handleResourceFinalizer` guards deletion. Of that class nothing else is used, and all of it that
 * touches the network is overridden, because of what it does there (version 1.3.9, dist/operator.js):
 *
 * - `watchResource` ends the process on any watch error, knows no list and no resourceVersion, so that it replays
 *   everything and misses deletions after each reconnect, and hands events to one queue that works one at a time;
 * - `setResourceFinalizers` replaces the whole list without looking at the version, so that finalizers of others are
 *   lost, and swallows every error; `setResourceStatus` and `patchResourceStatus` swallow theirs as well: the caller
 *   believes that it wrote;
 * - `registerCustomResourceDefinition` passes arguments in a form that the client library no longer takes;
 * - its requests open a connection each, and read credentials at each.
 */
import { readFile } from 'node:fs/promises';
import type { ResourceEvent, ResourceEventType, ResourceMeta } from '@dot-i/k8s-operator';
import dotI from '@dot-i/k8s-operator';
import type { KubernetesObject } from '@kubernetes/client-node';
import { parse } from 'yaml';
import manifest from '../package.json' with { type: 'json' };
import { addFinalizer, removeFinalizer } from './apply/finalizer.ts';
import { fieldManager, statusFieldManager } from './apply/identity.ts';
import { guardedLookup, refusedAddress } from './clusters/kubeconfig/address-guard.ts';
import type { ClusterSettings } from './clusters/settings.ts';
import { MeshController } from './mesh/controller.ts';
import { ApiServer } from './runtime/client/api-server.ts';
import { loadKubeconfig } from './runtime/credentials/credentials.ts';
import { isInCluster } from './runtime/credentials/in-cluster.ts';
import { LeaderElector } from './runtime/election/leader-election.ts';
import { leaseStore } from './runtime/election/lease.ts';
import { InvalidError } from './runtime/errors.ts';
import { EventRecorder } from './runtime/events/event-recorder.ts';
import { type HealthServer, startHealthServer } from './runtime/health-server.ts';
import { kinds } from './runtime/kinds.ts';
import type { Logger } from './runtime/log/logger.ts';
import { createMetrics } from './runtime/metrics.ts';
import type { KubeObject } from './runtime/object.ts';
import { Lifecycle, type StopReport } from './runtime/shutdown.ts';
import { Reflector } from './runtime/watch/reflector.ts';

export interface MeshOperatorOptions {
	/** Kubeconfig file. Default: `KUBECONFIG`, the Pod's ServiceAccount, `~/.kube/config`. */
	readonly kubeconfig?: string | undefined;
	/** Instead of the kubeconfig's current context. */
	readonly context?: string | undefined;
	/** Namespace of the lease. */
	readonly namespace: string;
	/** Without it this process writes at once: for one replica only. */
	readonly leaderElect: boolean;
	readonly metricsAddress: ListenAddress | undefined;
	readonly healthAddress: ListenAddress | undefined;
	/** Installations that are worked on at a time. */
	readonly concurrency?: number | undefined;
	readonly resyncMs?: number | undefined;
	/** After how many milliseconds every Pilot follows a changed mesh configuration. 150 s when not set. */
	readonly configFollowedAfterMs?: number | undefined;
	/** Milliseconds since 1970, by which certificates are renewed and conditions are dated. Default `Date.now`. */
	readonly wallClock?: (() => number) | undefined;
	/** What joined clusters may be. Nothing beyond what is safe everywhere when not set. */
	readonly clusters?: ClusterSettings | undefined;
	readonly log: Logger;
	/** The lease is lost, or something else happened after which this process must not go on. */
	readonly onFatal: (reason: string) => void;
}

/** Where to listen; without a host on all addresses. */
export interface ListenAddress {
	readonly host?: string | undefined;
	readonly port: number;
}

const leaseName = 'meshwright';
/**
 * Requests in flight. Twice what saturates an API server of two cores: since Kubernetes 1.31 a write of a role or a binding
 * by somebody without `escalate` and `bind` waits up to 100 ms on the server, where it checks against a consistent list of
 * bindings (apiserver's `ConsistentListFromCache`), and takes a place here all the while without doing anything.
 */
const maxInFlight = 32;
/** Watches that have been down for so long (milliseconds) make `/healthz` fail: a restart is worth a try. */
const stuckAfterMs = 10 * 60_000;
/** How long, milliseconds, the last Events may keep the next replica waiting for the lease. */
const lastEventsMs = 2_000;
/** The caches may take their time: an API server that is down now is waited for. */
const cachesTimeoutMs = 60 * 60_000;

/** For the API server of a joined cluster. Each request in flight is a connection, which costs as much as waiting for a turn. */
const clientBounds = { maxInFlight: 2, timeoutMs: 15_000, connectTimeoutMs: 5_000, maxResponseBytes: 16 * 1024 * 1024 };

/**
 * How others may reach this API server: by the address that the operator uses itself, unless that is one which means
 * something else on every machine, or inside a cluster, where it is a Service's. The authority is the same at every address.
 */
function accessFor(url: string, ca: string | undefined, settings: ClusterSettings) {
	const server = url.replace(/\/+$/, '');
	const isUsable = server.startsWith('https:') && refusedAddress(new URL(server).hostname, settings) === undefined;
	return { server: isInCluster() || !isUsable ? undefined : server, ca };
}

/** The base class's words for what happened; its enum is not exported as a value in a form that ESM can import. */
const eventTypes = {
	added: 'ADDED' as ResourceEventType.Added,
	updated: 'MODIFIED' as ResourceEventType.Modified,
	deleted: 'DELETED' as ResourceEventType.Deleted,
};

/**
 * The base class's constructor reads the default kubeconfig, whichever was asked for. For its duration the default is
 * the one that was: a file that nobody named must neither be read nor, when it is broken, keep the operator from starting.
 */
function pointTo(kubeconfig: string | undefined): () => void {
	if (kubeconfig === undefined) return () => undefined;
	const before = process.env.KUBECONFIG;
	process.env.KUBECONFIG = kubeconfig;
	return () => {
		if (before === undefined) delete process.env.KUBECONFIG;
		else process.env.KUBECONFIG = before;
	};
}

export class MeshOperator extends dotI.default {
	readonly #options: MeshOperatorOptions;
	readonly #lifecycle: Lifecycle;
	readonly #reflectors: Reflector<KubeObject>[] = [];
	#api: ApiServer | undefined;
	#controller: MeshController | undefined;
	/** Addresses that are listened on, once started: with port 0, the one that was free. */
	readonly listening: { health?: HealthServer; metrics?: HealthServer } = {};

	constructor(options: MeshOperatorOptions) {
		const { log } = options;
		const restore = pointTo(options.kubeconfig);
		try {
			super({
				debug: (message) => log.debug(message),
				info: (message) => log.info(message),
				warn: (message) => log.warn(message),
				error: (message) => log.error(message),
			});
		} finally {
			restore();
		}
		this.#options = options;
		this.#lifecycle = new Lifecycle({ log });
	}

	/** Starts everything; resolves when the caches are filled and this replica leads or stands by. Rejects when a part can't start. */
	protected override async init(): Promise<void> {
		const { kubeconfig, context, namespace, leaderElect, log, onFatal, concurrency, resyncMs, wallClock } =
			this.#options;
		const { configFollowedAfterMs } = this.#options;
		const credentials = await loadKubeconfig({ path: kubeconfig, context });
		const metrics = createMetrics({ version: manifest.version });
		const queueMetrics = metrics.queue<string>('meshinstallation');
		// Of its own, so that renewals never wait behind installations, and are not subject to the gate that they open.
		const leaseApi = new ApiServer(credentials, { observe: metrics.observeRequest });
		const elector = new LeaderElector({
			store: leaseStore(leaseApi, { namespace, name: leaseName }),
			log,
			onElected: () => {
				metrics.setLeader(leaseName, true);
				controller.lead();
			},
			onLost: (reason) => {
				metrics.setLeader(leaseName, false);
				onFatal(`the lease ${namespace}/${leaseName} is lost: ${reason}`);
			},
		});
		const mayWrite = leaderElect ? { beforeWrite: () => elector.assertMayWrite() } : {};
		const api = new ApiServer(credentials, { maxInFlight, observe: metrics.observeRequest, ...mayWrite });
		const settings = this.#options.clusters ?? { allowLoopback: false, allowProxies: false };
		const clusterQueueMetrics = metrics.queue<string>('cluster');
		const grant = await credentials.grant();
		const events = new EventRecorder({ api, log, onOutcome: metrics.countEvent });
		const controller = new MeshController({
			api,
			log,
			...(concurrency === undefined ? {} : { concurrency }),
			...(resyncMs === undefined ? {} : { resyncMs }),
			...(configFollowedAfterMs === undefined ? {} : { configFollowedAfterMs }),
			...(wallClock === undefined ? {} : { wallClock }),
			clusters: {
				settings,
				// Many, each for itself: little is in flight at a time, and what is hostile is bounded.
				connect: (given) =>
					new ApiServer(given, {
						...clientBounds,
						...mayWrite,
						lookup: guardedLookup(settings),
						observe: (request) => metrics.observeRequest({ ...request, host: 'joined' }),
					}),
				// Without the certificate of our own that goes before a token.
				connectHere: (token) =>
					new ApiServer(
						{
							url: credentials.url,
							proxyUrl: credentials.proxyUrl,
							...grant.tls,
							cert: undefined,
							key: undefined,
							token,
						},
						clientBounds,
					),
				access: accessFor(credentials.url, grant.tls.ca, settings),
				onObserved: (installation, cluster, { health, facts }, observation) =>
					metrics.setCluster(
						{ installation, cluster },
						observation === undefined
							? undefined
							: {
									isReachable: health.state === 'unknown' ? undefined : health.state === 'up',
									isJoined: observation.secret !== undefined,
									latencyMs: health.latencyMs,
									lastSuccessAt: health.lastSuccessAt,
									credentialsExpireAt:
										observation.credentials === undefined ? undefined : Date.parse(observation.credentials.expire),
									services: facts?.services,
									endpoints: facts?.endpoints,
								},
					),
				onRotated: (installation, cluster) => metrics.countCredentialsRotation({ installation, cluster }),
				queueHooks: clusterQueueMetrics.hooks,
			},
			onApply: metrics.countApply,
			onWatch: ({ kind, event, reason }) => metrics.countWatchReconnect(kind, `${event}:${reason}`),
			onStatus: (name, status) => {
				const ready = status?.conditions?.find(({ type }) => type === 'Ready');
				metrics.setInstallationReady(name, status === undefined ? undefined : ready?.status === 'True');
				const notAfter = status?.certificateAuthority?.notAfter;
				metrics.setCertificateAuthorityExpiry(name, notAfter === undefined ? undefined : new Date(notAfter));
			},
			onNotice: (about, { type, reason, message }) =>
				events.record({ about, type, reason, action: 'Reconcile', note: message }),
			queueHooks: queueMetrics.hooks,
		});
		queueMetrics.attach(controller.queue);
		clusterQueueMetrics.attach(controller.clusters.queue);
		this.#api = api;
		this.#controller = controller;

		let passesEnded = false;
		await this.#lifecycle.start([
			{ name: 'endpoints', start: () => this.#listen(metrics.registry), stop: () => this.#unlisten() },
			{ name: 'connections', stop: async () => void (await Promise.all([api.close(), leaseApi.close()])) },
			{
				name: 'caches',
				start: () => controller.start(),
				startTimeoutMs: cachesTimeoutMs,
				// Also where they were never filled, so that no later part ends them: the CRD or the API server is not there yet.
				stop: () => controller.caches.stop(),
			},
			{
				name: 'lease',
				start: () => (leaderElect ? elector.start() : controller.lead()),
				// Parts stop in reverse, so the passes have ended here; from the release on another replica writes.
				stop: ({ deadlineMs }) =>
					leaderElect ? elector.stop({ release: passesEnded, timeoutMs: deadlineMs }) : undefined,
			},
			{
				name: 'events',
				// Before the lease is given away, since only its holder writes. Without it nothing can be written any more.
				stop: ({ deadlineMs }) =>
					events.stop({
						deadlineMs: leaderElect && !elector.mayWrite() ? 0 : Math.min(deadlineMs, lastEventsMs),
					}),
			},
			{
				name: 'passes',
				async stop({ deadlineMs }) {
					passesEnded = await controller.stop(deadlineMs);
				},
			},
		]);
		log.info({ version: manifest.version, leaderElect }, 'started');
	}

	/** Begins the end; `stopped` tells when it is done. */
	override stop(): void {
		void this.stopped('asked to stop');
	}

	/** Ends everything in order and tells how that went. May be called again. */
	stopped(reason: string): Promise<StopReport> {
		for (const reflector of this.#reflectors) reflector.stop();
		return this.#lifecycle.stop(reason);
	}

	// The contract of the base class, over our own transport

	/** Calls back for each change, from a list and watch that lasts. What the callback throws is logged and ends nothing. */
	protected override async watchResource(
		group: string,
		version: string,
		plural: string,
		onEvent: (event: ResourceEvent) => Promise<void>,
		namespace?: string,
	): Promise<void> {
		const apiVersion = group === '' ? version : `${group}/${version}`;
		const kind = Object.values(kinds).find((entry) => entry.apiVersion === apiVersion && entry.plural === plural);
		if (kind === undefined)
			throw new InvalidError('UnknownKind', `${plural}.${apiVersion} is not a kind that Meshwright reads`);
		const report = (error: unknown): void => this.#options.log.error({ err: error }, `watch of ${plural}`);
		const reflector = new Reflector<KubeObject>(this.#connected(), {
			kind,
			namespace,
			transform: (object) => object,
			onError: report,
		});
		this.#reflectors.push(reflector);
		reflector.addHandler(({ type, old, current }) => {
			const object = current ?? old;
			const meta: ResourceMeta = {
				...object.metadata,
				id: `${plural}.${apiVersion}`,
				resourceVersion: object.metadata.resourceVersion ?? '',
				apiVersion,
				kind: kind.kind,
			};
			onEvent({ meta, object: object as unknown as KubernetesObject, type: eventTypes[type] }).catch(report);
		});
		reflector.start();
		await reflector.synced;
	}

	/** Adds the finalizer where it is missing, or runs the action of a deletion and then takes it off. Errors reach the caller. */
	protected override async handleResourceFinalizer(
		event: ResourceEvent,
		finalizer: string,
		deleteAction: (event: ResourceEvent) => Promise<void>,
	): Promise<boolean> {
		if (event.type === eventTypes.deleted) return false;
		const object = event.object as unknown as KubeObject;
		const { signal } = this.#lifecycle;
		const { deletionTimestamp, finalizers = [] } = object.metadata;
		if (deletionTimestamp !== undefined) {
			if (finalizers.includes(finalizer)) {
				await deleteAction(event);
				await removeFinalizer(this.#connected(), object, finalizer, signal);
			}
			return true;
		}
		if (finalizers.includes(finalizer)) return false;
		await addFinalizer(this.#connected(), object, finalizer, signal);
		return true;
	}

	/** Replaces the list, but only of the version that was read: a conflict reaches the caller. */
	protected override async setResourceFinalizers(meta: ResourceMeta, finalizers: string[]): Promise<void> {
		const { resourceVersion } = meta;
		await this.#connected().patch(meta, { metadata: { resourceVersion, finalizers } }, { type: 'merge' });
	}

	protected override setResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
		return this.patchResourceStatus(meta, status);
	}

	/** Applies the status; errors reach the caller. */
	protected override async patchResourceStatus(meta: ResourceMeta, status: unknown): Promise<ResourceMeta> {
		const { apiVersion, kind, name, namespace } = meta;
		const body = { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, status };
		const { resourceVersion } = await this.#connected().apply(body, {
			fieldManager: statusFieldManager,
			force: true,
			subresource: 'status',
		});
		return { ...meta, resourceVersion };
	}

	/** Applies a CRD from a YAML file. */
	protected override async registerCustomResourceDefinition(crdFile: string) {
		const crd = parse(await readFile(crdFile, 'utf8'));
		await this.#connected().apply(crd, { fieldManager, force: true });
		return { group: crd.spec.group, versions: crd.spec.versions, plural: crd.spec.names.plural };
	}

	#connected(): ApiServer {
		if (this.#api === undefined) throw new Error('the operator is not started');
		return this.#api;
	}

	// Endpoints

	async #listen(registry: { contentType: string; metrics(): Promise<string> }): Promise<void> {
		const { healthAddress, metricsAddress } = this.#options;
		const listenOn = ({ host, port }: ListenAddress) => ({ port, ...(host === undefined ? {} : { host }) });
		if (healthAddress !== undefined) {
			this.listening.health = await startHealthServer({
				...listenOn(healthAddress),
				healthz: { watches: () => this.#watchProblem() },
				readyz: { caches: () => (this.#controller?.caches.hasSynced === true ? undefined : 'not filled yet') },
			});
		}
		if (metricsAddress !== undefined) {
			this.listening.metrics = await startHealthServer({ ...listenOn(metricsAddress), metrics: registry });
		}
	}

	#watchProblem(): string | undefined {
		const caches = this.#controller?.caches;
		// Before the first list the API server or the CRD may be missing, which no restart mends.
		if (caches === undefined || !caches.hasSynced || caches.staleForMs < stuckAfterMs) return undefined;
		return `a watch has been down for ${Math.round(caches.staleForMs / 1_000)} s`;
	}

	async #unlisten(): Promise<void> {
		await Promise.all([this.listening.health?.close(), this.listening.metrics?.close()]);
	}
}
