/** Which revisions go, and when to look again. What is not known keeps a revision. Pure. */

/** What is known of the use of a revision. */
export type InUse = 'True' | 'False' | 'Unknown';

export interface PrunedRevision {
	readonly name: string;
	/** Whether it is one of this installation. */
	readonly isOwn: boolean;
	/** Whether the spec is about it, or a change of version leads to or from it. */
	readonly isActive: boolean;
	/** Undefined while nobody has looked. */
	readonly inUse: InUse | undefined;
	/** Milliseconds since 1970: since when nobody uses it. Undefined when that has not been told yet. */
	readonly unusedSinceMs: number | undefined;
}

export interface Pruning {
	/** Names of those whose time is over. */
	readonly over: readonly string[];
	/** Look again after this time: then the next one's may be over. */
	readonly againInMs: number | undefined;
}

/** @param graceMs how long a revision stays after the last one has left it */
export function prune(revisions: readonly PrunedRevision[], graceMs: number, nowMs: number): Pruning {
	const left = revisions.flatMap(({ name, isOwn, isActive, inUse, unusedSinceMs }) =>
		!isOwn || isActive || inUse !== 'False' ? [] : [{ name, ms: (unusedSinceMs ?? nowMs) + graceMs - nowMs }],
	);
	const waits = left.flatMap(({ ms }) => (ms > 0 ? [ms] : []));
	return {
		over: left.filter(({ ms }) => ms <= 0).map(({ name }) => name),
		againInMs: waits.length === 0 ? undefined : Math.min(...waits),
	};
}
