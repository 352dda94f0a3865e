/** The input of resolving a MeshInstallation besides the spec, and its result. */
import type { MeshLimits } from './limits.ts';
import type { ResolvedMesh } from './mesh.ts';
import type { ReleaseProblem } from './problem.ts';
import type { StandingRevision } from './revisions.ts';

export type ResolveResult<Mesh extends ResolvedMesh = ResolvedMesh> =
	| { readonly ok: true; readonly mesh: Mesh }
	| { readonly ok: false; readonly problems: readonly ReleaseProblem[] };

export interface ResolveOptions {
	/** Registry of the images when the installation names none. The operator of an air-gapped cluster has its own. */
	readonly registry?: string;
	/** What whoever runs the operator allows. */
	readonly limits?: MeshLimits | undefined;
	/** The revisions that stand, where a line has several. Undefined where nobody has looked at a cluster. */
	readonly revisions?: readonly StandingRevision[] | undefined;
}
