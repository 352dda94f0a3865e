/** The last step of rendering: one form for equal content, that nobody can change. */
import { type KubeObject, objectKey } from '../runtime/object.ts';

/** The objects sorted by kind, namespace and name, with sorted keys and without anything empty, frozen to the last field. */
export function finish(objects: readonly KubeObject[]): readonly KubeObject[] {
	const finished = objects.map((object) => tidy(object) as KubeObject);
	finished.sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
	return Object.freeze(finished);
}

/** A subtree that is kept as it is: in some of Kubernetes' fields an empty object means "all". */
const verbatim = new WeakSet<object>();

/** Marks a value that a user gave in Kubernetes' own words, so that its empty objects stay. */
export function asGiven<Value extends object>(value: Value): Value {
	const copy = structuredClone(value);
	verbatim.add(copy);
	return copy;
}

/** Empty lists and objects that stay where they are: they were written so, and may mean "all" or "the default kind". */
const deliberatelyEmpty = new WeakSet<object>();

/**
 * A copy to change and to finish again. What is empty in `value` stays then; what the change leaves empty behind it goes.
 * Also for values that are put into such a copy.
 */
export function thaw(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) {
		return value;
	}
	const copy = Array.isArray(value)
		? value.map(thaw)
		: Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, thaw(entry)]));
	if (isEmpty(copy)) {
		deliberatelyEmpty.add(copy);
	}
	return copy;
}

function tidy(value: unknown, keepEmpty = false): unknown {
	if (typeof value !== 'object' || value === null) {
		return value;
	}
	const keep = keepEmpty || verbatim.has(value);
	if (Array.isArray(value)) {
		return Object.freeze(value.map((entry) => tidy(entry, keep)));
	}
	return Object.freeze(
		Object.fromEntries(
			Object.entries(value)
				.map(([key, entry]) => [key, tidy(entry, keep), keep || isDeliberate(entry)] as const)
				.filter(([, entry, stays]) => entry !== undefined && entry !== null && (stays || !isEmpty(entry)))
				.map(([key, entry]) => [key, entry] as const)
				.sort(([a], [b]) => (a < b ? -1 : 1)),
		),
	);
}

/** Empty lists and objects, which the API server drops or fills: writing them makes a difference that is none. */
function isEmpty(value: unknown): boolean {
	return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isDeliberate(value: unknown): boolean {
	return typeof value === 'object' && value !== null && deliberatelyEmpty.has(value);
}
