/**
 * How applying sees the existing objects: an interface that reads the caches, and one that tells the caches about writes.
 */
import { type Kind, kinds } from '../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import type { Child } from './child.ts';

/** Reads the caches. */
export interface LiveObjects {
	/** The cached object with this key (`objectKey`), if any installation of ours made it. */
	get(key: string): Child | undefined;
	/** All cached objects of an ApplySet. */
	ofApplySet(partOf: string): readonly Child[];
	/** Whether the cached objects of this kind may be outdated. */
	isBehind?(kind: Kind): boolean;
}

/** The caches, which also take the answers to writes, before or after the watch events of these writes. */
export interface LiveCache extends LiveObjects {
	/**
	 * Announces a write of this object, so that its own watch event wakes nobody, whether the event or the answer comes
	 * first. The caller must call the returned function, with the answer, or with nothing when the write failed.
	 */
	expectWrite(object: KubeObject): (answer?: KubeObject) => void;
	/** Tells that an object is gone, before its watch event comes. */
	observeDeletion(object: KubeObject): void;
	/** Whether all objects of this kind are cached, whoever made them. Then what is not cached does not exist. */
	seesAll(object: KubeObject): boolean;
	/**
	 * Begins to watch those of these kinds that are not watched yet, and resolves when they are listed. Their CRDs must be
	 * Established. Rejects with TransientError when the API server does not list them in time.
	 */
	follow(kinds: readonly Kind[]): Promise<void>;
}

/** A namespace as the caches show it: they see all, whoever made them. Undefined when there is none of that name. */
export function namespaceIn(live: { get(key: string): Child | undefined }, name: string): Child | undefined {
	return live.get(objectKey({ ...kinds.Namespace, name }));
}
