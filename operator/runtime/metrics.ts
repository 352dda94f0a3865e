/**
 * Prometheus metrics, in a registry of their own. The first three groups have the names of controller-runtime and
 * client-go, so that dashboards and alerts for any Kubernetes operator work. Ours begin with `meshwright_`.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { PassOutcome, WorkQueue, WorkQueueHooks } from './queue/work-queue.ts';

/** The outcome of one server-side apply, or of the decision not to send one. */
export type ApplyOutcome = 'created' | 'changed' | 'unchanged' | 'conflict' | 'failed' | 'deleted';

export interface QueueMetrics<K extends string> {
	/** For the options of the queue. */
	readonly hooks: WorkQueueHooks<K>;
	/** Shows the queue's depth and running passes whenever somebody reads the metrics. */
	attach(queue: WorkQueue<K>): void;
}

export interface Metrics {
	readonly registry: Registry;
	/** Makes the metrics of one controller and its queue. Call it once per name. */
	queue<K extends string>(controller: string): QueueMetrics<K>;
	/** For the `observe` option of an API server's client. */
	observeRequest(request: { readonly method: string; readonly code: string; readonly host: string }): void;
	/** Whether this process holds the lease of this name. */
	setLeader(lease: string, isLeader: boolean): void;
	countApply(kind: string, outcome: ApplyOutcome): void;
	countWatchReconnect(kind: string, reason: string): void;
	/** Kubernetes Events: `written`, `failed`, or `dropped` by a limit. */
	countEvent(outcome: 'written' | 'failed' | 'dropped'): void;
	/** Readiness of an installation. Undefined removes it, when the installation is gone. */
	setInstallationReady(name: string, isReady: boolean | undefined): void;
	/** When an installation's certificate authority ends. Undefined when there is none. */
	setCertificateAuthorityExpiry(name: string, notAfter: Date | undefined): void;
	/** Numbers of users' proxies of an installation. Undefined removes them, when it is gone. */
	setProxies(installation: string, numbers: readonly ProxyNumber[] | undefined): void;
	/** Numbers of users' proxies in the joined clusters of an installation. None remove them. */
	setProxiesThere(installation: string, numbers: readonly ProxyNumberThere[]): void;
	/** Where the change of an installation's version is. Undefined removes it, when none goes on. */
	setUpgrade(installation: string, upgrade: UpgradeLabels | undefined): void;
	/** How a joined cluster is. Undefined removes it, when it has left. */
	setCluster(cluster: ClusterLabels, figures: ClusterFigures | undefined): void;
	/** Counts a renewed token of a joined cluster. */
	countCredentialsRotation(cluster: ClusterLabels): void;
}

export interface ProxyNumber {
	/** Empty for all namespaces that are not shown by name. */
	readonly namespace: string;
	readonly version: string;
	readonly count: number;
}

export interface ProxyNumberThere {
	readonly cluster: string;
	readonly version: string;
	readonly count: number;
}

/** A change of version, as `status.upgrade` tells it. */
export interface UpgradeLabels {
	readonly from: string;
	readonly to: string;
	/** Empty before the first stage, and after the last one on the way back. */
	readonly stage: string;
	readonly state: string;
}

export interface ClusterLabels {
	/** Name of the MeshInstallation. */
	readonly installation: string;
	readonly cluster: string;
}

/** Figures that are not known now are undefined, and not shown. */
export interface ClusterFigures {
	readonly isReachable: boolean | undefined;
	readonly isJoined: boolean;
	readonly latencyMs: number | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly lastSuccessAt: number | undefined;
	readonly credentialsExpireAt: number | undefined;
	readonly services: number | undefined;
	readonly endpoints: number | undefined;
}

const outcomes: readonly PassOutcome[] = ['success', 'error', 'requeue', 'requeue_after'];

/**
 * The bounds of controller-runtime up to a minute, but fewer: a pass here takes some milliseconds, and then the network's
 * time.
 */
const passBucketsSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const queueBuckets = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1_000];

export interface MetricsOptions {
	/** Version of the operator, for `meshwright_build_info`. */
	readonly version: string;
	/** Metrics of the process: memory, CPU, event loop, garbage collection. Default true; tests turn them off. */
	readonly processMetrics?: boolean;
}

export function createMetrics(options: MetricsOptions): Metrics {
	const registry = new Registry();
	if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
	const registers = [registry];
	const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
		new Counter({ name, help, labelNames, registers });
	const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
		new Gauge({ name, help, labelNames, registers });

	const requests = counter('rest_client_requests_total', 'HTTP requests by status code, method and host.', [
		'code',
		'method',
		'host',
	]);
	const leader = gauge('leader_election_master_status', 'Whether this process holds the lease: 1 or 0.', ['name']);
	const applies = counter('meshwright_apply_total', 'Objects applied or found right, by kind and outcome.', [
		'kind',
		'outcome',
	]);
	const reconnects = counter('meshwright_watch_reconnects_total', 'Watches opened again, by kind and reason.', [
		'kind',
		'reason',
	]);
	const events = counter('meshwright_events_total', 'Kubernetes Events, by what became of them.', ['outcome']);
	const ready = gauge('meshwright_installation_ready', 'Whether a MeshInstallation is ready: 1 or 0.', ['name']);
	const authorityExpiry = gauge(
		'meshwright_certificate_authority_expiry_timestamp_seconds',
		"When a mesh's certificate authority ends, seconds since 1970.",
		['name'],
	);
	const proxies = gauge(
		'meshwright_proxies',
		"Users' proxies: by mesh, namespace and version in this cluster, by mesh, cluster and version in joined ones.",
		['installation', 'cluster', 'namespace', 'version'],
	);
	const shownProxies = new Map<string, readonly ProxyNumber[]>();
	const shownProxiesThere = new Map<string, readonly ProxyNumberThere[]>();
	const upgrades = gauge('meshwright_upgrade_stage', 'Always 1; the labels tell where a change of version is.', [
		'installation',
		'from',
		'to',
		'stage',
		'state',
	]);
	const shownUpgrades = new Map<string, UpgradeLabels>();
	const perCluster = ['installation', 'cluster'] as const;
	const clusterGauge = (name: string, help: string) => gauge(`meshwright_cluster_${name}`, help, perCluster);
	const clusterGauges = {
		reachable: clusterGauge('reachable', 'Whether the API server of a joined cluster answers: 1 or 0.'),
		joined: clusterGauge('joined', 'Whether the Secret by which Pilot reads a cluster is published: 1 or 0.'),
		latency: clusterGauge('latency_seconds', 'How long the API server of a cluster took to answer the last probe.'),
		lastSuccess: clusterGauge('last_success_timestamp_seconds', 'When a cluster last answered, seconds since 1970.'),
		expiry: clusterGauge('credentials_expiry_timestamp_seconds', 'When the published token ends, seconds since 1970.'),
		services: clusterGauge('services', 'About how many Services a cluster has.'),
		endpoints: clusterGauge('endpoints', 'About how many Endpoints a cluster has.'),
	};
	const rotations = counter(
		'meshwright_cluster_credentials_rotations_total',
		'Tokens for joined clusters that were renewed.',
		perCluster,
	);
	gauge('meshwright_build_info', 'Always 1; the label tells the version.', ['version']).set(
		{ version: options.version },
		1,
	);
	const queue = queueMetrics(registry);

	return {
		registry,
		queue,
		observeRequest: ({ code, method, host }) => requests.inc({ code, method, host }),
		setLeader: (name, isLeader) => leader.set({ name }, isLeader ? 1 : 0),
		countApply: (kind, outcome) => applies.inc({ kind, outcome }),
		countWatchReconnect: (kind, reason) => reconnects.inc({ kind, reason }),
		countEvent: (outcome) => events.inc({ outcome }),
		setInstallationReady(name, isReady) {
			if (isReady === undefined) ready.remove({ name });
			else ready.set({ name }, isReady ? 1 : 0);
		},
		setCertificateAuthorityExpiry(name, notAfter) {
			if (notAfter === undefined) authorityExpiry.remove({ name });
			else authorityExpiry.set({ name }, notAfter.getTime() / 1000);
		},
		setProxies(installation, numbers) {
			for (const { namespace, version } of shownProxies.get(installation) ?? [])
				proxies.remove({ installation, namespace, version });
			if (numbers === undefined) shownProxies.delete(installation);
			else shownProxies.set(installation, numbers);
			for (const { namespace, version, count } of numbers ?? [])
				proxies.set({ installation, namespace, version }, count);
		},
		setProxiesThere(installation, numbers) {
			for (const { cluster, version } of shownProxiesThere.get(installation) ?? [])
				proxies.remove({ installation, cluster, version });
			if (numbers.length === 0) shownProxiesThere.delete(installation);
			else shownProxiesThere.set(installation, numbers);
			for (const { cluster, version, count } of numbers) proxies.set({ installation, cluster, version }, count);
		},
		setUpgrade(installation, upgrade) {
			const shown = shownUpgrades.get(installation);
			if (shown !== undefined) upgrades.remove({ installation, ...shown });
			shownUpgrades.delete(installation);
			if (upgrade === undefined) return;
			shownUpgrades.set(installation, upgrade);
			upgrades.set({ installation, ...upgrade }, 1);
		},
		setCluster({ installation, cluster }, figures) {
			const labels = { installation, cluster };
			const show = (shown: (typeof clusterGauges)['joined'], value: number | undefined) => {
				if (value === undefined) shown.remove(labels);
				else shown.set(labels, value);
			};
			const seconds = (milliseconds: number | undefined) =>
				milliseconds === undefined ? undefined : milliseconds / 1000;
			const { reachable, joined, latency, lastSuccess, expiry, services, endpoints } = clusterGauges;
			show(reachable, figures?.isReachable === undefined ? undefined : Number(figures.isReachable));
			show(joined, figures === undefined ? undefined : Number(figures.isJoined));
			show(latency, seconds(figures?.latencyMs));
			show(lastSuccess, seconds(figures?.lastSuccessAt));
			show(expiry, seconds(figures?.credentialsExpireAt));
			show(services, figures?.services);
			show(endpoints, figures?.endpoints);
		},
		countCredentialsRotation: ({ installation, cluster }) => rotations.inc({ installation, cluster }),
	};
}

