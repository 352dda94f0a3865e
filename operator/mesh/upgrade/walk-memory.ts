/** What a process remembers of a change of version. All of it can be found out again. */
import type { Composition } from '../../plan/upgrade/compose.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { MeshView } from '../view.ts';

export interface Progress {
	readonly numbers: string;
	/** Milliseconds. */
	readonly quietMs: number;
	/** When they were looked at last, monotonic, milliseconds. */
	readonly lookedAtMs: number;
}

export interface WalkMemory {
	/** The last composition. Its lists stay the same while nothing differs, so that their objects are hashed once. */
	composed:
		| {
				readonly old: MeshView | undefined;
				readonly likely: ResolvedMesh | undefined;
				readonly next: MeshView | undefined;
				readonly sources: string;
				readonly value: Composition;
		  }
		| undefined;
	/** The numbers of pods of the reached stages, and for how long they have been seen to be these. */
	progress: Progress | undefined;
}

/** A time in which nobody has looked counts as no more than this, milliseconds. */
const longestUnseenMs = 30_000;

/**
 * What is remembered after a look at the numbers. A time in which nobody looked counts as little: the mesh may have been
 * paused, or the API server away, and with it all who could have got on.
 * @param nowMs monotonic, milliseconds
 */
export function looked(before: Progress | undefined, numbers: string, nowMs: number): Progress {
	if (before?.numbers !== numbers) return { numbers, quietMs: 0, lookedAtMs: nowMs };
	const sinceMs = Math.min(nowMs - before.lookedAtMs, longestUnseenMs);
	return { numbers, quietMs: before.quietMs + sinceMs, lookedAtMs: nowMs };
}

export function emptyWalkMemory(): WalkMemory {
	return { composed: undefined, progress: undefined };
}
