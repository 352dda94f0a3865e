/** The last step of rendering: gives equal content one form that nobody can change. */
import { type KubeObject, objectKey } from '../runtime/object.ts';

/**
 * Sorts the objects by kind, namespace and name, sorts their keys, removes everything empty, and freezes them to the last
 * field.
 */
export function finish(objects: readonly KubeObject[]): readonly KubeObject[] {
	return sorted(objects.map((object) => tidy(object) as KubeObject));
}

/** Finished objects, and others that are finished now. */
export function finishedWith(finished: readonly KubeObject[], more: readonly KubeObject[]): readonly KubeObject[] {
	return more.length === 0 ? finished : sorted([...finished, ...finish(more)]);
}

function sorted(objects: KubeObject[]): readonly KubeObject[] {
	return Object.freeze(objects.sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1)));
}

/** Subtrees that are kept as they are. In some fields of Kubernetes an empty object means "all". */
const verbatim = new WeakSet<object>();

/** Marks a value that a user gave in Kubernetes' own terms, so that its empty objects stay. */
export function asGiven<Value extends object>(value: Value): Value {
	const copy = structuredClone(value);
	verbatim.add(copy);
	return copy;
}

/** Empty lists and objects that stay: somebody wrote them on purpose, and they may mean "all" or "the default kind". */
const deliberatelyEmpty = new WeakSet<object>();

/**
 * A copy to change and to finish again. What is empty in `value` stays then; what becomes empty by the change goes. Use it
 * for values that are put into such a copy, too.
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

/**
 * Whether a value is an empty list or object. The API server drops or fills these, so writing them would look like a
 * difference.
 */
function isEmpty(value: unknown): boolean {
	return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isDeliberate(value: unknown): boolean {
	return typeof value === 'object' && value !== null && deliberatelyEmpty.has(value);
}
