/** JSON as Go writes it. */

const escapes: Readonly<Record<string, string>> = {
	'<': '\\u003c',
	'>': '\\u003e',
	'&': '\\u0026',
	'\u2028': '\\u2028',
	'\u2029': '\\u2029',
	'\\b': '\\u0008',
	'\\f': '\\u000c',
};

/** Writes a value as `json.Marshal` of Go 1.10-1.13 does: safe inside HTML, and with fewer short escapes. */
export function goJson(value: unknown): string {
	return JSON.stringify(value).replaceAll(/\\\\|\\b|\\f|[<>&\u2028\u2029]/g, (found) => escapes[found] ?? found);
}