function queueMetrics(registry: Registry): Metrics['queue'] {
	const registers = [registry];
	const attached = new Map<string, WorkQueue<string>>();
	const perController = ['controller'] as const;
	const perQueue = ['name', 'controller'] as const;
	const passes = new Counter({
		name: 'controller_runtime_reconcile_total',
		help: 'Reconciliations by result.',
		labelNames: ['controller', 'result'],
		registers,
	});
	const total = (name: string, help: string) =>
		new Counter({ name: `controller_runtime_${name}`, help, labelNames: perController, registers });
	const errors = total('reconcile_errors_total', 'Reconciliations that failed.');
	const terminal = total(
		'terminal_reconcile_errors_total',
		'Reconciliations that failed for good until the user acts.',
	);
	const panics = total('reconcile_panics_total', 'Reconciliations that failed by a defect in the program.');
	const timeouts = total('reconcile_timeouts_total', 'Reconciliations that outlived their deadline.');
	const passTime = new Histogram({
		name: 'controller_runtime_reconcile_time_seconds',
		help: 'Duration of a reconciliation.',
		labelNames: perController,
		buckets: passBucketsSeconds,
		registers,
	});
	const adds = new Counter({
		name: 'workqueue_adds_total',
		help: 'Adds to the queue.',
		labelNames: perQueue,
		registers,
	});
	const retries = new Counter({
		name: 'workqueue_retries_total',
		help: 'Retries planned.',
		labelNames: perQueue,
		registers,
	});
	const queueTime = new Histogram({
		name: 'workqueue_queue_duration_seconds',
		help: 'How long a key was in line.',
		labelNames: perQueue,
		buckets: queueBuckets,
		registers,
	});
	const workTime = new Histogram({
		name: 'workqueue_work_duration_seconds',
		help: 'How long the work on a key took.',
		labelNames: perQueue,
		buckets: queueBuckets,
		registers,
	});

	// Gauges that read the queues when somebody asks for the metrics.
	const gauge = <L extends string>(
		name: string,
		help: string,
		labelNames: readonly L[],
		show: (gauge: Gauge<L>) => void,
	) =>
		new Gauge({
			name,
			help,
			labelNames,
			registers,
			collect() {
				this.reset();
				show(this);
			},
		});
	gauge(
		'controller_runtime_max_concurrent_reconciles',
		'Reconciliations that may run at a time.',
		perController,
		(shown) => {
			for (const [controller, queue] of attached) shown.set({ controller }, queue.snapshot().concurrency);
		},
	);
	gauge('controller_runtime_active_workers', 'Reconciliations that run now.', perController, (shown) => {
		for (const [controller, queue] of attached) shown.set({ controller }, queue.snapshot().running.length);
	});
	gauge('workqueue_depth', 'Keys in line by priority.', ['name', 'controller', 'priority'], (shown) => {
		for (const [name, queue] of attached) {
			const { readyByPriority } = queue.snapshot();
			if (!readyByPriority.has(0)) shown.set({ name, controller: name, priority: '0' }, 0);
			for (const [priority, depth] of readyByPriority)
				shown.set({ name, controller: name, priority: String(priority) }, depth);
		}
	});
	gauge('workqueue_unfinished_work_seconds', 'Time spent on work that has not ended, summed.', perQueue, (shown) => {
		for (const [name, queue] of attached) {
			const sum = queue.snapshot().running.reduce((seconds, { runningMs }) => seconds + runningMs / 1_000, 0);
			shown.set({ name, controller: name }, sum);
		}
	});
	gauge(
		'workqueue_longest_running_processor_seconds',
		'Age of the oldest work that has not ended.',
		perQueue,
		(shown) => {
			for (const [name, queue] of attached) {
				const oldest = Math.max(0, ...queue.snapshot().running.map(({ runningMs }) => runningMs / 1_000));
				shown.set({ name, controller: name }, oldest);
			}
		},
	);

	return <K extends string>(controller: string): QueueMetrics<K> => {
		const labels = { name: controller, controller };
		// Present from the start: when a counter appears only with its first error, a rate over it misses that error.
		for (const result of outcomes) passes.inc({ controller, result }, 0);
		for (const metric of [errors, terminal, panics, timeouts]) metric.inc({ controller }, 0);
		for (const metric of [adds, retries]) metric.inc(labels, 0);
		return {
			hooks: {
				onAdd: () => adds.inc(labels),
				onRetry: () => retries.inc(labels),
				onPassStart: (_key, queuedMs) => queueTime.observe(labels, queuedMs / 1_000),
				onPassEnd({ outcome, durationMs, isTerminal, isDefect, isTimeout }) {
					passes.inc({ controller, result: outcome });
					passTime.observe({ controller }, durationMs / 1_000);
					workTime.observe(labels, durationMs / 1_000);
					if (outcome === 'error') errors.inc({ controller });
					if (isTerminal) terminal.inc({ controller });
					if (isDefect) panics.inc({ controller });
					if (isTimeout) timeouts.inc({ controller });
				},
			},
			attach(queue) {
				if (attached.has(controller)) throw new Error(`metrics of the queue ${controller} are attached already`);
				// Only `snapshot` is called, and it is the same for all kinds of keys.
				attached.set(controller, queue as unknown as WorkQueue<string>);
			},
		};
	};
}
