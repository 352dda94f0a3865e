/** `spec.overlays`: the user's last word on single rendered objects, for what has no field. It is not trusted. */
import type { Problem, Reason } from '../../api/v1/index.ts';
import type { ResolvedOverlay } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { finish, thaw } from './finish.ts';
import { applyPatch, measure, mergePatch, PatchError } from './json-patch.ts';
import { findForbidden } from './overlay-limits.ts';

/** What keeps an overlay from being applied. */
export interface OverlayProblem extends Omit<Problem, 'reason'> {
	/**
	 * `OverlayTargetNotFound`: nothing of that kind and name is rendered. `OverlayNotApplicable`: the patch does not fit the
	 * object. `Invalid`: it changes what is not its to change.
	 */
	readonly reason: Extract<Reason, 'Invalid' | 'OverlayTargetNotFound' | 'OverlayNotApplicable'>;
}

export type OverlayResult =
	| { readonly ok: true; readonly objects: readonly KubeObject[] }
	| { readonly ok: false; readonly problems: readonly OverlayProblem[] };

/** Overlays that can't be applied were not asked about before rendering. */
export class OverlayError extends Error {
	override readonly name = 'OverlayError';
	readonly problems: readonly OverlayProblem[];

	constructor(problems: readonly OverlayProblem[]) {
		super(problems.map(({ message, remedy }) => `${message} (${remedy})`).join('; '));
		this.problems = problems;
	}
}

/** Kinds that no overlay may change: keys, and what all meshes of the cluster share. */
const untouchable: ReadonlySet<string> = new Set(['Secret', 'CustomResourceDefinition']);

/** Characters that an object may take; rendered ones take less than a tenth of it. */
const maxSize = 256 * 1024;

/** Characters that all overlays may take together: about what the API server stores in one object. */
const maxGiven = 1024 * 1024;

/**
 * Finished objects with overlays applied, in their order, on copies; every problem is reported, not the first alone. What
 * an overlay gives stays as it was given, also where it is empty; null means absent, as everywhere.
 */
export function applyOverlays(objects: readonly KubeObject[], overlays: readonly ResolvedOverlay[]): OverlayResult {
	const excess = findExcess(overlays);
	if (excess !== undefined) {
		return { ok: false, problems: [excess] };
	}
	const changed = new Map<KubeObject, KubeObject>();
	const problems: OverlayProblem[] = [];
	for (const [index, overlay] of overlays.entries()) {
		const path = `spec.overlays[${index}]`;
		const rendered = objects.find(({ kind, metadata }) => isTarget(overlay, kind, metadata.name));
		if (untouchable.has(overlay.target.kind)) {
			problems.push(untouchableProblem(path, overlay));
		} else if (rendered === undefined) {
			problems.push(notFoundProblem(path, overlay, objects));
		} else {
			const result = applyOverlay(path, rendered, changed.get(rendered) ?? rendered, overlay);
			if ('problems' in result) {
				problems.push(...result.problems);
			} else {
				changed.set(rendered, result.object);
			}
		}
	}
	return problems.length > 0
		? { ok: false, problems }
		: { ok: true, objects: objects.map((object) => changed.get(object) ?? object) };
}

/** Overlays that are too much to look at. */
function findExcess(overlays: readonly ResolvedOverlay[]): OverlayProblem | undefined {
	const path = 'spec.overlays';
	return measure(overlays, maxGiven).size <= maxGiven
		? undefined
		: {
				path,
				reason: 'Invalid',
				message: `${path} take more than ${maxGiven} characters`,
				remedy: 'Change fewer fields.',
			};
}

function isTarget({ target }: ResolvedOverlay, kind: string, name: string): boolean {
	return target.kind === kind && target.name === name;
}

/** @param rendered the object before all overlays, which says what must stay */
function applyOverlay(
	path: string,
	rendered: KubeObject,
	before: KubeObject,
	overlay: ResolvedOverlay,
): { readonly object: KubeObject } | { readonly problems: readonly OverlayProblem[] } {
	try {
		const after = patched(before, overlay);
		if (measure(after).size > maxSize) {
			throw new PatchError(`makes the object larger than ${maxSize} characters`);
		}
		const forbidden = findForbidden(rendered, after);
		if (forbidden.length > 0) {
			const name = `${rendered.kind} ${rendered.metadata.name}`;
			return {
				problems: forbidden.map(({ what, remedy }) => ({
					path,
					reason: 'Invalid',
					message: `${path} must not ${what} of ${name}`,
					remedy,
				})),
			};
		}
		// Nothing forbidden was changed, so it still is an object of Kubernetes.
		const [object] = finish([after as unknown as KubeObject]);
		return object === undefined ? { problems: [] } : { object };
	} catch (error) {
		if (!(error instanceof PatchError)) {
			throw error;
		}
		const { kind, name } = overlay.target;
		const where =
			overlay.patch === undefined
				? `${path}.mergePatch`
				: `${path}.patch${error.operation === undefined ? '' : `[${error.operation}]`}`;
		return {
			problems: [
				{
					path: where,
					reason: 'OverlayNotApplicable',
					message: `${where} ${error.message} (${kind} ${name})`,
					remedy: 'Correct the overlay; meshwright render, without it, shows the object that it changes.',
				},
			],
		};
	}
}

function patched(object: KubeObject, { patch, mergePatch: merge }: ResolvedOverlay): Record<string, unknown> {
	const document = thaw(object) as Record<string, unknown>;
	if (merge !== undefined) {
		return mergePatch(document, merge, thaw) as Record<string, unknown>;
	}
	applyPatch(document, patch ?? [], thaw);
	return document;
}

function untouchableProblem(path: string, { target }: ResolvedOverlay): OverlayProblem {
	return {
		path: `${path}.target.kind`,
		reason: 'Invalid',
		message: `${path}.target.kind must not be ${target.kind}`,
		remedy: `Remove the overlay: nothing but the operator changes a ${target.kind} that it makes.`,
	};
}

/** Lists what there is of that kind, or else which kinds there are. */
function notFoundProblem(path: string, { target }: ResolvedOverlay, objects: readonly KubeObject[]): OverlayProblem {
	const possible = objects.filter(({ kind }) => !untouchable.has(kind));
	const names = possible.filter(({ kind }) => kind === target.kind).map(({ metadata }) => metadata.name);
	const kinds = [...new Set(possible.map(({ kind }) => kind))].sort();
	const there =
		names.length > 0 ? `there is ${names.join(', ')}` : `there is no ${target.kind} at all, but ${kinds.join(', ')}`;
	return {
		path: `${path}.target`,
		reason: 'OverlayTargetNotFound',
		message: `${path}.target ${target.kind} ${target.name} is not part of this installation: ${there}`,
		remedy: 'Name one of these objects, or remove the overlay.',
	};
}
