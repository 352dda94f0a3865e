/** What resolving a MeshInstallation gives, and what it is told beside the spec. */
import type { ResolvedMesh } from './mesh.ts';
import type { ReleaseProblem } from './problem.ts';

export type ResolveResult<Mesh extends ResolvedMesh = ResolvedMesh> =
	| { readonly ok: true; readonly mesh: Mesh }
	| { readonly ok: false; readonly problems: readonly ReleaseProblem[] };

export interface ResolveOptions {
	/** Where images come from when the installation does not say: an air-gapped cluster's operator has its own answer. */
	readonly registry?: string;
}
