/** The proxies of each mesh: those in this cluster from the one index of all, and those in its joined clusters. */
import { namespaceOf } from '../../../api/v1/index.ts';
import type { Lines } from '../../lines/index.ts';
import {
	type CountedMesh,
	type CountsThere,
	countProxies,
	farOf,
	isOf,
	type ProxyCounts,
	type ProxyFacts,
	proxiesThereStatus,
	skewOf,
	unknownVersion,
	useOf,
} from '../../plan/proxies/count.ts';
import { countLagging } from '../../plan/proxies/restarts.ts';
import { runningIn, servedUnseen, type VersionProxies } from '../../plan/proxies/told.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ProxiesObservation, ProxiesThere } from '../../status/proxies.ts';
import type { InstallationCache, StoredInstallation } from '../installation.ts';
import type { JoinedProxies } from './joined-proxies.ts';
import type { SeenThere } from './pods-there.ts';
import { ProxyIndex, type ProxyIndexOptions } from './proxy-index.ts';
import { type RestartedMesh, type RestartStep, WorkloadRestarts } from './workload-restarts.ts';

export interface MeshProxiesOptions extends ProxyIndexOptions {
	readonly lines: Lines;
	readonly installations: Pick<InstallationCache, 'all'>;
	readonly joined: Pick<JoinedProxies, 'of' | 'doubtOf' | 'lookAgain' | 'forget'>;
	/** Names of the joined clusters whose proxies ask a mesh. */
	readonly remotesOf: (object: StoredInstallation) => readonly string[];
	/** The exact numbers in a joined cluster, for metrics. Undefined when nobody knows. */
	readonly onCountsThere?: ((mesh: string, counts: CountsThere | undefined) => void) | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
}

/** Who still uses a mesh. */
export interface ProxiesInUse {
	/** A sentence. Undefined when nobody does as far as is known. */
	readonly used: string | undefined;
	/** What is not known of it, and why, in a sentence. */
	readonly unknown: string | undefined;
}

