/** Hashes of values, for what is recorded and compared: equal values have equal ones in every version of the operator. */
import { createHash } from 'node:crypto';

/** 22 characters of base64url. */
export function digest(text: string): string {
	return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** JSON with sorted keys: the same text for equal values, whatever the order of their keys. What is undefined is left out. */
export function canonicalJson(value: unknown): string {
	if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
	if (value !== null && typeof value === 'object') {
		const fields = Object.entries(value)
			.filter(([, field]) => field !== undefined)
			.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
			.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
		return `{${fields.join(',')}}`;
	}
	return JSON.stringify(value) ?? 'null';
}
