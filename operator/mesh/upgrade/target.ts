/** The mesh that a change of version leads to, also when its spec is not yet right: so that all checks can speak at once. */
import { isObject } from '../../../api/v1/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { FieldProblem } from '../../status/finding.ts';
import { type Prepared, type PrepareOptions, prepare } from '../prepare.ts';

export interface UpgradeTarget {
	/** What is wrong with the spec. */
	readonly problems: readonly FieldProblem[];
	/**
	 * The mesh, or the one without the fields that are not right. What it renders is looked at and never written. Undefined
	 * when even that can't be made, as for a version that nobody knows.
	 */
	readonly mesh: ResolvedMesh | undefined;
}

/** Each try takes away what was wrong at the one before. */
const mostTries = 12;

/** @param object a MeshInstallation, as somebody wrote it */
export function targetOf(object: unknown, options: PrepareOptions): UpgradeTarget {
	const prepared = prepare(object, options);
	if (prepared.ok) return { problems: [], mesh: prepared.mesh };
	// Without a version to hold it against, Kubernetes is new enough.
	const { serverVersion: _, ...lenient } = options;
	let [current, result]: [unknown, Prepared] = [object, prepare(object, lenient)];
	let problems = prepared.problems;
	const tried = new Map<string, number>();
	for (let left = mostTries; left > 0 && !result.ok; left--) {
		for (const { path } of result.problems) {
			const times = tried.get(path) ?? 0;
			tried.set(path, times + 1);
			current = without(current, partsOf(path), times);
		}
		result = prepare(current, lenient);
		// A spec is read in several steps, and each step tells only its own.
		problems = [...problems, ...newOnes(problems, result)];
	}
	return result.ok
		? { problems: [...problems, ...newOnes(problems, prepare(current, options))], mesh: result.mesh }
		: { problems, mesh: undefined };
}

/** Meshes that were found before, by what became of the spec: that stays the same while spec and Kubernetes do. */
const meshes = new WeakMap<Prepared, { readonly mesh: ResolvedMesh | undefined }>();

/**
 * The mesh of `targetOf`, found once for a spec.
 * @param prepared what became of the spec, the same value while it is the same
 */
export function targetOnce(object: unknown, prepared: Prepared, options: PrepareOptions): ResolvedMesh | undefined {
	if (prepared.ok) return prepared.mesh;
	const known = meshes.get(prepared) ?? { mesh: targetOf(object, options).mesh };
	meshes.set(prepared, known);
	return known.mesh;
}

/** Problems of other fields than those that were told, and taken away, already. */
function newOnes(told: readonly FieldProblem[], result: Prepared): readonly FieldProblem[] {
	if (result.ok) return [];
	return result.problems.filter(
		({ path }) => !told.some((one) => one.path === path || isBelow(one.path, path) || isBelow(path, one.path)),
	);
}

function isBelow(path: string, parent: string): boolean {
	return parent !== '' && (path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`));
}

/** `spec.overlays[0].target` as its parts. */
function partsOf(path: string): readonly string[] {
	return path.split(/[.[\]]+/).filter((part) => part !== '');
}

/** Without the field; the second time without the one around it, and so on. The version stays. */
function without(value: unknown, parts: readonly string[], times: number): unknown {
	// Overlays name each other's objects, so they go together.
	const whole = parts[1] === 'overlays' ? parts.slice(0, 2) : parts;
	const there = whole.slice(0, Math.max(2, whole.length - times));
	return there[0] !== 'spec' || there.length < 2 || there[1] === 'version' ? value : removed(value, there);
}

function removed(value: unknown, [part = '', ...rest]: readonly string[]): unknown {
	if (Array.isArray(value)) {
		const index = Number(part);
		return rest.length === 0
			? value.filter((_, at) => at !== index)
			: value.map((entry, at) => (at === index ? removed(entry, rest) : entry));
	}
	if (!isObject(value) || !Object.hasOwn(value, part)) return value;
	const { [part]: field, ...others } = value;
	return rest.length === 0 ? others : { ...others, [part]: removed(field, rest) };
}