/** A pass waits this long for the first list of pods. */
const expectMs = 5_000;
/** So many clusters are named in a sentence. */
const mostNamed = 5;

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
		const { status, metadata } = object;
		const tells =
			status?.proxies !== undefined || status?.conditions?.some(({ type }) => type === 'ProxiesSupported') === true;
		// The proxies of a Pilot that serves another cluster are there.
		if (this.#servesElsewhere(mesh)) return { status: undefined, elsewhere: servedUnseen };
		const counted = this.countedOf(object, mesh);
		const here = this.#index.of(metadata.name, counted, tells);
		const seen = this.#seenThere(object);
		const counts = countsOf(seen, counted);
		this.#options.onCountsThere?.(metadata.name, counts);
		if (here === undefined) return undefined;
		const { far, ...told } = here;
		const clauses = [far, ...[...counts].map(([cluster, there]) => farOf(there, counted.pilot, cluster))];
		return {
			...told,
			skew: skewOf(clauses.filter((clause) => clause !== undefined)),
			clusters: new Map([...seen].flatMap(([cluster, one]) => toldOf(cluster, one, counts))),
			unseenIn: [...seen].flatMap(([cluster, one]) => (one?.isRefused === true ? [cluster] : [])),
		};
	}

	/**
	 * Whether proxies of a version ask a mesh, by what is known at this moment.
	 * @param mesh as the version that they are of renders it, where that can be told
	 * @param isNow joined clusters that were not looked at just now are looked at again, and count as unknown until then
	 */
	ofVersion(object: StoredInstallation, mesh: ResolvedMesh, version: string, isNow = false): VersionProxies {
		if (this.#servesElsewhere(mesh)) return { running: undefined, unknown: servedUnseen, isElsewhere: true };
		const counted = this.countedOf(object, mesh);
		const now = this.#index.now(counted);
		const why =
			now === undefined
				? ['the pods of this cluster are not listed yet']
				: now === 'refused'
					? [
							'the operator may not list and watch pods in all namespaces; meshwright install --rights-only gives it the right',
						]
					: [];
		const here = now === undefined || now === 'refused' ? new Map() : now;
		const seen = this.#seenThere(object);
		const counts = countsOf(seen, counted);
		const doubts = [...seen].flatMap(([cluster, one]) => {
			const doubt = isNow ? this.#options.joined.doubtOf(object.metadata.name, cluster) : undefined;
			const unseen = counts.has(cluster) ? undefined : (one?.trouble ?? 'its pods are not listed yet');
			return doubt === undefined && unseen === undefined ? [] : [`in cluster ${cluster} ${doubt ?? unseen}`];
		});
		const untold = countOf(here, unknownVersion) + sum([...counts.values()].map((one) => countOf(one, unknownVersion)));
		const nameless =
			untold === 0 ? [] : [`the image of ${untold} ${untold === 1 ? 'proxy tells' : 'proxies tell'} no version`];
		const unknown = [...why, ...(doubts.length === 0 ? [] : [listOf(doubts)]), ...nameless];
		const there = [...counts].map(([name, one]) => ({ name, count: countOf(one, version) }));
		return {
			running: runningIn(countOf(here, version), there, version),
			unknown: unknown.length === 0 ? undefined : unknown.join('; '),
		};
	}

	/** How many there are at this moment in this cluster. Undefined while nobody knows, `refused` when nobody may. */
	now(mesh: CountedMesh): ProxyCounts | 'refused' | undefined {
		return this.#index.now(mesh);
	}

	/**
	 * All proxies that are known at this moment: those of this cluster, and those that a mesh has in its joined clusters. These are
	 * looked at again for whoever asks next: proxies that are in the way may have gone since.
	 */
	known(object: StoredInstallation): {
		readonly here: Iterable<ProxyFacts> | undefined;
		there(cluster: string): readonly ProxyFacts[] | undefined;
	} {
		const seen = this.#seenThere(object);
		this.#options.joined.lookAgain(object.metadata.name);
		return { here: this.#index.known, there: (cluster) => seen.get(cluster)?.proxies };
	}

	/** Who still uses a mesh that is being deleted, however invalid its spec is. */
	async inUse(object: StoredInstallation, signal: AbortSignal): Promise<ProxiesInUse> {
		await this.#index.expect(expectMs, signal);
		const version = object.status?.version ?? '';
		const isAlone = [...this.#options.installations.all()].length === 1;
		const mesh = { namespace: namespaceOf(object), version, pilot: version, images: [], isAlone };
		const here = this.#index.now(mesh);
		const seen = this.#seenThere(object);
		const counts = countsOf(seen, mesh);
		const why =
			here === undefined
				? 'the pods of this cluster are not listed yet'
				: here === 'refused'
					? 'the operator may not list and watch pods in all namespaces; meshwright install --rights-only gives it the right'
					: undefined;
		const doubts = [...seen.keys()].flatMap((cluster) => {
			const doubt = this.#options.joined.doubtOf(object.metadata.name, cluster);
			// Numbers of before are enough to wait, and not enough to end the wait.
			const isEnough = counts.get(cluster)?.size !== 0 && seen.get(cluster)?.trouble === undefined;
			return doubt === undefined || (counts.has(cluster) && isEnough) ? [] : [`in cluster ${cluster} (${doubt})`];
		});
		const unknown = [
			...(why === undefined ? [] : [`whether proxies still use it is not known: ${why}`]),
			...(doubts.length === 0
				? []
				: [
						`whether proxies use it is not known ${listOf(doubts)}: wait until they are listed, take the cluster out of spec.multiCluster.clusters, or end the wait by spec.deletion.force`,
					]),
		];
		return {
			used: useOf(here === undefined || here === 'refused' ? new Map() : here, counts),
			unknown: unknown.length === 0 ? undefined : unknown.join('; '),
		};
	}

	/**
	 * The proxies of a mesh, here and in joined clusters, as far as they are known. Neither proxies nor what is unknown: nobody
	 * has looked yet.
	 */
	users(
		object: StoredInstallation,
		mesh: ResolvedMesh,
	): { readonly proxies: readonly ProxyFacts[] | undefined; readonly unknown: string | undefined } {
		const counted = this.countedOf(object, mesh);
		if (this.#index.now(counted) === 'refused')
			return {
				proxies: undefined,
				unknown:
					'whether proxies use it is not known: the operator may not list and watch pods in all namespaces; meshwright install --rights-only gives it the right',
			};
		const here = this.#index.known;
		if (here === undefined) return { proxies: undefined, unknown: undefined };
		const seen = [...this.#seenThere(object)];
		const doubts = seen.flatMap(([cluster, one]) =>
			one?.proxies === undefined || one.trouble !== undefined ? [cluster] : [],
		);
		const all = [...here, ...seen.flatMap(([, one]) => one?.proxies ?? [])];
		return {
			proxies: all.filter((proxy) => isOf(proxy, counted)),
			unknown: doubts.length === 0 ? undefined : `whether proxies use it is not known in cluster ${listOf(doubts)}`,
		};
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
	async restart(
		object: StoredInstallation,
		mesh: ResolvedMesh,
		upgrade: RestartedMesh['upgrade'],
		signal: AbortSignal,
	): Promise<RestartStep> {
		const { name, generation = 0 } = object.metadata;
		const counted = this.countedOf(object, mesh);
		const step = await this.#restarts.step(
			{ name, counted, upgrade, status: object.status, generation },
			this.#index.proxies(),
			signal,
		);
		const elsewhere = this.#notRestarted(object, counted);
		if (elsewhere === undefined) return step;
		const { status = { waiting: 0, current: [] } } = step;
		const message = status.message === undefined ? elsewhere : `${status.message}; ${elsewhere}`;
		return { ...step, status: { ...status, message } };
	}

	forget(mesh: string): void {
		this.#restarts.forget(mesh);
		this.#index.forget(mesh);
		this.#options.joined.forget(mesh);
		this.#options.onCountsThere?.(mesh, undefined);
	}

	stop(): void {
		this.#index.stop();
	}

	/** Whether the proxies of a mesh are in a cluster that its Pilot serves from outside. */
	#servesElsewhere(mesh: ResolvedMesh): boolean {
		return this.#options.lines.of(mesh).servedCluster(mesh) !== undefined;
	}

	#seenThere(object: StoredInstallation): ReadonlyMap<string, SeenThere | undefined> {
		const { joined, remotesOf } = this.#options;
		return joined.of(object.metadata.name, remotesOf(object));
	}

	/** Which proxies in joined clusters lag, in a sentence: nobody restarts them there. */
	#notRestarted(object: StoredInstallation, counted: CountedMesh): string | undefined {
		const lagging = [...this.#seenThere(object)].flatMap(([cluster, seen]) => {
			const count = countLagging(seen?.proxies ?? [], counted);
			return count === 0 ? [] : [`${count} in cluster ${cluster}`];
		});
		return lagging.length === 0
			? undefined
			: `proxies of another version run in joined clusters (${listOf(lagging)}), where the operator restarts no workloads: do that there (kubectl rollout restart)`;
	}
}

