/** The proxies of each mesh, from the one index of all. */
import { namespaceOf } from '../../../api/v1/index.ts';
import type { Lines } from '../../lines/index.ts';
import { type CountedMesh, type ProxyCounts, useOf } from '../../plan/proxies/count.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ProxiesObservation } from '../../status/proxies.ts';
import type { InstallationCache, StoredInstallation } from '../installation.ts';
import { ProxyIndex, type ProxyIndexOptions } from './proxy-index.ts';
import { type RestartedMesh, type RestartStep, WorkloadRestarts } from './workload-restarts.ts';

export interface MeshProxiesOptions extends ProxyIndexOptions {
	readonly lines: Lines;
	readonly installations: Pick<InstallationCache, 'all'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
}

/** Who still uses a mesh. */
export type ProxiesInUse =
	/** `sentence`: undefined when nobody does. */
	{ readonly isKnown: true; readonly sentence: string | undefined } | { readonly isKnown: false; readonly why: string };

/** A pass waits this long for the first list of pods. */
const expectMs = 5_000;

export class MeshProxies {
	readonly #options: MeshProxiesOptions;
	readonly #index: ProxyIndex;
	readonly #restarts: WorkloadRestarts;

	constructor(options: MeshProxiesOptions) {
		this.#options = options;
		this.#index = new ProxyIndex(options);
		this.#restarts = new WorkloadRestarts(options);
	}

	/** What is told of the proxies of a mesh. Undefined while nobody knows. */
	of(object: StoredInstallation, mesh: ResolvedMesh): ProxiesObservation | undefined {
		const { status } = object;
		const tells =
			status?.proxies !== undefined || status?.conditions?.some(({ type }) => type === 'ProxiesSupported') === true;
		// The proxies of a Pilot that serves another cluster are there.
		if (this.#options.lines.of(mesh).servedCluster(mesh) !== undefined) return { status: undefined };
		return this.#index.of(object.metadata.name, this.countedOf(object, mesh), tells);
	}

	/** How many there are at this moment. Undefined while nobody knows, `refused` when nobody may. */
	now(mesh: CountedMesh): ProxyCounts | 'refused' | undefined {
		return this.#index.now(mesh);
	}

	/**
	 * Who still uses a mesh that is being deleted, however invalid its spec is: a sentence. Undefined when nobody does, or
	 * nobody knows.
	 */
	async inUse(object: StoredInstallation, signal: AbortSignal): Promise<ProxiesInUse> {
		await this.#index.expect(expectMs, signal);
		const version = object.status?.version ?? '';
		const isAlone = [...this.#options.installations.all()].length === 1;
		const mesh = { namespace: namespaceOf(object), version, pilot: version, images: [], isAlone };
		const counts = this.#index.now(mesh);
		if (counts === undefined) return { isKnown: false, why: 'the pods of this cluster are not listed yet' };
		if (counts === 'refused')
			return {
				isKnown: false,
				why: 'the operator may not list and watch pods in all namespaces; meshwright install --rights-only gives it the right',
			};
		return { isKnown: true, sentence: useOf(counts) };
	}

	countedOf({ status }: StoredInstallation, mesh: ResolvedMesh): CountedMesh {
		const { lines, installations } = this.#options;
		const { version } = mesh.release;
		return {
			namespace: mesh.namespace,
			version,
			pilot: status?.version ?? version,
			images: lines.of(mesh).injectedImages(mesh),
			isAlone: [...installations.all()].length === 1,
		};
	}

	/** Makes one step of the restarts of workloads whose proxies are of another version. Rejects as requests do. */
	restart(
		object: StoredInstallation,
		mesh: ResolvedMesh,
		upgrade: RestartedMesh['upgrade'],
		signal: AbortSignal,
	): Promise<RestartStep> {
		const { name, generation = 0 } = object.metadata;
		const counted = this.countedOf(object, mesh);
		return this.#restarts.step(
			{ name, counted, upgrade, status: object.status, generation },
			this.#index.proxies(),
			signal,
		);
	}

	forget(mesh: string): void {
		this.#restarts.forget(mesh);
		this.#index.forget(mesh);
	}

	stop(): void {
		this.#index.stop();
	}
}
