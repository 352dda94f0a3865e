/**
 * A gate says what in a mesh waits, for what, and in which words. Gates are values that every pass makes anew from what the
 * cluster shows, so no crash can lose one. A line lists its gates. Applying knows only held and kept objects.
 */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Sight } from './sight.ts';

export interface Gate {
	/** Its purpose, as one word of the code: `policy-before-configuration`. */
	readonly name: string;
	/**
	 * `held`: the objects are rendered and not written yet. `kept`: they are no longer rendered and not deleted yet.
	 * `delayed`: they are rendered and written, but with something in them still as it was before.
	 */
	readonly effect: 'held' | 'kept' | 'delayed';
	/** Keys of the objects (`objectKey`). */
	readonly objects: readonly string[];
	/** What they wait for, in a sentence for the status. It stays the same until the gate opens. */
	readonly sentence: string;
	/** Look again after this time. Undefined when a watch event tells that the gate is open. */
	readonly againInMs?: number;
}

/** What gates are decided from. */
export interface GateContext<Mesh extends ResolvedMesh, Facts> {
	readonly mesh: Mesh;
	readonly facts: Facts;
	/** What was rendered with these facts. */
	readonly objects: readonly KubeObject[];
	readonly sight: Sight;
	/** How long it takes until the control plane follows the rendered mesh configuration; 0 when it does. */
	readonly configFollowedInMs: number;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
}

/** All closed gates of a mesh, as applying reads them. */
export interface Waiting {
	/** Held objects by key, with what they wait for. */
	readonly held: ReadonlyMap<string, string>;
	/** Kept objects by key, with the reason why they stay. */
	readonly kept: ReadonlyMap<string, string>;
	/** Delayed objects by key, with what they wait for. */
	readonly delayed: ReadonlyMap<string, string>;
	/** Look again after this time, when no watch event opens a gate. */
	readonly againInMs: number | undefined;
}

/** Joins gates. When several hold one object, the last of them says why. */
export function waitingFor(gates: readonly Gate[]): Waiting {
	const by = (effect: Gate['effect']) =>
		new Map(
			gates
				.filter((gate) => gate.effect === effect)
				.flatMap(({ objects, sentence }) => objects.map((key) => [key, sentence] as const)),
		);
	const waits = gates.flatMap(({ againInMs }) => againInMs ?? []);
	return {
		held: by('held'),
		kept: by('kept'),
		delayed: by('delayed'),
		againInMs: waits.length === 0 ? undefined : Math.min(...waits),
	};
}
