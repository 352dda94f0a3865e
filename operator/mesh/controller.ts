/**
 * The wiring: watches → queue → pass. Starts its parts in the order in which they need each other and stops them in
 * reverse. Runs in every replica. Without the lease it keeps its caches warm and writes nothing.
 */

import { definedFields, namespaceOf } from '../../api/v1/index.ts';
import manifest from '../../package.json' with { type: 'json' };
import type { CrdMemory } from '../apply/apply-crds.ts';
import { RepairLimit } from '../apply/repair-limit.ts';
import type { ApplyHooks } from '../apply/writer.ts';
import { clusterChecks } from '../clusters/checks/gather-and-check.ts';
import type { ClusterClients } from '../clusters/clients.ts';
import { ClusterController } from '../clusters/controller.ts';
import type { ClusterControllerOptions } from '../clusters/controller-context.ts';
import type { ClusterSettings } from '../clusters/settings.ts';
import { lines as allLines, type Lines } from '../lines/index.ts';
import { configFollowedAfterMs } from '../plan/sight.ts';
import type { MeshLimits } from '../releases/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { workloadKinds } from '../runtime/kinds.ts';
import { type Logger, passLogger } from '../runtime/log/logger.ts';
import {
	type PassContext,
	type PassResult,
	priorities,
	WorkQueue,
	type WorkQueueHooks,
} from '../runtime/queue/work-queue.ts';
import { describeWaits, StartWaits } from '../runtime/start-waits.ts';
import type { ReflectorHappening } from '../runtime/watch/reflector.ts';
import type { StatusNotice } from '../status/status-notice.ts';
import { MeshAuthorities } from './authority/mesh-authorities.ts';
import { MeshCaches } from './caches.ts';
import { GatewayApiLook } from './gateway-api.ts';
import type { StoredInstallation } from './installation.ts';
import { JoinedClusters } from './joined/joined-clusters.ts';
import { Mutators } from './mutators.ts';
import { MeshPods } from './pods.ts';
import { JoinedProxies } from './proxies/joined-proxies.ts';
import { MeshProxies, type MeshProxiesOptions } from './proxies/mesh-proxies.ts';
import { defaultQuietMs } from './proxies/proxy-index.ts';
import { Reconciler } from './reconcile.ts';
import type { ReconcilerOptions } from './reconciler-options.ts';
import { RevisionAnswers } from './revisions/revision-answers.ts';
import { Access } from './rights/access.ts';
import { UpgradeLooks } from './upgrade/looks.ts';
import { OwnWords, reachPod } from './upgrade/own-words.ts';
import { UserObjects } from './user-objects.ts';
import { childNeedsPass, freesExclusive, installationNeedsPass, installationsOf } from './wake.ts';
import { MeshWebhooks } from './webhooks/mesh-webhooks.ts';

export interface MeshControllerOptions {
	readonly api: ApiServer;
	/** How joined clusters are reached. */
	readonly clusters: ClusterAccessOptions;
	readonly log: Logger;
	/** The lines of releases that can be installed. Default: all. */
	readonly lines?: Lines;
	/** Version of this operator. Default: that of the package. */
	readonly operatorVersion?: string | undefined;
	/** What whoever runs the operator lets meshes do. */
	readonly limits?: MeshLimits | undefined;
	/** How many installations are worked on at a time. Default 64. */
	readonly concurrency?: number | undefined;
	/** Everything is listed and looked at again about this often. Default 10 min. */
	readonly resyncMs?: number | undefined;
	/**
	 * What is told of users' proxies stays as it is for this time. Joined clusters are looked at after ten times as long.
	 * Default 30 s.
	 */
	readonly proxiesQuietMs?: number | undefined;
	/** After this time every Pilot follows a changed mesh configuration. Default 150 s. */
	readonly configFollowedAfterMs?: number | undefined;
	/** Whether this process runs in the cluster and reaches its pods. Default: no. */
	readonly reachesPods?: boolean | undefined;
	/** Ends a pass that hangs. Default 2 min. */
	readonly reconcileTimeoutMs?: number;
	/** Publishes an Event about an installation. */
	readonly onNotice?: (object: StoredInstallation, notice: StatusNotice) => void;
	readonly onStatus?: ReconcilerOptions['onStatus'];
	readonly onApply?: ApplyHooks['onOutcome'];
	/** Called with the numbers of proxies of a mesh, for metrics. */
	readonly onProxies?: MeshProxiesOptions['onCounts'];
	/** As `onProxies`, for its joined clusters. */
	readonly onProxiesThere?: MeshProxiesOptions['onCountsThere'];
	readonly onWatch?: (happening: ReflectorHappening) => void;
	readonly queueHooks?: WorkQueueHooks<string>;
	readonly wallClock?: (() => number) | undefined;
	/** Monotonic, milliseconds. Default `performance.now`. */
	readonly monotonicClock?: (() => number) | undefined;
	readonly random?: () => number;
}

