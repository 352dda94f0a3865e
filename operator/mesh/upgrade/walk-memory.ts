/** What a process remembers of a change of version. All of it can be found out again. */
import type { Composition } from '../../plan/upgrade/compose.ts';
import type { MeshView } from '../view.ts';

export interface WalkMemory {
	/** The last composition. Its lists stay the same while nothing differs, so that their objects are hashed once. */
	composed:
		| {
				readonly old: MeshView | undefined;
				readonly next: MeshView | undefined;
				readonly sources: string;
				readonly value: Composition;
		  }
		| undefined;
	/** The numbers of pods of the reached stages, and the monotonic time since when they have been these. */
	progress: { readonly numbers: string; readonly sinceMs: number } | undefined;
}

export function emptyWalkMemory(): WalkMemory {
	return { composed: undefined, progress: undefined };
}
