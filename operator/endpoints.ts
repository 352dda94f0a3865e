/** Answers the kubelet and Prometheus: whether the watches work, what the start waits for, and the metrics. */
import type { ListenAddress, MeshOperatorOptions } from './options.ts';
import { type HealthServer, type HealthServerOptions, startHealthServer } from './runtime/health-server.ts';

/** When watches have been down for this time, `/healthz` fails, because a restart is worth a try. */
const stuckAfterMs = 10 * 60_000;

type Registry = NonNullable<HealthServerOptions['metrics']>;

/** Where the endpoints listen, as far as they do. */
type Addresses = Pick<MeshOperatorOptions, 'healthAddress' | 'livenessAddress' | 'metricsAddress'>;

/** What the endpoints tell of. */
export interface Told {
	/** What the start waits for. Undefined once it is over. */
	readonly awaited: () => string | undefined;
	/** Why the lease has never been seen. */
	readonly leaseTrouble: () => string | undefined;
	/** How long the most outdated cache has been without a watch. */
	readonly staleForMs: () => number;
}

export class Endpoints {
	/** The servers, once started: with port 0, on the port that was free. */
	health: HealthServer | undefined;
	liveness: HealthServer | undefined;
	metrics: HealthServer | undefined;
	readonly #addresses: Addresses;
	readonly #told: Told;
	readonly #registry: Registry;

	constructor(addresses: Addresses, told: Told, registry: Registry) {
		this.#addresses = addresses;
		this.#told = told;
		this.#registry = registry;
	}

	/** Begins to listen on the given addresses, if there are any. */
	async start(): Promise<void> {
		const { healthAddress, livenessAddress, metricsAddress } = this.#addresses;
		const healthz = { watches: () => this.#watchProblem() };
		// A server of its own: what others do to the other two costs the kubelet's probe nothing.
		if (livenessAddress !== undefined) {
			this.liveness = await startHealthServer({ ...placeOf(livenessAddress), healthz });
		}
		if (healthAddress !== undefined) {
			this.health = await startHealthServer({
				...placeOf(healthAddress),
				healthz,
				readyz: { start: this.#told.awaited, lease: this.#told.leaseTrouble },
			});
		}
		if (metricsAddress !== undefined) {
			this.metrics = await startHealthServer({ ...placeOf(metricsAddress), metrics: this.#registry });
		}
	}

	async stop(): Promise<void> {
		await Promise.all([this.liveness?.close(), this.health?.close(), this.metrics?.close()]);
	}

	#watchProblem(): string | undefined {
		const staleForMs = this.#told.staleForMs();
		// During the start, the API server, the CRD or a role may be missing. No restart mends that.
		if (staleForMs < stuckAfterMs || this.#told.awaited() !== undefined) return undefined;
		return `a watch has been down for ${Math.round(staleForMs / 1_000)} s`;
	}
}

function placeOf({ host, port }: ListenAddress) {
	return { port, ...(host === undefined ? {} : { host }) };
}
