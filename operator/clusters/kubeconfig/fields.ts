/**
 * Reads fields of somebody else's kubeconfig. It checks every type, and messages name fields by their place, never by
 * content.
 */
import { InvalidError } from '../../runtime/errors.ts';
import type { Plain, PlainMap } from '../untrusted-yaml.ts';

/** An object of a kubeconfig, and its place: `clusters[0].cluster`. */
export interface Fields {
	readonly path: string;
	readonly map: PlainMap;
}

/** The error for a mistake. */
export function invalid(message: string): InvalidError {
	return new InvalidError('KubeconfigInvalid', message);
}

/** The error for a power that no kubeconfig of somebody else gets. */
export function unsafe(message: string): InvalidError {
	return new InvalidError('KubeconfigUnsafe', message);
}

export function pathOf(fields: Fields, name: string): string {
	return fields.path === '' ? name : `${fields.path}.${name}`;
}

/** Whether the field is set. kubectl takes null and empty texts for nothing. */
export function isSet(fields: Fields, name: string): boolean {
	const value = fields.map.get(name);
	return value !== undefined && value !== null && value !== '';
}

/** Undefined when the field is not set. */
export function textOf(fields: Fields, name: string): string | undefined {
	const value = fields.map.get(name);
	if (value === undefined || value === null || value === '') {
		return undefined;
	}
	if (typeof value !== 'string') {
		throw invalid(`${pathOf(fields, name)} is not text: put it into quotes`);
	}
	return value;
}

/**
 * Has no fields when the value is not set.
 * @param path empty for the whole kubeconfig
 */
export function fieldsOf(value: Plain | undefined, path: string): Fields {
	if (value === undefined || value === null) {
		return { path, map: new Map() };
	}
	if (!(value instanceof Map)) {
		throw invalid(`${path === '' ? 'the kubeconfig' : path} is not an object with fields`);
	}
	return { path, map: value };
}

/**
 * The entry of that name in one of the three lists. All entries must have different names, the unused ones too: with two of
 * a name, readers might differ about which one is meant.
 * @param field the field of an entry with its content: `cluster` in `clusters`
 * @param wanted what names the entry, for messages: `current-context`
 */
export function entryOf(kubeconfig: Fields, list: string, field: string, name: string, wanted: string): Fields {
	const value = kubeconfig.map.get(list) ?? [];
	if (!Array.isArray(value)) {
		throw invalid(`${list} is not a list`);
	}
	const entries = value.map((entry: Plain, index) => fieldsOf(entry, `${list}[${index}]`));
	const seen = new Map<string, Fields>();
	for (const entry of entries) {
		const own = textOf(entry, 'name');
		if (own === undefined) {
			throw invalid(`${pathOf(entry, 'name')} is missing`);
		}
		const before = seen.get(own);
		if (before !== undefined) {
			throw invalid(
				`${pathOf(entry, 'name')} is the same as ${pathOf(before, 'name')}: give each entry a name of its own`,
			);
		}
		seen.set(own, entry);
	}
	const found = seen.get(name);
	if (found === undefined) {
		throw invalid(`${list} has no entry of the name in ${wanted}`);
	}
	return fieldsOf(found.map.get(field), pathOf(found, field));
}
