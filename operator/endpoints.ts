/** Answers the kubelet and Prometheus: whether the watches work, whether the caches are filled, and the metrics. */
import type { ListenAddress, MeshOperatorOptions } from './options.ts';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './runtime/health-server.ts';

/** When watches have been down for this time, `/healthz` fails, because a restart is worth a try. */
const stuckAfterMs = 10 * 60_000;

type Registry = NonNullable<HealthServerOptions['metrics']>;

/** The state of the caches. */
interface Watched {
	readonly hasSynced: boolean;
	readonly staleForMs: number;
}

export class Endpoints {
	/** The servers, once started: with port 0, on the port that was free. */
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

	/** Begins to listen on the given addresses, if there are any. */
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
		// Before the first list, the API server or the CRD may be missing. No restart mends that.
		if (!hasSynced || staleForMs < stuckAfterMs) return undefined;
		return `a watch has been down for ${Math.round(staleForMs / 1_000)} s`;
	}
}

function placeOf({ host, port }: ListenAddress) {
	return { port, ...(host === undefined ? {} : { host }) };
}
