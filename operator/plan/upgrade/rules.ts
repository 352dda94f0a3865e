/** What a line alone knows about changes of version between its releases. */
import type { ObjectKind, Release, ResolvedMesh } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { UpgradeFinding } from './finding.ts';

/** A change of version whose new mesh can be rendered. */
export interface Hop<Mesh extends ResolvedMesh = ResolvedMesh> {
	readonly from: {
		readonly version: string;
		/** Undefined when this operator knows that release no more. */
		readonly release: Release | undefined;
		/** The mesh before, where it can be told. */
		readonly mesh: Mesh | undefined;
	};
	readonly to: Mesh;
}

export interface UpgradeRules<Mesh extends ResolvedMesh = ResolvedMesh> {
	/** The kinds of users' objects that the hop may do something to. */
	kinds(hop: Hop<Mesh>): readonly ObjectKind[];
	/** What the hop does to one object, which nobody trusts. Pure. */
	object(hop: Hop<Mesh>, object: KubeObject): readonly UpgradeFinding[];
	/** What it does to the mesh itself, with known issues. Pure. */
	mesh(hop: Hop<Mesh>, live: { readonly definitions: readonly KubeObject[] }): readonly UpgradeFinding[];
	/** What is known against the release of a mesh, whatever it comes from: bulletins of security and bugs that it meets. Pure. */
	release(mesh: Mesh): readonly UpgradeFinding[];
}
