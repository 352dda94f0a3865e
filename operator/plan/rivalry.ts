/** What only one MeshInstallation of a cluster can have: the oldest that asks for it gets it. */
import type { Problem, Reason } from '../../api/v1/index.ts';

export interface Exclusive {
	/** Whether a spec asks for it. The spec is read without trust: it may be of an installation that is invalid. */
	asks(spec: unknown): boolean;
	/** What the younger of two installations is told. `winner` is the name of the older one. */
	taken(winner: string): Omit<Problem, 'reason'> & { readonly reason: Reason };
}
