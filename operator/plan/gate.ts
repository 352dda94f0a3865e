/**
 * A gate: what of a mesh waits, for what, and in which words. Gates are values that are made anew in every pass from what the
 * cluster shows, so no crash can lose one. A line lists its gates; applying knows only held and kept objects.
 */
import type { ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Sight } from './sight.ts';

export interface Gate {
	/** What it is for, in one word of the code: `policy-before-configuration`. */
	readonly name: string;
	/** `held`: rendered, and not written yet. `kept`: no longer rendered, and not deleted yet. */
	readonly effect: 'held' | 'kept';
	/** Keys of the objects (`objectKey`). */
	readonly objects: readonly string[];
	/** Until what, in a sentence for the status. */
	readonly sentence: string;
	/** Look again after so many milliseconds; absent where a watch event tells that the gate is open. */
	readonly againInMs?: number;
}

/** What gates are decided from. */
export interface GateContext<Mesh extends ResolvedMesh, Facts> {
	readonly mesh: Mesh;
	readonly facts: Facts;
	/** What was rendered with these facts. */
	readonly objects: readonly KubeObject[];
	readonly sight: Sight;
	/** In how many milliseconds the control plane follows the mesh configuration that was rendered; 0 where it does. */
	readonly configFollowedInMs: number;
}

/** One kind of gate: none where nothing has to wait. */
export type GateRule<Mesh extends ResolvedMesh, Facts> = (context: GateContext<Mesh, Facts>) => readonly Gate[];

/** All closed gates of a mesh, as applying reads them. */
export interface Waiting {
	/** By key, with what it waits for. */
	readonly held: ReadonlyMap<string, string>;
	/** By key, with why it stays. */
	readonly kept: ReadonlyMap<string, string>;
	/** Look again after so many milliseconds, where no watch event opens a gate. */
	readonly againInMs: number | undefined;
}

/** Where several gates hold one object, the last of them says why. */
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
		againInMs: waits.length === 0 ? undefined : Math.min(...waits),
	};
}
