/** What a process remembers of one of the meshes that an installation has: as its spec asks for, of another version, beside. */
import type { ResolvedMesh } from '../releases/index.ts';
import type { Prepared } from './prepare.ts';
import { emptyViewMemory, type ViewMemory } from './view.ts';

/** What is remembered of a mesh as one spec asks for it. */
export interface Side {
	view: ViewMemory;
	prepared:
		| {
				readonly spec: unknown;
				readonly serverVersion: string;
				readonly revisions: unknown;
				readonly value: Prepared;
		  }
		| undefined;
	/** The wanted mesh configuration, and the monotonic time since when all passes could write it. */
	configuration: { readonly mesh: ResolvedMesh; readonly hash: string; readonly since: number } | undefined;
}

/** What is remembered of a mesh that has not been looked at. Its view goes on from one that has, if there is one. */
export function emptySide(view: ViewMemory = emptyViewMemory()): Side {
	return { view: { ...view }, prepared: undefined, configuration: undefined };
}
