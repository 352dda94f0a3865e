/** Turns the components of a mesh into its finished objects. Pure: the object rendered is the object applied. */
import type { OverlayPolicy, ResolvedOverlay } from '../releases/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { finish } from './finish.ts';
import { applyOverlays, type OverlayProblem, type OverlayResult } from './overlays.ts';

/** The objects, or problems of overlays, which show only when there are objects to change. */
export type RenderResult = OverlayResult;

/** What a line renders for a mesh. */
export interface Components<Facts> {
	/** All objects except Istio's definitions, before `finish`, as far as these facts allow to make them. */
	readonly of: (facts: Facts) => readonly KubeObject[];
	/** Stand-ins for what only a cluster knows. With these, every object is made. */
	readonly standIns: Facts;
	readonly overlays: readonly ResolvedOverlay[];
	/** Default: `restricted`. */
	readonly overlayPolicy?: OverlayPolicy | undefined;
}

/** Overlays can't be applied, and nobody called `checkOverlays` before rendering. */
export class OverlayError extends Error {
	override readonly name = 'OverlayError';
	readonly problems: readonly OverlayProblem[];

	constructor(problems: readonly OverlayProblem[]) {
		super(problems.map(({ message, remedy }) => `${message} (${remedy})`).join('; '));
		this.problems = problems;
	}
}

/** All objects except Istio's definitions, sorted, deep-frozen, without anything empty; or the problems of the overlays. */
export function renderComponents<Facts extends object>(
	{ of, standIns, overlays, overlayPolicy }: Components<Facts>,
	facts: Facts,
): RenderResult {
	const objects = finish(of(facts));
	if (overlays.length === 0) {
		return { ok: true, objects };
	}
	// An overlay may be for an object that waits for the cluster. It is checked now, and applied when the object is made.
	const present = new Set(objects.map(objectKey));
	const later = finish(of({ ...standIns, ...facts })).filter((object) => !present.has(objectKey(object)));
	const result = applyOverlays([...objects, ...later], overlays, overlayPolicy);
	return result.ok
		? { ok: true, objects: Object.freeze(result.objects.filter((object) => present.has(objectKey(object)))) }
		: result;
}
