/** Applies `spec.overlays`: users' changes of single rendered objects, for what has no field. They are not trusted. */
import type { Problem, Reason } from '../../api/v1/index.ts';
import type { OverlayPolicy, ResolvedOverlay } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { finish, thaw } from './finish.ts';
import { applyPatch, measure, mergePatch, PatchError } from './json-patch.ts';
import { type Forbidden, findForbidden } from './overlay-limits.ts';
import { findRefused } from './overlay-policy/policy.ts';

/** Why an overlay can't be applied. */
export interface OverlayProblem extends Omit<Problem, 'reason'> {
	/**
	 * - `OverlayTargetNotFound`: nothing of that kind and name is rendered.
	 * - `OverlayNotApplicable`: the patch does not fit the object.
	 * - `Invalid`: the patch changes something that no patch may change.
	 * - `OverlayNotAllowed`: the patch changes something that only whoever runs the operator can allow.
	 */
	readonly reason: Extract<Reason, 'Invalid' | 'OverlayTargetNotFound' | 'OverlayNotApplicable' | 'OverlayNotAllowed'>;
}

export type OverlayResult =
	| { readonly ok: true; readonly objects: readonly KubeObject[] }
	| { readonly ok: false; readonly problems: readonly OverlayProblem[] };

/** Kinds that no overlay may change: keys, and what all meshes of the cluster share. */
const untouchable: ReadonlySet<string> = new Set(['Secret', 'CustomResourceDefinition']);

/** An object may have this many characters. Rendered ones have less than a tenth of it. */
const maxObjectCharacters = 256 * 1024;

/** All overlays together may have this many characters: about what the API server stores in one object. */
const maxAllCharacters = 1024 * 1024;

/**
 * Applies overlays to copies of finished objects, in their order. Reports every problem, not the first alone. What an
 * overlay gives stays as it was given, even when it is empty. null means absent, as everywhere.
 */
export function applyOverlays(
	objects: readonly KubeObject[],
	overlays: readonly ResolvedOverlay[],
	policy: OverlayPolicy = 'restricted',
): OverlayResult {
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
			const result = applyOverlay(path, rendered, changed.get(rendered) ?? rendered, overlay, policy);
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

/** The problem of overlays that are too large to read. */
function findExcess(overlays: readonly ResolvedOverlay[]): OverlayProblem | undefined {
	const path = 'spec.overlays';
	return measure(overlays, maxAllCharacters).size <= maxAllCharacters
		? undefined
		: {
				path,
				reason: 'Invalid',
				message: `${path} take more than ${maxAllCharacters} characters`,
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
	policy: OverlayPolicy,
): { readonly object: KubeObject } | { readonly problems: readonly OverlayProblem[] } {
	try {
		const after = patched(before, overlay);
		if (measure(after).size > maxObjectCharacters) {
			throw new PatchError(`makes the object larger than ${maxObjectCharacters} characters`);
		}
		const forbidden = findForbidden(rendered, after);
		if (forbidden.length > 0) return { problems: mustNot(path, rendered, 'Invalid', forbidden) };
		// Nothing forbidden was changed, so it is still an object of Kubernetes.
		const [object] = finish([after as unknown as KubeObject]);
		if (object === undefined) return { problems: [] };
		const refused = findRefused(policy, rendered, object);
		return refused.length > 0 ? { problems: mustNot(path, rendered, 'OverlayNotAllowed', refused) } : { object };
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

function mustNot(
	path: string,
	{ kind, metadata }: KubeObject,
	reason: OverlayProblem['reason'],
	changes: readonly Forbidden[],
): readonly OverlayProblem[] {
	return changes.map(({ what, remedy }) => ({
		path,
		reason,
		message: `${path} must not ${what} of ${kind} ${metadata.name}`,
		remedy,
	}));
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

/** Lists the objects of that kind, or, when there are none, the kinds. */
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
