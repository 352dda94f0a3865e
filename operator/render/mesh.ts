/** From the components of a mesh to every object of it. Pure: the object rendered is the object applied. */
import type { ResolvedOverlay } from '../releases/index.ts';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { finish } from './finish.ts';
import { applyOverlays, type OverlayProblem, type OverlayResult } from './overlays.ts';

/** Problems of overlays, which only show once there are objects to change. */
export type RenderResult = OverlayResult;

/** What a line says of a mesh. */
export interface Components<Facts> {
	/** All objects but Istio's definitions, unfinished, as far as they can be made of these facts. */
	readonly of: (facts: Facts) => readonly KubeObject[];
	/** In the place of what only a cluster knows: with these, every object is made. */
	readonly standIns: Facts;
	readonly overlays: readonly ResolvedOverlay[];
}

/** Overlays that can't be applied were not asked about before rendering. */
export class OverlayError extends Error {
	override readonly name = 'OverlayError';
	readonly problems: readonly OverlayProblem[];

	constructor(problems: readonly OverlayProblem[]) {
		super(problems.map(({ message, remedy }) => `${message} (${remedy})`).join('; '));
		this.problems = problems;
	}
}

/** All objects but Istio's definitions, sorted, deep-frozen, without anything empty; or what is wrong with the overlays. */
export function renderComponents<Facts extends object>(
	{ of, standIns, overlays }: Components<Facts>,
	facts: Facts,
): RenderResult {
	const objects = finish(of(facts));
	if (overlays.length === 0) {
		return { ok: true, objects };
	}
	// An overlay may be for an object that has to wait for the cluster: it is judged now, and applied when the object comes.
	const present = new Set(objects.map(objectKey));
	const later = finish(of({ ...standIns, ...facts })).filter((object) => !present.has(objectKey(object)));
	const result = applyOverlays([...objects, ...later], overlays);
	return result.ok
		? { ok: true, objects: Object.freeze(result.objects.filter((object) => present.has(objectKey(object)))) }
		: result;
}
