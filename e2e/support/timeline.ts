/**
 * What happens to objects of several kinds, in the one order in which etcd stored it: watches of different kinds know
 * nothing of each other, but each version of an object has the revision of the whole store.
 */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kindOf } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { openWatch, type Watch } from '../../operator/runtime/watch/watch-stream.ts';
import { eventually } from './eventually.ts';

export interface Moment {
	readonly revision: number;
	readonly key: string;
	/** Undefined from its deletion on. */
	readonly object: KubeObject | undefined;
}

export interface Timeline {
	/** What has happened so far, the objects that stood at the beginning first. */
	readonly soFar: () => readonly Moment[];
	/** Waits until the present is in it, and ends it. */
	readonly stop: () => Promise<readonly Moment[]>;
}

export interface TimelineOptions {
	/** Of those kinds that have one. */
	readonly namespace: string;
	readonly kinds: readonly Kind[];
}

export async function recordTimeline(
	api: ApiServer,
	{ namespace, kinds: watched }: TimelineOptions,
): Promise<Timeline> {
	const moments: Moment[] = [];
	let failure: Error | undefined;
	const revisionOf = ({ metadata }: KubeObject) => Number(metadata.resourceVersion);
	const add = (object: KubeObject, isGone: boolean) =>
		moments.push({ revision: revisionOf(object), key: objectKey(object), object: isGone ? undefined : object });
	const scopeOf = (kind: Kind) => (kind.namespaced ? { namespace } : {});
	const begin = async (kind: Kind): Promise<Watch> => {
		const { items, resourceVersion } = await api.list<KubeObject>(kind, scopeOf(kind));
		for (const item of items) add(item, false);
		return openWatch(
			api,
			kind,
			{ ...scopeOf(kind), resourceVersion, timeoutSeconds: 600 },
			{
				opened: () => undefined,
				event: (event) => {
					if (event.type !== 'bookmark') add(event.object, event.type === 'deleted');
				},
				ended: (end) => {
					failure = 'error' in end ? end.error : new Error(`the API server ended the watch of ${kind.plural}`);
				},
			},
		);
	};
	const watches = await Promise.all(watched.map(begin));
	const soFar = () => moments.toSorted((a, b) => a.revision - b.revision);
	const isComplete = async (kind: Kind) => {
		const { items } = await api.list<KubeObject>(kind, scopeOf(kind));
		const last = [...stateOf(soFar()).values()].filter((object) => kindOf(object) === kind);
		const versions = new Set(last.map(({ metadata }) => metadata.resourceVersion));
		return items.length === last.length && items.every(({ metadata }) => versions.has(metadata.resourceVersion));
	};
	const stop = async () => {
		try {
			await eventually('the timeline is complete', async () => {
				if (failure !== undefined) throw failure;
				return (await Promise.all(watched.map(isComplete))).every(Boolean);
			});
		} finally {
			for (const watch of watches) watch.close();
		}
		return soFar();
	};
	return { soFar, stop };
}

/** What stands after all these moments, by key. */
export function stateOf(moments: readonly Moment[]): ReadonlyMap<string, KubeObject> {
	const state = new Map<string, KubeObject>();
	for (const { key, object } of moments) {
		if (object === undefined) state.delete(key);
		else state.set(key, object);
	}
	return state;
}
