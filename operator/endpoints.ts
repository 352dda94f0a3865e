/** What the process answers to kubelet and Prometheus: whether its watches are well, whether its caches are filled, its metrics. */
import type { ListenAddress, MeshOperatorOptions } from './options.ts';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './runtime/health-server.ts';

/** Watches that have been down for so long make `/healthz` fail: a restart is worth a try. */
const stuckAfterMs = 10 * 60_000;

type Registry = NonNullable<HealthServerOptions['metrics']>;

/** What is told of the caches. */
interface Watched {
	readonly hasSynced: boolean;
	readonly staleForMs: number;
}

export class Endpoints {
	/** What listens, once started: with port 0, on the port that was free. */
	health: HealthServer | undefined;
	metrics: HealthServer | undefined;
	readonly #options: Pick<MeshOperatorOptions, 'healthAddress' | 'metricsAddress'>;
	readonly #caches: Watched;
	readonly #registry: Registry;

	constructor(
		options: Pick<MeshOperatorOptions, 'healthAddress' | 'metricsAddress'>,
		caches: Watched,
		registry: Registry,
	) {
		this.#options = options;
		this.#caches = caches;
		this.#registry = registry;
	}

	/** Begins to listen, where there are addresses to listen on. */
	async start(): Promise<void> {
		const { healthAddress, metricsAddress } = this.#options;
		if (healthAddress !== undefined) {
			this.health = await startHealthServer({
				...placeOf(healthAddress),
				healthz: { watches: () => this.#watchProblem() },
				readyz: { caches: () => (this.#caches.hasSynced ? undefined : 'not filled yet') },
			});
		}
		if (metricsAddress !== undefined) {
			this.metrics = await startHealthServer({ ...placeOf(metricsAddress), metrics: this.#registry });
		}
	}

	async stop(): Promise<void> {
		await Promise.all([this.health?.close(), this.metrics?.close()]);
	}

	#watchProblem(): string | undefined {
		const { hasSynced, staleForMs } = this.#caches;
		// Before the first list the API server or the CRD may be missing, which no restart mends.
		if (!hasSynced || staleForMs < stuckAfterMs) return undefined;
		return `a watch has been down for ${Math.round(staleForMs / 1_000)} s`;
	}
}

function placeOf({ host, port }: ListenAddress) {
	return { port, ...(host === undefined ? {} : { host }) };
}
