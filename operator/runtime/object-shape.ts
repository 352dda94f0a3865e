/**
 * Checks whether an answer has the form of an object. Not every API server that we speak with is one, or is well-meant. The
 * fields that are read everywhere without a check have to be right, or the mistake would surface in the middle of a cache.
 */

const texts = ['namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp'] as const;
const maps = ['labels', 'annotations'] as const;

/** Kubernetes allows no longer names, namespaces, versions and managers. */
const longestName = 253;

/** Whether the metadata can be read as that of an object. */
export function hasHeader(object: unknown): boolean {
	if (!isRecord(object) || !isRecord(object.metadata)) return false;
	const { metadata } = object;
	return (
		isName(metadata.name) &&
		texts.every((field) => isAbsent(metadata[field]) || isName(metadata[field])) &&
		maps.every((field) => isAbsent(metadata[field]) || isTextMap(metadata[field])) &&
		(isAbsent(metadata.generation) || typeof metadata.generation === 'number') &&
		isListOf(metadata.finalizers, (finalizer) => typeof finalizer === 'string') &&
		isListOf(metadata.ownerReferences, isRecord) &&
		isListOf(metadata.managedFields, isManagedFieldsEntry)
	);
}

function isName(value: unknown): value is string {
	return typeof value === 'string' && value.length <= longestName;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The records of a list. None when it is no list. */
export function recordsIn(value: unknown): readonly Readonly<Record<string, unknown>>[] {
	return Array.isArray(value) ? value.filter(isRecord) : [];
}

function isAbsent(value: unknown): boolean {
	return value === undefined || value === null;
}

function isTextMap(value: unknown): boolean {
	return isRecord(value) && Object.values(value).every((one) => typeof one === 'string');
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
	return isAbsent(value) || (Array.isArray(value) && value.every(isMember));
}

function isManagedFieldsEntry(value: unknown): boolean {
	return (
		isRecord(value) &&
		(isAbsent(value.manager) || isName(value.manager)) &&
		(isAbsent(value.fieldsV1) || isRecord(value.fieldsV1))
	);
}
