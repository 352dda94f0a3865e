/** What a process remembers of a change of version. All of it can be found out again. */
import type { Composition } from '../../plan/upgrade/compose.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { MeshView } from '../view.ts';
import type { Progress } from './progress.ts';

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
	/** For how long the stage has made no progress. */
	progress: Progress | undefined;
}

export function emptyWalkMemory(): WalkMemory {
	return { composed: undefined, progress: undefined };
}
