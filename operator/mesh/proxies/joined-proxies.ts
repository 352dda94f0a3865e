/** The proxies of each mesh in its joined clusters, from a look at each of them from time to time. */
import type { ClusterConnection } from '../../clusters/keep/connection.ts';
import { LookPace } from './look-pace.ts';
import { PodsThere, type SeenThere } from './pods-there.ts';

export interface JoinedProxiesOptions {
	/** Something else is known about the clusters of this mesh, or somebody waits for what is known. */
	readonly onChange: (mesh: string, isAwaited: boolean) => void;
	readonly onError: (error: unknown) => void;
	/** Each cluster is looked at this often. */
	readonly everyMs: number;
}

export class JoinedProxies {
	readonly #options: JoinedProxiesOptions;
	readonly #pace = new LookPace();
	readonly #meshes = new Map<string, Map<string, PodsThere>>();
	/** The look that goes on over each connection. */
	readonly #looks = new WeakMap<object, PodsThere>();

	constructor(options: JoinedProxiesOptions) {
		this.#options = options;
	}

	/** Begins to look at a cluster, unless it does already over this connection. It ends with the connection. */
	look(
		{ name, namespace }: { readonly name: string; readonly namespace: string },
		cluster: string,
		there: Pick<ClusterConnection, 'api' | 'endsWith'>,
	): void {
		const clusters = this.#meshes.get(name) ?? new Map<string, PodsThere>();
		this.#meshes.set(name, clusters);
		const known = this.#looks.get(there);
		if (known !== undefined) {
			clusters.set(cluster, known);
			return;
		}
		const { onChange, onError, everyMs } = this.#options;
		const { api } = there;
		const onNews = (isAwaited: boolean) => onChange(name, isAwaited);
		const look = new PodsThere({ api, namespace, pace: this.#pace, everyMs, onChange: onNews, onError });
		there.endsWith(() => look.stop());
		this.#looks.set(there, look);
		clusters.set(cluster, look);
	}

	/** What is seen of these clusters of a mesh. Others are forgotten. Undefined for one that is not looked at yet. */
	of(mesh: string, clusters: readonly string[]): ReadonlyMap<string, SeenThere | undefined> {
		const looks = this.#meshes.get(mesh);
		for (const name of looks?.keys() ?? []) if (!clusters.includes(name)) looks?.delete(name);
		return new Map(clusters.map((name) => [name, looks?.get(name)?.seen]));
	}

	/** Why nobody knows whether proxies are left in a cluster, as a clause. Undefined when it was looked at just now. */
	doubtOf(mesh: string, cluster: string): string | undefined {
		const look = this.#meshes.get(mesh)?.get(cluster);
		if (look === undefined) return 'the operator has not looked at its pods yet';
		if (look.isFresh) return undefined;
		look.lookNow();
		return look.seen.trouble ?? 'its pods are being listed again';
	}

	/** Looks again at all clusters of a mesh that were not looked at a moment ago. */
	lookAgain(mesh: string): void {
		for (const look of this.#meshes.get(mesh)?.values() ?? []) if (!look.isJustNow) look.lookNow();
	}

	forget(mesh: string): void {
		this.#meshes.delete(mesh);
	}
}
