/** Every event of a watch over all objects of a kind in a namespace, in the order in which the API server stored them. */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { openWatch } from '../../operator/runtime/watch/watch-stream.ts';
import { eventually } from './eventually.ts';

export interface Observing {
	/** Waits until everything that the API server has now has been seen. */
	readonly caughtUp: () => Promise<void>;
	readonly stop: () => void;
}

export interface Sighting<T> {
	readonly type: 'present' | 'gone';
	readonly object: T;
}

/** Begins with what there is. The namespace may not be there yet. */
export async function observe<T extends KubeObject>(
	api: ApiServer,
	kind: Kind,
	namespace: string,
	see: (sighting: Sighting<T>) => void,
): Promise<Observing> {
	/** resourceVersions by uid. */
	const seen = new Map<string, string>();
	const note = (type: Sighting<T>['type'], object: KubeObject) => {
		const { uid = '', resourceVersion = '' } = object.metadata;
		if (type === 'gone') seen.delete(uid);
		else seen.set(uid, resourceVersion);
		see({ type, object: object as T });
	};
	const { items, resourceVersion } = await api.list<T>(kind, { namespace });
	for (const item of items) note('present', item);
	let failure: Error | undefined;
	const watch = openWatch(
		api,
		kind,
		{ namespace, resourceVersion, timeoutSeconds: 3_600 },
		{
			opened: () => undefined,
			event: (event) => {
				if (event.type !== 'bookmark') note(event.type === 'deleted' ? 'gone' : 'present', event.object);
			},
			ended: (end) => {
				failure = 'error' in end ? end.error : new Error('the API server ended the watch');
			},
		},
	);
	return {
		caughtUp: async () => {
			await eventually(`all ${kind.plural} of ${namespace} are seen`, async () => {
				const now = (await api.list<KubeObject>(kind, { namespace })).items;
				if (failure !== undefined) throw failure;
				return (
					now.length === seen.size &&
					now.every(({ metadata }) => seen.get(metadata.uid ?? '') === metadata.resourceVersion)
				);
			});
		},
		stop: () => watch.close(),
	};
}

/** How many pods of each workload are ready, at each event. */
export interface ReadyPods extends Observing {
	/** Names of the pods that are ready now, of a workload by its name, and without those that are on their way out. */
	readonly of: (workload: string) => readonly string[];
	/** How many pods of a workload there are now, ready or not, with those on their way out. */
	readonly count: (workload: string) => number;
	/** The fewest of a workload that were ready at any moment since `forget`. */
	readonly fewest: (workload: string) => number;
	/** The most that there were of them at any moment since `forget`, ready or not, with those on their way out. */
	readonly most: (workload: string) => number;
	readonly forget: () => void;
}

interface Pod extends KubeObject {
	readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export async function watchReadyPods(api: ApiServer, namespace: string): Promise<ReadyPods> {
	const all = new NamesByWorkload();
	const ready = new NamesByWorkload();
	const observing = await observe<Pod>(api, kinds.Pod, namespace, ({ type, object: { metadata, status } }) => {
		const workload = metadata.labels?.['app.kubernetes.io/name'] ?? '';
		const isReady =
			type === 'present' &&
			metadata.deletionTimestamp === undefined &&
			status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
		all.note(workload, metadata.name, type === 'present');
		ready.note(workload, metadata.name, isReady);
	});
	return {
		...observing,
		of: (workload) => ready.of(workload),
		count: (workload) => all.of(workload).length,
		fewest: (workload) => ready.bounds(workload).fewest,
		most: (workload) => all.bounds(workload).most,
		forget: () => {
			all.forget();
			ready.forget();
		},
	};
}

/** Names by workload, with the fewest and the most that there were. */
class NamesByWorkload {
	readonly #names = new Map<string, Set<string>>();
	#bounds = new Map<string, { readonly fewest: number; readonly most: number }>();

	note(workload: string, name: string, isIn: boolean): void {
		const names = this.#names.get(workload) ?? new Set();
		this.#names.set(workload, names);
		const { fewest, most } = this.bounds(workload);
		if (isIn) names.add(name);
		else names.delete(name);
		this.#bounds.set(workload, { fewest: Math.min(fewest, names.size), most: Math.max(most, names.size) });
	}

	of(workload: string): readonly string[] {
		return [...(this.#names.get(workload) ?? [])].sort();
	}

	bounds(workload: string): { readonly fewest: number; readonly most: number } {
		const now = this.#names.get(workload)?.size ?? 0;
		return this.#bounds.get(workload) ?? { fewest: now, most: now };
	}

	forget(): void {
		this.#bounds = new Map();
	}
}
