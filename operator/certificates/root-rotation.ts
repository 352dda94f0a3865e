/**
 * Plans how all clusters of a mesh come from one root to another one, without a moment in which workloads refuse each other:
 *
 * 1. all trust both roots, and the former one's authorities go on signing, until every workload has learned of both;
 * 2. the new root's authorities sign, and both stay in trust until no certificate of the former one is left;
 * 3. the former root goes.
 *
 * A workload learns which roots to trust with its certificate, so a step takes one life of these after the last cluster has
 * made it. Where the mesh stands is read off the authority of this cluster, which goes first, so nothing has to be remembered. Pure.
 */

/** What this cluster has. */
export interface AuthorityHere {
	/** Id of the root that has signed it. */
	readonly root: string;
	/** Ids of all roots in trust, oldest first. */
	readonly roots: readonly string[];
	/** When either of them changed last, in milliseconds since 1970. */
	readonly changedAt: number;
}

/** What another cluster has been given. */
export interface AuthorityElsewhere {
	readonly cluster: string;
	readonly root: string;
	/** Ids of all roots in trust there, in the order of `AuthorityHere.roots`. */
	readonly roots: readonly string[];
	/** When it was given, in milliseconds since 1970. */
	readonly at: number;
}

export interface RotationPlan {
	/** The root whose authorities are to sign. */
	readonly root: string;
	/** All roots in trust. */
	readonly roots: readonly string[];
	/** `Learning`: both are in trust, and the former one signs. `Retiring`: the new one signs. */
	readonly stage: 'Steady' | 'Learning' | 'Retiring';
	/** Clusters that the next stage waits for. */
	readonly waitsFor: readonly string[];
	/** When the next stage begins, in milliseconds since 1970, if nothing else changes until then. */
	readonly nextAt: number | undefined;
}

export interface RotationState {
	/** Id of the root that the user gives. Undefined while there is none that can be used. */
	readonly root: string | undefined;
	readonly here: AuthorityHere | undefined;
	readonly elsewhere: readonly AuthorityElsewhere[];
	/** How long certificates of workloads last. */
	readonly workloadTtlMs: number;
	readonly nowMs: number;
}

/** Undefined when there is neither a root nor an authority: nothing can be made. */
export function planRotation({ root, here, elsewhere, workloadTtlMs, nowMs }: RotationState): RotationPlan | undefined {
	const settled = { waitsFor: [], nextAt: undefined };
	if (here === undefined) return root === undefined ? undefined : { root, roots: [root], stage: 'Steady', ...settled };
	if (root === undefined) return { root: here.root, roots: here.roots, stage: stageOf(here, here.root), ...settled };
	const known = here.roots.includes(root);
	const roots = known ? here.roots : [...here.roots, root];
	if (here.root === root && roots.length === 1) return { root, roots, stage: 'Steady', ...settled };
	const isLearning = here.root !== root;
	// What a cluster has to have before the next stage.
	const isThere = (one: AuthorityElsewhere) => (isLearning ? isSame(one.roots, roots) : one.root === root);
	const waitsFor = elsewhere.filter((one) => !isThere(one)).map(({ cluster }) => cluster);
	const since = Math.max(known ? here.changedAt : nowMs, ...elsewhere.filter(isThere).map(({ at }) => at));
	const nextAt = waitsFor.length === 0 ? since + workloadTtlMs : undefined;
	const isOver = nextAt !== undefined && nextAt <= nowMs;
	if (isLearning && isOver) return { root, roots, stage: 'Retiring', ...settled };
	if (isOver) return { root, roots: [root], stage: 'Steady', ...settled };
	return { root: here.root, roots, stage: isLearning ? 'Learning' : 'Retiring', waitsFor, nextAt };
}

function stageOf({ roots, root }: AuthorityHere, newest: string): RotationPlan['stage'] {
	if (roots.length === 1) return 'Steady';
	return roots.at(-1) === newest && root === newest ? 'Retiring' : 'Learning';
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
	return some.length === others.length && some.every((one, index) => one === others[index]);
}
