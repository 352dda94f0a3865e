/** Something that only one MeshInstallation of a cluster can have. The oldest that asks for it gets it. */
import type { Problem, Reason } from '../../api/v1/index.ts';

export interface Exclusive {
	/** Whether a spec asks for it. The spec is read without trust, because the installation may be invalid. */
	asks(spec: unknown): boolean;
	/** The problem of the younger of two installations. `winner` is the name of the older one. */
	taken(winner: string): Omit<Problem, 'reason'> & { readonly reason: Reason };
}
