/** What a process remembers of revisions that stand beside. All of it can be found out again. */
import type { KubeObject } from '../../runtime/object.ts';
import type { Side } from '../side.ts';

export interface BesideMemory {
	readonly sides: Map<string, Side>;
	/** The last list of all objects, and what it was made of. */
	united: { readonly parts: readonly unknown[]; readonly objects: readonly KubeObject[] } | undefined;
}

export function emptyBesideMemory(): BesideMemory {
	return { sides: new Map(), united: undefined };
}