export interface ClusterAccessOptions extends ClusterClients {
	readonly settings: ClusterSettings;
	readonly onObserved?: ClusterControllerOptions['onObserved'];
	readonly onRotated?: ClusterControllerOptions['onRotated'];
	readonly queueHooks?: WorkQueueHooks<string>;
}

/** More than the requests in flight: while some installations wait for answers, others have their next request ready. */
const defaultConcurrency = 64;
const defaultResyncMs = 10 * 60_000;
/** Joined clusters are listed anew within this many resyncs. Their watches are supervised all the time. */
const relistClustersWithin = 2;
const quietTimesBetweenLooks = 10;
/** Check this often whether the caches see the workloads. */
const sightCheckMs = 1_000;

export class MeshController {
	readonly caches: MeshCaches;
	readonly queue: WorkQueue<string>;
	readonly #options: MeshControllerOptions;
	readonly #lines: Lines;
	readonly #random: () => number;
	readonly #crdMemory: CrdMemory = { applied: new Map(), newer: new Set(), foreign: new Map() };
	readonly #repairLimit = new RepairLimit();
	readonly clusters: ClusterController;
	readonly #joined: JoinedClusters;
	readonly #authorities: MeshAuthorities;
	readonly #access: Access;
	readonly #pods: MeshPods;
	readonly #webhooks: MeshWebhooks;
	readonly #userObjects: UserObjects;
	readonly #gatewayApi: GatewayApiLook;
	readonly #proxies: MeshProxies;
	readonly #upgradeLooks: UpgradeLooks;
	readonly #ownWords: OwnWords;
	readonly #revisionAnswers: RevisionAnswers;
	readonly #reconciler: Reconciler;
	readonly #waits: StartWaits;
	#hasStarted = false;
	#serverVersion = '';
	#resyncTimer: NodeJS.Timeout | undefined;
	#sightTimer: NodeJS.Timeout | undefined;
	#isBlind = false;
	#namespacesBehind: ReadonlySet<string> = new Set();