function countOf(counts: ProxyCounts, version: string): number {
	return sum([...counts.values()].map((there) => there.get(version) ?? 0));
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((all, one) => all + one, 0);
}

function countsOf(seen: ReadonlyMap<string, SeenThere | undefined>, mesh: CountedMesh): CountsThere {
	return new Map(
		[...seen].flatMap(([cluster, one]) =>
			one?.proxies === undefined ? [] : [[cluster, countProxies(one.proxies, mesh)] as const],
		),
	);
}

/** What the status tells of a cluster. Nothing while nobody has looked, so that what it said before stays. */
function toldOf(
	cluster: string,
	seen: SeenThere | undefined,
	counts: CountsThere,
): readonly (readonly [string, ProxiesThere])[] {
	const known = counts.get(cluster);
	if (known !== undefined) return [[cluster, proxiesThereStatus(known)]];
	if (seen?.endedAtMs === undefined && seen?.isRefused !== true) return [];
	return [
		[
			cluster,
			{
				message:
					seen.isRefused === true
						? 'not known: the user of the kubeconfig may not list pods in all namespaces; meshwright clusters join, or deploy/remote, grants it'
						: `not known: ${seen.trouble}`,
			},
		],
	];
}

function listOf(words: readonly string[]): string {
	const more = words.length > mostNamed ? [`${words.length - mostNamed} more`] : [];
	return [...words.slice(0, mostNamed), ...more].join(', ');
}
