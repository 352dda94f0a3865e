/** The life of the process: its parts start in the order in which they need each other, and stop in reverse. */
import manifest from '../package.json' with { type: 'json' };
import { type Assembly, assemble } from './assemble.ts';
import { OperatorContract } from './operator-contract.ts';
import type { MeshOperatorOptions } from './options.ts';
import type { ApiServer } from './runtime/client/api-server.ts';
import { Lifecycle, type Part, type StopReport } from './runtime/shutdown.ts';

/** The last Events may keep the next replica waiting for the lease this long. */
const lastEventsMs = 2_000;
/** What of the stop is left for the last Events and for giving the lease away, when a pass hangs on an API server. */
const afterPassesMs = 5_000;
/** Passes get this long once nothing may be written any more: they can't finish. */
const passesWithoutLeaseMs = 500;
/**
 * The start may take this long, because it waits for an API server that is down, for a CRD or for a role. Nothing that it
 * waits for is mended by a restart, so the deadline is only for a process that itself is ill. It is far longer than the
 * 10 min after which the kubelet forgets that a container has ended before (kubernetes pkg/kubelet/kubelet.go,
 * `MaxContainerBackOff` twice): so the next start follows at once. `/healthz` is fine all the while, and `/readyz` says
 * what is missing.
 */
const startDeadlineMs = 60 * 60_000;

export class MeshOperator extends OperatorContract {
	readonly #options: MeshOperatorOptions;
	readonly #lifecycle: Lifecycle;
	#assembly: Assembly | undefined;

	constructor(options: MeshOperatorOptions) {
		const { log } = options;
		super(log);
		this.#options = options;
		this.#lifecycle = new Lifecycle({ log });
	}

	/** The addresses that listen, once started: with port 0, the port that was free. */
	get listening(): Partial<Pick<Assembly['endpoints'], 'health' | 'liveness' | 'metrics'>> {
		return this.#assembly?.endpoints ?? {};
	}

	/**
	 * Starts everything. Resolves when the caches are filled and this replica leads or stands by. Rejects when a part can't
	 * start.
	 */
	protected override async init(): Promise<void> {
		const { log, leaderElect } = this.#options;
		this.#assembly = await assemble(this.#options);
		await this.#lifecycle.start(partsOf(this.#assembly, leaderElect));
		log.info({ version: manifest.version, leaderElect }, 'started');
	}

	protected override connected(): ApiServer {
		if (this.#assembly === undefined) throw new Error('the operator is not started');
		return this.#assembly.api;
	}

	/** Begins to stop. `stopped` tells when that is done. */
	override stop(): void {
		void this.stopped('asked to stop');
	}

	/** Stops everything in order and reports how that went. May be called again. */
	stopped(reason: string): Promise<StopReport> {
		super.stop();
		return this.#lifecycle.stop(reason);
	}
}

/** The parts, in the order in which they start. */
function partsOf(assembly: Assembly, leaderElect: boolean): readonly Part[] {
	const { api, leaseApi, elector, events, controller, endpoints } = assembly;
	let passesEnded = false;
	return [
		{ name: 'endpoints', start: () => endpoints.start(), stop: () => endpoints.stop() },
		{ name: 'connections', stop: async () => void (await Promise.all([api.close(), leaseApi.close()])) },
		{
			name: 'caches',
			start: (signal) => controller.start(signal),
			startTimeoutMs: startDeadlineMs,
			awaited: () => controller.awaited,
			// Runs also when the caches were never filled, because the CRD or the API server does not exist yet.
			stop: () => controller.caches.stop(),
		},
		{
			name: 'lease',
			start: () => (leaderElect ? elector.start() : controller.lead()),
			// The passes have ended here. After the release another replica writes.
			stop: ({ deadlineMs }) =>
				leaderElect ? elector.stop({ release: passesEnded, timeoutMs: deadlineMs }) : undefined,
		},
		{
			name: 'events',
			// Runs before the lease is given away, because only its holder writes. Without the lease nothing can be written any
			// more.
			stop: ({ deadlineMs }) =>
				events.stop({ deadlineMs: leaderElect && !elector.mayWrite() ? 0 : Math.min(deadlineMs, lastEventsMs) }),
		},
		{
			name: 'passes',
			async stop({ deadlineMs }) {
				const longestMs = leaderElect && !elector.mayWrite() ? passesWithoutLeaseMs : deadlineMs - afterPassesMs;
				passesEnded = await controller.stop(Math.max(0, longestMs));
			},
		},
	];
}