	constructor(options: MeshControllerOptions) {
		this.#options = options;
		this.#lines = options.lines ?? allLines;
		this.#random = options.random ?? Math.random;
		const { api, log } = options;
		this.#waits = new StartWaits({ onError: (error) => log.warn({ err: error }, 'the start waits for an answer') });
		this.caches = new MeshCaches(api, {
			onError: (error) => log.warn({ err: error }, 'a watch is disturbed'),
			onMalformed: ({ metadata: { name } }, problems) =>
				log.warn(
					{ meshInstallation: name, problems: problems.slice(0, 10).map(({ message }) => message) },
					'the status is malformed and counts as absent',
				),
			onSecret: ({ name }, installations) => {
				for (const installation of installations) this.queue.add(installation, { reason: `Secret ${name}` });
			},
			...(options.onWatch === undefined ? {} : { observe: options.onWatch }),
		});
		const applier = {
			api,
			live: this.caches.children,
			crdMemory: this.#crdMemory,
			repairLimit: this.#repairLimit,
			now: options.monotonicClock ?? (() => performance.now()),
		};
		this.clusters = this.#makeClusters(applier);
		const quietMs = options.proxiesQuietMs ?? defaultQuietMs;
		const joinedProxies = new JoinedProxies({
			everyMs: quietMs * quietTimesBetweenLooks,
			// What clusters find one after the other is told together.
			onChange: (mesh, isAwaited) =>
				this.queue.add(mesh, { reason: 'proxies of joined clusters', afterMs: isAwaited ? 0 : quietMs }),
			onError: (error) =>
				log.error({ err: error }, 'the operator failed while it looked at the pods of a joined cluster'),
		});
		this.#authorities = new MeshAuthorities({
			api,
			applier,
			wake: (mesh, reason) => this.queue.add(mesh, { reason }),
			onError: (error) => log.warn({ err: error }, 'a watch of Secrets with roots is disturbed'),
			wallClock: options.wallClock ?? Date.now,
		});
		this.#joined = new JoinedClusters({
			authorities: this.#authorities,
			api,
			proxies: joinedProxies,
			lines: this.#lines,
			live: this.caches.children,
			controller: this.clusters,
			wakeNamespace: (namespace) => this.#wakeNamespace(namespace, 'addresses of the control plane'),
			onError: (error) => log.warn({ err: error }, 'a watch is disturbed'),
			wallClock: options.wallClock ?? Date.now,
		});
		this.#access = new Access({
			api,
			lines: this.#lines,
			live: this.caches.children,
			operatorNamespace: options.limits?.operatorNamespace ?? 'meshwright-system',
			now: () => performance.now(),
		});
		this.#pods = new MeshPods({
			api,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'why its pods do not run' }),
			onError: (error) => log.warn({ err: error }, 'a watch is disturbed'),
		});
		this.#webhooks = new MeshWebhooks({
			api,
			lines: this.#lines,
			live: this.caches.children,
			installations: this.caches.installations,
			onChange: () => {
				for (const { metadata } of this.caches.installations.all())
					this.queue.add(metadata.name, { reason: 'webhooks of others' });
			},
			onError: (error) => log.warn({ err: error }, 'a watch is disturbed'),
		});
		this.#userObjects = new UserObjects({
			api,
			lines: this.#lines,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'objects of users' }),
			onError: (error) => log.warn({ err: error }, 'objects of users could not be looked at'),
		});
		this.#gatewayApi = new GatewayApiLook({
			api,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'Gateways of the Gateway API' }),
			onError: (error) => log.warn({ err: error }, 'Gateways of the Gateway API could not be looked at'),
		});
		this.#proxies = new MeshProxies({
			api,
			lines: this.#lines,
			installations: this.caches.installations,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'proxies' }),
			joined: joinedProxies,
			remotesOf: (object) => this.#joined.remotesOf(object),
			onCounts: options.onProxies,
			onCountsThere: options.onProxiesThere,
			quietMs: options.proxiesQuietMs,
			wallClock: options.wallClock ?? Date.now,
			onError: (error) => log.warn({ err: error }, 'a watch is disturbed'),
		});
		this.#upgradeLooks = new UpgradeLooks({
			api,
			lines: this.#lines,
			proxiesOf: (object) => this.#proxies.known(object),
			namespaces: this.caches.children,
			wallClock: options.wallClock ?? Date.now,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'what a change of version may break' }),
			onError: (error) => log.warn({ err: error }, 'what a change of version may break could not be looked at'),
		});
		this.#ownWords = new OwnWords({
			reach: options.reachesPods === true ? reachPod : undefined,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'what its pods say' }),
			onError: (error) => log.warn({ err: error }, 'pods could not be asked'),
		});
		this.#revisionAnswers = new RevisionAnswers({
			api,
			onChange: (mesh) => this.queue.add(mesh, { reason: 'what a revision answers' }),
			now: applier.now,
		});
		this.#reconciler = new Reconciler({
			api,
			ownWords: this.#ownWords,
			revisionAnswers: this.#revisionAnswers,
			proxies: this.#proxies,
			userObjects: this.#userObjects,
			gatewayApi: this.#gatewayApi,
			upgradeChecks: this.#upgradeLooks,
			webhooks: this.#webhooks,
			mutators: new Mutators(api, () => performance.now()),
			pods: this.#pods,
			access: this.#access,
			lines: this.#lines,
			installations: this.caches.installations,
			namespaces: this.caches,
			secrets: this.caches.secrets,
			applier,
			clusters: this.#joined,
			limits: options.limits,
			operatorVersion: options.operatorVersion ?? manifest.version,
			serverVersion: () => this.#serverVersion,
			wallClock: options.wallClock ?? Date.now,
			random: this.#random,
			resyncMs: options.resyncMs ?? defaultResyncMs,
			configFollowedAfterMs: options.configFollowedAfterMs ?? configFollowedAfterMs,
			onNotice: (object, notice) => this.#tell(object, notice),
			...definedFields({ onApply: options.onApply, onStatus: options.onStatus }),
		});
		this.queue = new WorkQueue<string>({
			worker: (name, context) => this.#pass(name, context),
			concurrency: options.concurrency ?? defaultConcurrency,
			...definedFields({ reconcileTimeoutMs: options.reconcileTimeoutMs, hooks: options.queueHooks }),
		});
		this.#connect();
	}

	/**
	 * Starts the caches. Resolves when they have listed everything once. Nothing is written before `lead`. An API server that
	 * is down, fails or refuses delays this and does not end it.
	 */
	async start(signal: AbortSignal = new AbortController().signal): Promise<void> {
		const ask = this.#waits.until(signal);
		this.caches.start();
		const [version] = await Promise.all([
			ask('the version of Kubernetes', (aborted) => this.#options.api.version({ signal: aborted })),
			this.clusters.start(ask),
			this.caches.synced(ask),
		]);
		this.#serverVersion = version.gitVersion;
		this.#hasStarted = true;
		this.#planResync();
		this.#sightTimer = setInterval(() => this.#checkSight(), sightCheckMs);
		this.#sightTimer.unref();
	}

	/** What the start waits for, in one line without secrets. Undefined once it is over. */
	get awaited(): string | undefined {
		if (this.#hasStarted) return undefined;
		return describeWaits([...this.caches.missing, ...this.#waits.pending]) ?? 'is about to begin';
	}

	/** Lets passes begin: this replica holds the lease, or needs none. */
	lead(): void {
		this.queue.start();
		this.clusters.lead();
	}

	/**
	 * Stops the passes (running ones may go on until the deadline) and then the caches. Returns false when a pass goes on in
	 * spite of that. Then it may still write, and the lease must not be given away.
	 */
	async stop(deadlineMs: number): Promise<boolean> {
		clearTimeout(this.#resyncTimer);
		clearInterval(this.#sightTimer);
		const [{ unfinished }, clustersEnded] = await Promise.all([
			this.queue.stop({ deadlineMs }),
			this.clusters.stop(deadlineMs),
		]);
		this.#joined.stop();
		this.#authorities.stop();
		this.#pods.stop();
		this.#webhooks.stop();
		this.#userObjects.stop();
		this.#gatewayApi.stop();
		this.#proxies.stop();
		this.#upgradeLooks.stop();
		this.#ownWords.stop();
		this.#revisionAnswers.stop();
		this.caches.stop();
		return unfinished.length === 0 && clustersEnded;
	}

	#connect(): void {
		const { installations } = this.caches;
		this.caches.onInstallation((change) => {
			if (!installationNeedsPass(change)) return;
			const priority = change.initial ? priorities.background : priorities.normal;
			const { name } = (change.current ?? change.old).metadata;
			this.queue.add(name, { reason: `MeshInstallation ${change.type}`, priority });
			// An installation that goes, or changes, may free what another one waits for.
			if (change.type === 'deleted' || freesExclusive(change, this.#lines.exclusives)) {
				for (const { metadata } of installations.all())
					this.queue.add(metadata.name, { reason: `${name} is gone or has changed` });
			}
		});
		this.caches.onChild((change) => {
			if (change.initial || !childNeedsPass(change)) return;
			const { kind, metadata } = change.current ?? change.old;
			for (const name of installationsOf(change, installations.all())) {
				this.queue.add(name, { reason: `${kind} ${metadata.name} ${change.type}` });
			}
			// Applies also when the label that makes the Secret a record was removed.
			if ((change.old?.clusterRecord ?? change.current?.clusterRecord) !== undefined) {
				this.clusters.secretChanged(change);
				// Another primary may keep this Secret here. The pods that read it belong to the mesh in its namespace.
				this.#wakeNamespace(metadata.namespace ?? '', `Secret ${metadata.name} ${change.type}`);
			}
		});
	}

	#makeClusters(applier: ClusterControllerOptions['applier']): ClusterController {
		const { api, log, clusters, wallClock = Date.now, onApply } = this.#options;
		const { settings, access, connect, connectHere, onObserved, onRotated, queueHooks } = clusters;
		return new ClusterController({
			api,
			log,
			settings,
			applier,
			checks: clusterChecks,
			access,
			connect,
			connectHere,
			isFollowed: (namespace) => this.#joined.isFollowed(namespace),
			rolledOutAt: (namespace) => this.#joined.rolledOutAt(namespace),
			needsPass: childNeedsPass,
			wakeMesh: (mesh, reason, afterMs) => this.queue.add(mesh, { reason, afterMs }),
			onNotice: (mesh, notice) => {
				const object = this.caches.installations.get(mesh);
				if (object !== undefined) this.#tell(object, notice);
			},
			onApply: (kind, outcome) => onApply?.(kind, outcome),
			onObserved: (...about) => onObserved?.(...about),
			onRotated: (...about) => onRotated?.(...about),
			...(queueHooks === undefined ? {} : { queueHooks }),
			now: () => performance.now(),
			wallClock,
			random: this.#random,
		});
	}

	/** Wakes the installations whose mesh is in a namespace. */
	#wakeNamespace(namespace: string, reason: string): void {
		for (const object of this.caches.installations.all()) {
			if (namespaceOf(object) === namespace) this.queue.add(object.metadata.name, { reason });
		}
	}

	async #pass(name: string, context: PassContext): Promise<PassResult> {
		const log = passLogger(this.#options.log, { meshInstallation: name });
		const startedAt = performance.now();
		log.debug({ reasons: context.reasons, attempt: context.attempt }, 'pass begins');
		try {
			const result = await this.#reconciler.reconcile(name, context);
			log.debug({ milliseconds: Math.round(performance.now() - startedAt) }, 'pass ends');
			return result;
		} catch (error) {
			log.warn({ err: error, attempt: context.attempt }, 'pass failed');
			throw error;
		}
	}

	#tell(object: StoredInstallation, notice: StatusNotice): void {
		const { log, onNotice } = this.#options;
		const level = notice.type === 'Warning' ? 'warn' : 'info';
		log[level]({ meshInstallation: object.metadata.name, reason: notice.reason }, notice.message);
		onNotice?.(object, notice);
	}

	/**
	 * Checks whether the caches see the workloads. No event tells that events have stopped. So every status says it, until
	 * the workloads are seen again.
	 */
	#checkSight(): void {
		this.#checkSecrets();
		const isBlind = workloadKinds.some((kind) => this.caches.children.isBehind(kind));
		if (isBlind === this.#isBlind) return;
		this.#isBlind = isBlind;
		const reason = isBlind ? 'workloads are not seen any more' : 'workloads are seen again';
		for (const { metadata } of this.caches.installations.all()) this.queue.add(metadata.name, { reason });
	}

	/** Looks at the meshes again whose Secrets are not seen any more, or seen again: the right to see them may be gone. */
	#checkSecrets(): void {
		const before = this.#namespacesBehind;
		const behind = new Set(this.caches.children.namespacesBehind);
		const changed = [...behind, ...before].filter((namespace) => behind.has(namespace) !== before.has(namespace));
		if (changed.length === 0) return;
		this.#namespacesBehind = behind;
		this.#access.forget();
		for (const namespace of changed) this.#wakeNamespace(namespace, 'whether its Secrets are seen');
	}

	/**
	 * Reads the version of Kubernetes, which may be upgraded while this process runs. An installation that waited for that is
	 * looked at again.
	 */
	async #lookAtVersion(): Promise<void> {
		const { api, log } = this.#options;
		try {
			const { gitVersion } = await api.version({ isPatient: true });
			if (gitVersion === this.#serverVersion) return;
			this.#serverVersion = gitVersion;
			for (const { metadata } of this.caches.installations.all())
				this.queue.add(metadata.name, { reason: `Kubernetes is ${gitVersion} now` });
		} catch (error) {
			log.debug({ err: error }, 'the version of Kubernetes was not told');
		}
	}

	#planResync(): void {
		const { resyncMs = defaultResyncMs } = this.#options;
		this.#resyncTimer = setTimeout(
			() => {
				this.caches.relist();
				this.#authorities.relist();
				this.clusters.relist(relistClustersWithin * resyncMs);
				void this.#lookAtVersion();
				this.#planResync();
			},
			resyncMs * (0.8 + 0.4 * this.#random()),
		);
		this.#resyncTimer.unref();
	}
}
