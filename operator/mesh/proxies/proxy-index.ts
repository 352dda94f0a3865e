/**
 * Keeps which proxies run in this cluster: one watch of all pods for all meshes, begun with the first mesh. Of each pod only
 * the few words of `ProxyFacts` are kept, and pods that are alike share them: 50,000 take 17 MB, and some 25 MB more while they are
 * listed (`npm run bench -- --only pods`).
 *
 * Pods come and go all the time. What is told of them changes at most every `quietMs`, so that no status is written for a
 * single pod.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
	type CountedMesh,
	countProxies,
	farOf,
	type ProxiesStatus,
	type ProxyCounts,
	type ProxyFacts,
	proxiesStatus,
} from '../../plan/proxies/count.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';
import type { ReflectorSource } from '../../runtime/watch/reflector-source.ts';
import { SharedProxies } from './read-proxy.ts';

export interface ProxyIndexOptions {
	readonly api: ApiServer;
	/** Something else is to be told about this mesh. */
	readonly onChange: (mesh: string) => void;
	/** The exact numbers of a mesh, for metrics. Undefined when it is gone. */
	readonly onCounts?: ((mesh: string, counts: ProxyCounts | undefined) => void) | undefined;
	readonly onError: (error: unknown) => void;
	/** What is told stays as it is for this time, whatever pods do. Default 30 s. */
	readonly quietMs?: number | undefined;
	/** Replaces the API server. */
	readonly source?: ReflectorSource | undefined;
}

/** What is told of the proxies of a mesh in this cluster. */
export interface ProxiesHere {
	/** Undefined when there are none, or when nobody may see them. */
	readonly status: ProxiesStatus | undefined;
	/** Which are too far from Pilot, as a clause. */
	readonly far?: string | undefined;
	/** Whether the operator may not see pods. */
	readonly isRefused?: boolean | undefined;
}

export const defaultQuietMs = 30_000;
/** Pods are listed in pages of this many, some 2 MB. They are read one after the other, as they come. */
const pageSize = 250;
/** What pods share is cleared of what none has any more when there is more of it than this. */
const mostShared = 10_000;

interface Asked {
	readonly mesh: CountedMesh;
	/** What is told until the next time. Undefined while nobody knows. */
	told: ProxiesHere | undefined;
	/** Whether its status tells of proxies. */
	tells: boolean;
}

export class ProxyIndex {
	readonly #options: ProxyIndexOptions;
	readonly #shared = new SharedProxies();
	readonly #pods: Reflector<ProxyFacts | undefined>;
	readonly #asked = new Map<string, Asked>();
	/** Resolves with the first list, or when it is refused. */
	readonly #answered = Promise.withResolvers<void>();
	#timer: NodeJS.Timeout | undefined;
	#isStarted = false;
	#isStopped = false;

	constructor(options: ProxyIndexOptions) {
		this.#options = options;
		const { api, onError, source } = options;
		this.#pods = new Reflector<ProxyFacts | undefined>(api, {
			kind: kinds.Pod,
			// The API server leaves out pods that have ended, and tells as a deletion when one ends.
			fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
			isPaged: true,
			pageSize,
			source,
			transform: (pod) => this.#shared.read(pod),
			onError: (error) => {
				if (!isForbidden(error)) {
					onError(error);
					return;
				}
				this.#answered.resolve();
				this.#settleIn(0);
			},
		});
		this.#pods.addHandler(({ old, current, initial }) => {
			// Equal facts are the same object.
			if (!initial && old !== current) this.#settleIn(options.quietMs ?? defaultQuietMs);
		});
		void this.#pods.synced.then(() => {
			this.#answered.resolve();
			this.#settleIn(0);
		});
	}

	/** Begins to look, unless it has. */
	start(): void {
		if (this.#isStarted || this.#isStopped) return;
		this.#isStarted = true;
		this.#pods.start();
	}

	/** Resolves when all pods have been listed, when nobody may list them, or after this time. */
	async expect(ms: number, signal: AbortSignal): Promise<void> {
		this.start();
		if (this.#pods.hasSynced || isForbidden(this.#pods.failure)) return;
		await Promise.race([this.#answered.promise, sleep(ms, undefined, { signal, ref: false })]);
	}

	/**
	 * What is told of the proxies of a mesh. Undefined while nobody knows. Begins to look at the first call.
	 * @param tells whether the status tells of proxies now
	 */
	of(name: string, mesh: CountedMesh, tells: boolean): ProxiesHere | undefined {
		if (this.#isStopped) return undefined;
		this.start();
		const known = this.#asked.get(name);
		if (known !== undefined && isDeepStrictEqual(known.mesh, mesh)) {
			known.tells = tells;
			return known.told;
		}
		const told = this.#look(name, mesh);
		this.#asked.set(name, { mesh, told, tells });
		return told;
	}

	/** How many proxies a mesh has at this moment. Undefined while nobody knows, `refused` when nobody may. */
	now(mesh: CountedMesh): ProxyCounts | 'refused' | undefined {
		if (isForbidden(this.#pods.failure)) return 'refused';
		return this.#pods.hasSynced ? countProxies(this.proxies(), mesh) : undefined;
	}

	/** The proxies of all meshes. Undefined while they are not listed. */
	get known(): Iterable<ProxyFacts> | undefined {
		return this.#pods.hasSynced && !isForbidden(this.#pods.failure) ? this.proxies() : undefined;
	}

	/** The proxies of all meshes that are known at this moment, one entry for each pod. */
	*proxies(): Iterable<ProxyFacts> {
		for (const facts of this.#pods.store.values()) if (facts !== undefined) yield facts;
	}

	forget(name: string): void {
		if (this.#asked.delete(name)) this.#options.onCounts?.(name, undefined);
	}

	stop(): void {
		this.#isStopped = true;
		clearTimeout(this.#timer);
		this.#pods.stop();
	}

	#settleIn(ms: number): void {
		if (this.#isStopped || (this.#timer !== undefined && ms > 0)) return;
		clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			this.#settle();
		}, ms);
		this.#timer.unref();
	}

	/** Takes note of what is told from now on. */
	#settle(): void {
		for (const [name, asked] of this.#asked) {
			const told = this.#look(name, asked.mesh);
			if (told === undefined || isDeepStrictEqual(told, asked.told)) continue;
			const isNews = asked.told !== undefined || asked.tells || !isDeepStrictEqual(told, nothing);
			asked.told = told;
			if (isNews) this.#options.onChange(name);
		}
		if (this.#shared.size > mostShared) this.#shared.keep(this.proxies());
	}

	#look(name: string, mesh: CountedMesh): ProxiesHere | undefined {
		const counts = this.now(mesh);
		if (counts === undefined) return undefined;
		if (counts === 'refused') return { status: undefined, isRefused: true };
		this.#options.onCounts?.(name, counts);
		return { status: proxiesStatus(counts), far: farOf(counts, mesh.pilot) };
	}
}

/** What is told of a mesh without proxies. */
const nothing: ProxiesHere = { status: undefined, far: undefined };
