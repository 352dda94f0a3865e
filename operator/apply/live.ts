/** What applying knows of the objects that are there: what reads the caches, and what tells them of writes. */
import type { Kind } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Child } from './child.ts';

/** Reads the caches. */
export interface LiveObjects {
	/** The cached object of this key (`objectKey`), if any installation of ours made it. */
	get(key: string): Child | undefined;
	/** All cached objects of an ApplySet. */
	ofApplySet(partOf: string): readonly Child[];
	/** Whether objects of this kind may be others by now than those that are cached. */
	isBehind?(kind: Kind): boolean;
}

/** The caches, and the place where the answer to a write goes before, or after, its watch event comes. */
export interface LiveCache extends LiveObjects {
	/**
	 * Announces a write of this object, so that its own event wakes nobody, whichever of event and answer comes first.
	 * The returned function takes the answer, or nothing when the write failed; it must be called.
	 */
	expectWrite(object: KubeObject): (answer?: KubeObject) => void;
	/** An object is known to be gone, before its watch event comes. */
	observeDeletion(object: KubeObject): void;
	/** Whether objects of this kind are known whoever made them: what is not cached is not there. */
	seesAll(object: KubeObject): boolean;
	/**
	 * Begins to watch those of these kinds that are not watched yet; resolves when they are listed. Their CRDs must be
	 * Established. Rejects with TransientError when the API server does not list them in time.
	 */
	follow(kinds: readonly Kind[]): Promise<void>;
}
